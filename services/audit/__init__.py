"""Audit: proves that nothing is lost and nothing doubled, or says what is."""
