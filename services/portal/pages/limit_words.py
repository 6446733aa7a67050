"""What keeps partners from being asked for a request, however well they fit? Said in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping

from services.core.rfi import Need, Rfi
from services.wording.words import Words, _


def limits(words: Words, need: Need) -> list[tuple[str, str]]:
    """What partners are told of it as well: what must and must not be offered, and how far away they may be.

    Not where the work is to the degree: no partner is told.
    """
    within = words.say(_("{number} km")).format(number=words.number(need.within_km)) if need.within_km else ""
    rows = (
        (_("Required"), ", ".join(need.must_offer)),
        (_("Required, one of these at least"), ", ".join(need.must_offer_one_of)),
        (_("Not wanted"), ", ".join(need.must_not_offer)),
        (_("At most so far away"), within),
    )
    return [(words.say(name), value) for name, value in rows if value]


def all_limits(words: Words, rfi: Rfi, names: Mapping[str, str]) -> list[tuple[str, str]]:
    """What operators are told: who is not to be asked, too. `names` are those of partners, by their ids."""
    excluded = ", ".join(names.get(each, each) for each in rfi.excluded_partners)
    return limits(words, rfi.need) + ([(words.say(_("Not to be asked")), excluded)] if excluded else [])
