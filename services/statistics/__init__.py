"""Statistics: what becomes of referrals, folded into what matching knows of each profile."""
