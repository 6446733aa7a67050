"""How does a link prove that we made it? Signed texts: what a link names is readable, nobody else can make one."""

from __future__ import annotations

import hashlib
import secrets

from itsdangerous import BadSignature, Signer

from services.core.account_stores import SecretStore
from services.core.errors import DependencyUnavailable

#: Name under which a key is kept when the settings give none.
LINK_KEY = "link-key"
#: Longest signed text looked at.
_LONGEST = 4000


class SignedLinks:
    """Port `LinkSigner`. `load()` comes before the first use.

    Args:
        keys: from the settings, separated by commas: the first signs, all of them verify, so a key is replaced by
            putting a new one in front, and what an old one signed is revoked by leaving it out. Empty: the exchange
            makes one and keeps it in its database.
        store: where that one is kept.
    """

    def __init__(self, keys: str, store: SecretStore) -> None:
        self._keys = [key.strip() for key in keys.split(",") if key.strip()]
        self._store = store

    async def load(self) -> None:
        """Fetch, or make, the key where none was given.

        Raises:
            DependencyUnavailable: it can't be fetched now.
        """
        if not self._keys:
            self._keys = [await self._store.keep(LINK_KEY, secrets.token_urlsafe(32))]

    def sign(self, purpose: str, text: str) -> str:
        """The text with its signature; good for this purpose alone."""
        return self._signer(purpose).sign(text).decode()

    def read(self, purpose: str, signed: str) -> str | None:
        """The text, if one of our keys signed it for this purpose."""
        if len(signed) > _LONGEST or not signed.isascii():
            return None
        try:
            return self._signer(purpose).unsign(signed).decode()
        except (BadSignature, UnicodeDecodeError):
            return None

    def _signer(self, purpose: str) -> Signer:
        if not self._keys:
            raise DependencyUnavailable("mongo", "the keys of links are not loaded yet")
        # The library's newest key stands last.
        return Signer(
            self._keys[::-1], salt=f"referrals.{purpose}", key_derivation="hmac", digest_method=hashlib.sha256
        )
