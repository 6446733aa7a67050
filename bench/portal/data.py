"""What lies in the database: referrals of many partners, a few of them large; users with open sessions."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from pymongo.database import Database
from pymongo.write_concern import WriteConcern

from bench.match.people import a_profile, a_request
from services.adapters.mongo.documents import REFERRALS
from services.adapters.mongo.encoding import CODECS
from services.core import ids
from services.core.accounts import Role, Session, User
from services.core.codes import Channel, CompanySize, PolicyName, Stage, Status, Substatus
from services.core.creation import new_referral
from services.core.partner import Partner
from services.core.policy import POLICIES, Policy
from services.core.referral import Referral
from services.core.rfi import Chosen, Money, Person, Place
from services.portal.keys import key_hash

PARTNERS = 500
#: Partners whose people look at their inboxes: the largest.
LOOKERS = 50
_BATCH = 5000
_PLACES = (("ES-AN", "Sevilla"), ("ES-MD", "Madrid"), ("ES-CT", "Barcelona"), ("ES-PV", "Bilbao"))
_WORDS = ("migration", "backup", "payroll", "network", "hosting", "training", "security", "licences")
_STATES = (
    *((Status.NEW, Substatus.RECEIVED, Stage.NEW),) * 2,
    *((Status.ACTIVE, Substatus.ACCEPTED, Stage.ACTIVE),) * 2,
    *((Status.CLOSED, Substatus.DECLINED, Stage.ARCHIVED),) * 6,
)


@dataclass(frozen=True, slots=True)
class Looker:
    """Somebody signed in: the cookie, and whose referrals are looked at."""

    cookie: str
    partner_id: str


def partner_id(n: int) -> str:
    """The id of partner `n`."""
    return ids.partner_id("bench", f"P-{n}")


def referrals(number: int, now: datetime, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Documents of so many referrals; partner `n` has a share that falls with `n`."""
    chance = random.Random(seed)
    weights = [1 / (n + 10) for n in range(PARTNERS)]
    owners = chance.choices(range(PARTNERS), weights, k=number)
    template = REFERRALS.to_doc(_referral(now, POLICIES[PolicyName.STANDARD]))
    for n, owner in enumerate(owners):
        yield _varied(template, n, owner, now, chance)


def _referral(now: datetime, policy: Policy) -> Referral:
    request = a_request(1)
    need = replace(
        request.need,
        description="Twelve servers and a file share move to the cloud before summer.",
        budget=Money(amount=Decimal(40_000), currency="EUR"),
        place=Place(country="ES", subdivision="ES-AN", city="Sevilla"),
    )
    customer = replace(request.customer, size=CompanySize.S51_250)
    profile = a_profile(1)
    chosen = Chosen(
        partner_id=profile.partner_id,
        profile_id=profile.id,
        location_id="L-1",
        score=0.75,
        reasons=("region_served|ES-AN", "keyword|cloud migration|2.10"),
    )
    return new_referral(replace(request, need=need, customer=customer), chosen, policy, now)


def _varied(template: dict[str, Any], n: int, owner: int, now: datetime, chance: random.Random) -> dict[str, Any]:
    status, substatus, stage = chance.choice(_STATES)
    code, city = chance.choice(_PLACES)
    word, age = chance.choice(_WORDS), timedelta(seconds=chance.randrange(13 * 86_400))
    company = f"Company {n % 99_991}"
    id_ = ids.referral_id(str(n), str(owner))
    doc = {
        **template,
        "_id": id_,
        "rfi_id": ids.rfi_id("urn:bench", str(n)),
        "partner_id": partner_id(owner),
        "profile_id": ids.profile_id(partner_id(owner), "ES"),
        "title": f"{word.title()} for {company}",
        "company": company,
        "place": {**template["place"], "subdivision": code, "city": city},
        "status": status.value,
        "substatus": substatus.value,
        "stage": stage.value,
        "channel": chance.choice(tuple(Channel)).value,
        "created_at": now - age,
        "updated_at": now - age / 2,
        "expires_at": now - age + timedelta(days=14),
        "search": template["search"].replace("Servers", word),
        "open": status is not Status.CLOSED,
    }
    if status is Status.CLOSED:
        # What has ended waits for nothing, and is in no index of what is open.
        for gone in ("open", "next_due_at"):
            doc.pop(gone, None)
    return doc


def fill(database: Database[dict[str, Any]], number: int, now: datetime, tell: Callable[[int], None]) -> None:
    """Store the referrals. Indexes come later: to build them at once takes a part of the time."""
    # What is lost in a crash is filled in again: nobody waits for the journal.
    quick = WriteConcern(w=1, j=False)
    collection = database.get_collection("referrals", codec_options=CODECS, write_concern=quick)
    batch: list[dict[str, Any]] = []
    for done, doc in enumerate(referrals(number, now), 1):
        batch.append(doc)
        if len(batch) == _BATCH or done == number:
            collection.insert_many(batch, ordered=False)
            batch = []
            tell(done)


def people(now: datetime) -> tuple[list[Partner], list[User], list[Session], Sequence[Looker]]:
    """The accounts of those who look, with a session each."""
    partners, users, sessions, lookers = [], [], [], []
    for n in range(LOOKERS):
        email, cookie = f"ana@partner{n}.example", sha256(f"session {n}".encode()).hexdigest()
        admin = Person(first_name="Ana", last_name="Ruiz", email=email)
        partners.append(Partner(id=partner_id(n), name=f"Partner {n}", admin=admin))
        user = User(
            id=ids.user_id(email),
            email=email,
            name="Ana Ruiz",
            partner_id=partner_id(n),
            role=Role.ADMIN,
            language=("en", "es")[n % 2],
            time_zone="Europe/Madrid",
        )
        users.append(user)
        until = now + timedelta(days=1)
        sessions.append(Session(id=key_hash(cookie), user_id=user.id, csrf="csrf", created_at=now, expires_at=until))
        lookers.append(Looker(cookie, partner_id(n)))
    return partners, users, sessions, lookers


def utc_now() -> datetime:
    """The present moment, to the millisecond that MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
