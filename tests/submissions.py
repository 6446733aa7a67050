"""How does a test write an RFI as publishers send it, naming only what matters to it?"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import orjson

from schemas.topics import Topic
from services.core.ports import Outgoing, Record
from services.intake.regions import Regions
from tests.builders import SOURCE, START

#: Takes a field away instead of giving it a value.
ABSENT = object()

_RFI: dict[str, Any] = {
    "id": "RFI-1",
    "channel": "marketing",
    "language": "en",
    "submittedAt": "2026-03-02T08:59:55Z",
    "customer": {
        "company": "Aceites del Sur",
        "size": "51to250employees",
        "place": {"country": "ES", "subdivision": "ES-AN", "city": "Sevilla", "postalCode": "41001"},
        "contact": {
            "firstName": "Ana",
            "lastName": "Molina",
            "email": "ana.molina@customer.example",
            "phone": "+34955000001",
            "language": "es",
            "timeZone": "Europe/Madrid",
        },
        "website": "https://customer.example",
    },
    "need": {
        "title": "Migrate our servers to the cloud",
        "description": "Twelve servers and a file share move to the cloud before summer.",
        "place": {"country": "ES", "subdivision": "ES-AN", "city": "Sevilla", "postalCode": "41001"},
        "industries": ["manufacturing"],
        "products": ["azure"],
        "services": ["migration"],
        "keywords": ["cloud migration"],
        "budget": {"amount": "40000", "currency": "EUR"},
        "timeframe": "within60days",
    },
    "consent": {"contact": True, "share": True},
}


def rfi_json(**overrides: Any) -> dict[str, Any]:
    """A faultless RFI; a key with `__` goes down (`customer__contact__email=...`)."""
    data = copy.deepcopy(_RFI)
    for path, value in overrides.items():
        *parents, last = path.split("__")
        part = data
        for parent in parents:
            part = part[parent]
        if value is ABSENT:
            part.pop(last, None)
        else:
            part[last] = value
    return data


@lru_cache(maxsize=1)
def regions() -> Regions:
    """The look-ups, built once for all tests."""
    return Regions()


def submitted_record(
    data: Any = None, *, offset: int = 0, partition: int = 0, headers: dict[str, str] | None = None
) -> Record:
    """A record of `rfi.submitted`: JSON of the data, or bytes as they are, or None for no value."""
    value = data if data is None or isinstance(data, bytes) else orjson.dumps(data)
    named = {"x-referrals-source": SOURCE} if headers is None else headers
    return Record(
        topic=Topic.RFI_SUBMITTED,
        partition=partition,
        offset=offset,
        timestamp=START,
        key=b"key",
        value=value,
        headers=tuple((name, text.encode()) for name, text in named.items()),
    )


def record_of(message: Outgoing, *, offset: int = 0) -> Record:
    """The record that a published message becomes."""
    return Record(
        topic=message.topic,
        partition=0,
        offset=offset,
        timestamp=START,
        key=message.key.encode(),
        value=message.value,
        headers=message.headers,
    )


@dataclass(slots=True)
class StoppedClock:
    """A clock that stands still until it is set."""

    at: datetime = START

    def now(self) -> datetime:
        """Business time."""
        return self.at

    def real_now(self) -> datetime:
        """The same: nothing is shifted."""
        return self.at
