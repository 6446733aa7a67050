"""The exchange's own API beside the contract: one file for each resource; errors are problem details."""
