"""Wire contracts of the exchange: what its messages look like, and nothing of what is done with them."""
