"""Tells partners' programs what happened to their referrals: events become durable deliveries, deliveries posts."""
