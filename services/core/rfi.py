"""What an RFI is once intake has accepted it: the engagement that referrals belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from services.core.codes import Channel, CompanySize, RfiState, Timeframe
from services.core.events import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in a currency (ISO 4217)."""

    amount: Decimal
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A region, from wide to narrow; each part needs the one before it, but city needs only the country."""

    country: str
    #: ISO 3166-1 alpha-2.
    subdivision: str | None = None
    #: ISO 3166-2, for example ES-AN.
    city: str | None = None
    #: As written; compared folded.
    postal_code: str | None = None


@dataclass(frozen=True, slots=True)
class Coordinate:
    """A point on the earth: decimal degrees (WGS 84), latitude from -90 to 90, longitude from -180 to 180."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody to write to or call."""

    first_name: str
    last_name: str
    email: str
    phone: str | None = None
    #: E.164.
    language: str = "en"
    #: Language of mails to this person, a language we have a catalogue for.
    time_zone: str = "UTC"
    #: IANA name; instants in mails are shown in it.


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Who asks."""

    company: str
    place: Place
    contact: Person
    size: CompanySize | None = None
    website: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What is asked for, and where. Texts as written; `terms` are their normalised words, made once by intake."""

    title: str
    description: str
    place: Place
    industries: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    must_offer: tuple[str, ...] = ()
    #: Only who offers each of these is asked,
    must_offer_one_of: tuple[str, ...] = ()
    #: and at least one of these, if any are named.
    must_not_offer: tuple[str, ...] = ()
    #: Who offers one of these is not asked.
    coordinate: Coordinate | None = None
    #: Where the work is, for distances alone: no partner is told. It goes when the customer's data is erased.
    within_km: int | None = None
    #: Only who has an office so near to the coordinate is asked; whose offices have none is judged by region.
    budget: Money | None = None
    timeframe: Timeframe = Timeframe.UNKNOWN

    @property
    def asked_keywords(self) -> tuple[str, ...]:
        """Keywords, and what must be offered: that is asked for as well."""
        if not (self.must_offer or self.must_offer_one_of):
            return self.keywords
        return tuple(dict.fromkeys((*self.keywords, *self.must_offer, *self.must_offer_one_of)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What the customer agreed to."""

    contact: bool
    #: Partners may contact the customer. Without it an RFI is refused.
    share: bool
    #: Contact details may be shared with partners. Without it an RFI is refused.
    next_best: bool = False
    #: After a decline or expiry the next-best partner may be asked.


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """A partner that an RFI goes to, through which of its profiles and locations, and why."""

    partner_id: str
    profile_id: str
    location_id: str
    score: float
    picked: bool = False
    #: True when the customer picked this partner; False when the matcher did.
    reasons: tuple[str, ...] = ()
    #: Each as `services.core.reasons` writes it: `region_served|ES-AN`, `keyword|migrar|2.10`.
    round: int = 1
    #: In which round it was asked: 1 when the RFI was routed, one more for each next-best offer and each wish.


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A partner that an RFI did not go to though it came near or was picked, and why not."""

    partner_id: str
    profile_id: str | None = None
    score: float
    because: str
    #: Code: inactive, paused, at_capacity, size_excluded, outside_region, below_cut, unknown_partner, no_term.


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One more partner that the customer wants to be asked. The router answers it with a `Round`."""

    event_id: str
    #: Of the event that tells of it: the cause of its answer.
    partner_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What followed from one referral that was declined or lapsed, or from a wish of the customer.

    One more partner was asked, or nobody was.
    """

    cause: str
    #: Id of the event that asked for it; each is answered once.
    after: str = ""
    #: Id of the referral that was declined or lapsed; empty when the customer wanted the partner.
    wanted: bool = False
    #: True when it answers a wish.
    at: datetime
    version: int
    #: Of the RFI that has this round; its event has that sequence.
    number: int
    #: Of the round in which the partner was asked; when nobody was, of the last one that asked somebody.
    partner_id: str | None = None
    #: Who was asked; None when nobody was.
    because: str | None = None
    #: Code when nobody was asked: max_rounds, nobody_else; of a wish: inactive, paused, unknown_partner, asked_already.
    rules: str
    #: Which version of the matching rules decided.


@dataclass(frozen=True, slots=True, kw_only=True)
class Routing:
    """The router's decision on an RFI, stored once; what was stored wins over any later calculation."""

    at: datetime
    chosen: tuple[Chosen, ...]
    #: Everybody who was asked, those of later rounds last.
    near_misses: tuple[Skipped, ...] = ()
    no_match_because: str | None = None
    #: Code when nobody was chosen: no_partner_in_region, no_term_matches, all_too_far, size_excluded, ....
    rules: str = "reference-1"
    #: Which version of the matching rules decided.
    rounds: tuple[Round, ...] = ()
    #: What followed from declined and lapsed referrals and from wishes, oldest first.


@dataclass(frozen=True, slots=True, kw_only=True)
class Rfi:
    """An accepted RFI. Every change is one conditional write on (id, version)."""

    id: str
    source: str
    publisher_id: str
    channel: Channel
    language: str
    #: Language of the texts.
    customer: Customer
    need: Need
    consent: Consent
    submitted_at: datetime
    accepted_at: datetime
    content_hash: str
    #: Of the canonical submitted data: the same id with another hash is refused.
    selected_partners: tuple[str, ...] = ()
    excluded_partners: tuple[str, ...] = ()
    #: Not to be asked, but when the customer itself picks one later. No partner is told.
    max_partners: int = 5
    contact_requested: bool = False
    #: The customer asked to be contacted directly: flame.
    state: RfiState = RfiState.ACCEPTED
    version: int = 1
    routing: Routing | None = None
    chosen_partner_id: str | None = None
    #: The partner the customer said it chose; set with the state `chosen`.
    closed_at: datetime | None = None
    erased_at: datetime | None = None
    #: When the customer's data was erased; texts, names and addresses are those of `core.erasing` since.
    wishes: tuple[Wish, ...] = ()
    #: Partners that the customer wanted to be asked later, oldest first.
    outbox: tuple[Event, ...] = field(default=())
