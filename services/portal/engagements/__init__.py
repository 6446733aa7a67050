"""The Partner Center referrals contract at /v1.0/engagements: where CRMs connect."""
