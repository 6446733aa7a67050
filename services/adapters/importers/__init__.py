"""How data of others becomes RFIs, partners and profiles. Parsing alone: nothing here writes or publishes."""
