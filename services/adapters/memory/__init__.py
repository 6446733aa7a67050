"""In-memory twins of the ports: what tests run on, held to the same words as the real adapters by tests/contract."""
