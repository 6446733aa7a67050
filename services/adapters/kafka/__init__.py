"""Everything that touches Kafka: the delivery wrapper, the publisher, followers and administration."""
