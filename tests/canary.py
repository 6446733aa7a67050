"""What do tests of erasing look for? A word in every text of an RFI, and where it still stands among twins."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from schemas.topics import TOPICS
from services.adapters.memory.kafka import MemoryLog
from services.adapters.memory.stores import MemoryStores
from tests.submissions import rfi_json

#: Occurs nowhere else, and stems to itself.
CANARY = "zyxkanarix"
#: Of the place; as rare as the word.
LATITUDE = "37.1357"
EMAIL = f"Ana.{CANARY}@{CANARY}.example"


def canary_rfi(**overrides: Any) -> dict[str, Any]:
    """An RFI that names the canary in every text, and still fits the partners of the builders."""
    place: dict[str, Any] = {"country": "ES", "subdivision": "ES-AN", "city": f"Villa {CANARY}", "postalCode": "41001"}
    place |= {"latitude": float(LATITUDE), "longitude": -5.2468}
    told: dict[str, Any] = {
        "customer__company": f"{CANARY} SA",
        "customer__website": f"https://{CANARY}.example",
        "customer__place": place,
        "customer__contact__firstName": CANARY.title(),
        "customer__contact__lastName": f"De {CANARY}",
        "customer__contact__email": EMAIL,
        "need__title": f"Cloud migration for {CANARY}",
        "need__description": f"{CANARY} wants a cloud migration. Ask for {CANARY} personally.",
        "need__place": place,
        "need__keywords": ["cloud migration", CANARY, f"{CANARY}:{CANARY}"],
        "need__products": ["azure", f"{CANARY} cloud"],
        "need__services": ["migration", CANARY],
        "need__industries": ["manufacturing", CANARY],
        "need__mustNotOffer": [CANARY, f"{CANARY} fax"],
        "need__withinKm": 20_000,
    }
    return rfi_json(**(told | overrides))


def names_it(value: object) -> bool:
    """Whether the canary, or where it lives, stands in a value, as text, as bytes or as a number."""
    said = repr(value).casefold()
    return CANARY in said or LATITUDE in said


def traces(stores: MemoryStores, log: MemoryLog) -> list[str]:
    """Where the canary still stands: names of stores, and topics."""
    found = [f.name for f in fields(stores) if f.name != "faults" and names_it(_held(getattr(stores, f.name)))]
    return found + [str(spec.topic) for spec in TOPICS if names_it(log.records(spec.topic))]


def _held(twin: object) -> object:
    """The values that a twin holds itself; others it refers to are stores of their own."""
    return [value for value in vars(twin).values() if isinstance(value, dict | list | tuple | set)]
