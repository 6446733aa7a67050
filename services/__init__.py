"""The referral exchange: rules in core, the world in adapters, one room for each process."""
