"""Intake: checks, normalises and de-duplicates each RFI; refuses with every problem listed."""
