"""Everything that touches the world: Kafka, MongoDB, SMTP, clock, settings, telemetry, and in-memory twins."""
