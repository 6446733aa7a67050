"""The inbox page under load, with a million referrals, beside a bare handler that asks the same of the database."""
