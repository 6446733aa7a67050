"""How does what was learned travel, so that whoever reads Kafka learns nothing of what customers wrote?

Learned terms stand for words of requests. They are hashed, but whoever guesses a word could confirm it by its hash. So
they are sealed with a key that the exchange made for itself and keeps in its database; the numbers beside them are not.
"""

from __future__ import annotations

import secrets

from services.adapters.sealing import Seal
from services.adapters.wire_standings import standing_of, standing_outgoing
from services.core.account_stores import SecretStore
from services.core.errors import DependencyUnavailable
from services.core.ports import Outgoing, Record
from services.core.standing import Standing

#: Name under which the key is kept.
STANDING_KEY = "standing-key"


class SealedStandings:
    """Writes and reads standings. `load()` comes before the first use.

    Args:
        store: where the key is kept.
    """

    def __init__(self, store: SecretStore) -> None:
        self._store = store
        self._seal: Seal | None = None

    async def load(self) -> None:
        """Fetch the key, or make it.

        Raises:
            DependencyUnavailable: it can't be fetched now.
        """
        self._seal = Seal(await self._store.keep(STANDING_KEY, secrets.token_urlsafe(32)))

    def outgoing(self, standing: Standing, partner_id: str) -> Outgoing:
        """The record of a standing's version.

        Raises:
            DependencyUnavailable: the key is not loaded yet.
        """
        return standing_outgoing(standing, partner_id, self._loaded())

    def of(self, record: Record) -> Standing:
        """The standing that a record carries, sealed or as versions before wrote it.

        Raises:
            UnreadableRecord: it is damaged, or sealed with another key.
            UnknownMessage: it is not a standing, or of a version that is not known here.
            DependencyUnavailable: the key is not loaded yet.
        """
        return standing_of(record, self._loaded())

    def _loaded(self) -> Seal:
        if self._seal is None:
            raise DependencyUnavailable("mongo", "the key of standings is not loaded yet")
        return self._seal
