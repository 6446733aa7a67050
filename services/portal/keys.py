"""How are keys made and stored? They are long and random, so a plain hash of them is enough."""

from __future__ import annotations

import hashlib
import secrets


def new_key(prefix: str = "") -> str:
    """A key with 256 bits of chance; the prefix tells secret scanners and people what it is."""
    return prefix + secrets.token_urlsafe(32)


def key_hash(key: str) -> str:
    """How a key is stored."""
    return hashlib.sha256(key.encode()).hexdigest()
