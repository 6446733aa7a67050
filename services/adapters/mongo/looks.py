"""How is a look at a list answered by MongoDB? Session and person, list, stars: three questions, one journey.

Those who look at the same moment travel together: one question for their sessions, one for each list, one for all
stars. Lists that nothing is searched for are short work for an index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from pymongo.errors import PyMongoError

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.favourites import Among, stars_of
from services.adapters.mongo.listing import MongoListing
from services.adapters.mongo.questions import Reading
from services.adapters.mongo.sign_ins import Held, held_by
from services.adapters.mongo.together import Together
from services.core.looking import Look, Wanted, own_list

_Asked: TypeAlias = tuple[str, datetime, Wanted]
_Found: TypeAlias = Look | Exception | None
#: Most looks of one journey.
_LOOKS = 8


class MongoLooks:
    """Port `ReferralLooks`."""

    def __init__(self, mongo: Mongo, listing: MongoListing) -> None:
        self._mongo, self._listing = mongo, listing
        self._together: Together[_Asked, _Found] = Together(self._all, at_most=_LOOKS)

    async def look(self, session_id: str, now: datetime, wanted: Wanted) -> Look | None:
        """With all who look at the same moment."""
        found = await self._together((session_id, now, wanted))
        if isinstance(found, Exception):
            raise found
        return found

    async def _all(self, asked: Sequence[_Asked]) -> Sequence[_Found]:
        return await self._mongo.reading(lambda reading: self._looks(reading, asked))

    def _looks(self, reading: Reading, asked: Sequence[_Asked]) -> list[_Found]:
        held = held_by(reading, [id_ for id_, _, _ in asked])
        looks = [self._look(reading, each, now, wanted) for each, (_, now, wanted) in zip(held, asked, strict=True)]
        starred = stars_of(reading, [_among(look) for look in looks])
        return [
            replace(look, starred=stars) if isinstance(look, Look) else look
            for look, stars in zip(looks, starred, strict=True)
        ]

    def _look(self, reading: Reading, held: Held, now: datetime, wanted: Wanted) -> _Found:
        """Without the stars; what is wrong with one look alone is told to nobody else."""
        try:
            holder = held.until(now)
            if holder is None:
                return None
            query = own_list(holder[1], wanted)
            page = None if query is None else self._listing.cards_read(reading, query)
            return Look(*holder, page, frozenset())
        except PyMongoError:
            raise
        except Exception as error:  # noqa: BLE001 - raised to whom it belongs
            return error


def _among(look: _Found) -> Among:
    """Whose stars, among what, are asked for."""
    if not isinstance(look, Look) or look.page is None:
        return "", frozenset()
    return look.user.partner_id or "", frozenset(each.id for each in look.page.cards)
