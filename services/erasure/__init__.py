"""Erasure: finds a customer's data everywhere, takes it out, and sees to it that it stays out."""
