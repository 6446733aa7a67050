"""How suppliers of OCDS releases become partners, with profiles built from what they won.

A profile says where a partner serves. Suppliers win outside the regions seen before, so a profile built from history
serves the whole country of what it won, not only the subdivisions.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.adapters.importers.ocds import clean, parties, place_of, placeholder_address, terms_of
from services.core.ids import partner_id, profile_id
from services.core.partner import Location, Partner, Profile
from services.core.rfi import Person, Place

Json = Mapping[str, Any]

#: Keywords kept for a profile: the words that occur most in what it won, rarest in all first.
KEYWORDS = 60

_WORD = re.compile(r"[^\W\d_]{4,}")


@dataclass(slots=True)
class _History:
    """What a supplier is known by."""

    name: str = ""
    email: str | None = None
    words: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    places: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    languages: Counter[str] = field(default_factory=Counter)


def partners_from_releases(
    releases: Iterable[Json],
    resolve_country: Callable[[str], str | None],
    on_progress: Callable[[int], None] = lambda _done: None,
) -> tuple[list[Partner], list[Profile]]:
    """Every supplier of an award, with one profile for each country it won in.

    Args:
        releases: OCDS releases.
        resolve_country: ISO 3166-1 alpha-2 code of a code or name, or None.
        on_progress: called with the number of releases read.
    """
    histories: dict[str, _History] = defaultdict(_History)
    spread: Counter[str] = Counter()
    for number, release in enumerate(releases, start=1):
        _learn(histories, spread, release)
        on_progress(number)
    partners: list[Partner] = []
    profiles: list[Profile] = []
    for supplier in sorted(histories):
        history = histories[supplier]
        partner = _partner(supplier, history)
        own = _profiles(partner, history, spread, resolve_country)
        if own:
            partners.append(partner)
            profiles.extend(own)
    return partners, profiles


def _learn(histories: dict[str, _History], spread: Counter[str], release: Json) -> None:
    tender = release.get("tender")
    tender = tender if isinstance(tender, Mapping) else {}
    text = f"{tender.get('title') or ''} {tender.get('description') or ''}"
    words = {w.casefold() for w in _WORD.findall(text)}
    spread.update(words)
    buyers = parties(release, "buyer")
    place = place_of(buyers[0]) if buyers else {"country": ""}
    known = {str(p.get("id")): p for p in parties(release, "supplier")}
    awards = [a for a in release.get("awards") or [] if isinstance(a, Mapping)]
    suppliers = [s for a in awards for s in a.get("suppliers") or [] if isinstance(s, Mapping) and s.get("id")]
    for supplier in suppliers:
        history = histories[str(supplier["id"])]
        full = {**known.get(str(supplier["id"]), {}), **supplier}
        history.name = history.name or clean(str(full.get("name") or supplier["id"]), 200)
        point = full.get("contactPoint")
        if isinstance(point, Mapping) and point.get("email"):
            history.email = str(point["email"])
        history.words.update(words)
        history.labels.update(terms_of(tender))
        history.places[place.get("country", ""), place.get("subdivision")] += 1
        history.languages[str(release.get("language") or "en")] += 1


def _person(supplier: str, history: _History) -> Person:
    language = history.languages.most_common(1)[0][0][:2] if history.languages else "en"
    return Person(
        first_name="Tender",
        last_name="desk",
        email=history.email or placeholder_address("supplier", supplier),
        language="es" if language == "es" else "en",
    )


def _partner(supplier: str, history: _History) -> Partner:
    return Partner(id=partner_id("ocds", supplier), name=history.name, admin=_person(supplier, history))


def _profiles(
    partner: Partner, history: _History, spread: Counter[str], resolve_country: Callable[[str], str | None]
) -> list[Profile]:
    countries = {code for raw, _ in history.places if (code := resolve_country(raw))}
    # A word that half of all requests use says nothing of this supplier.
    ranked = sorted(history.words, key=lambda w: (-history.words[w] / (1 + spread[w]), w))
    labels = tuple(label for label, _ in history.labels.most_common(20))
    return [
        Profile(
            id=profile_id(partner.id, country),
            partner_id=partner.id,
            country=country,
            serves=(Place(country=country),),
            locations=(
                Location(
                    id=f"{profile_id(partner.id, country)}-1", place=Place(country=country), contact=partner.admin
                ),
            ),
            keywords=tuple(ranked[:KEYWORDS]),
            services=labels,
        )
        for country in sorted(countries)
    ]
