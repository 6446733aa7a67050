"""Expirer: reminds, ages and expires what nobody answers."""
