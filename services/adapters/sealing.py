"""How do secrets that must stay readable lie in the database, so that a copy of it opens nothing?

A webhook's secret and the key of our links are needed as they are, so no hash will do: they are encrypted with keys
from the settings (Fernet of the library cryptography). Without keys they lie there as they are.
"""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from services.core.errors import Misconfigured

#: Begins every sealed text; no secret of ours begins so.
_MARK = "sealed:"


class Seal:
    """Closes and opens texts.

    Args:
        keys: long and random, separated by commas: the first closes, all of them open, so a key is replaced by putting
            a new one in front. Empty: texts stay as they are.
    """

    def __init__(self, keys: str = "") -> None:
        self._keys = [_fernet(key.strip()) for key in keys.split(",") if key.strip()]

    def close(self, text: str) -> str:
        """The text as it is stored."""
        return _MARK + self._keys[0].encrypt(text.encode()).decode() if self._keys else text

    def open(self, stored: str) -> str:
        """The text of what is stored; one that was stored before there were keys is itself.

        Raises:
            Misconfigured: the key that closed it is not among ours.
        """
        if not stored.startswith(_MARK):
            return stored
        try:
            return MultiFernet(self._keys).decrypt(stored.removeprefix(_MARK)).decode()
        except (InvalidToken, ValueError) as error:  # ValueError: there are no keys at all.
            words = "a secret in the database is sealed with a key that REFERRALS_STORE_KEYS lacks: put it at the end"
            raise Misconfigured(words) from error

    def stale(self, stored: str) -> bool:
        """Whether it should be closed anew: it is open, or an older key closed it."""
        if not self._keys:
            return False
        try:
            self._keys[0].decrypt(stored.removeprefix(_MARK))
        except InvalidToken:
            return True
        return False


def _fernet(key: str) -> Fernet:
    """Fernet wants 32 bytes; a long random text has more chance in it than they hold."""
    return Fernet(urlsafe_b64encode(hashlib.sha256(f"referrals.seal|{key}".encode()).digest()))
