"""Notifier: turns events into mails, each sent once."""
