"""What is told of an engagement: the request, and what came of it?

No person of the customer is named: the contact is disclosed, and each disclosure written down, by the referrals' own
addresses alone. A partner sees its own referral and nobody else's; operators see everybody's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import Field

from services.core.codes import Channel, CompanySize, Flame, PolicyName, RfiState, Stage, Status, Substatus, Timeframe
from services.core.partner import Partner
from services.core.referral import Details, Referral
from services.core.rfi import Money, Need, Rfi
from services.portal.v1.profile_told import PlaceV1, place_told
from services.portal.v1.wire import Told


class MoneyV1(Told):
    """An amount as text, and its currency (ISO 4217)."""

    amount: str
    currency: str


class NeedV1(Told):
    """What the customer asks for, and where."""

    title: str
    description: str
    place: PlaceV1
    industries: list[str]
    products: list[str]
    services: list[str]
    keywords: list[str]
    must_offer: list[str]
    must_offer_one_of: list[str]
    must_not_offer: list[str]
    within_km: Annotated[int | None, Field(description="How far away a partner's location may be")] = None
    budget: MoneyV1 | None = None
    timeframe: Timeframe


class DealV1(Told):
    """What the partner says of the deal; `reason` is why it was closed."""

    name: str | None = None
    value: MoneyV1 | None = None
    closing_date: date | None = None
    timeframe: Timeframe | None = None
    notes: str | None = None
    crm_id: str | None = None
    reason: str | None = None
    reason_notes: str | None = None


class EngagedV1(Told):
    """One partner's referral of the engagement."""

    id: str
    partner_id: str
    partner_name: str
    profile_id: str
    location_id: str
    policy: PolicyName
    status: Status
    substatus: Substatus
    stage: Stage
    flame: Flame
    picked: Annotated[bool, Field(description="The customer picked this partner")]
    round: Annotated[int, Field(description="In which round it was asked, from 1")]
    created_at: datetime
    updated_at: datetime
    expires_at: datetime | None = None
    accepted_at: datetime | None = None
    closed_at: datetime | None = None
    undo_until: datetime | None = None
    deal: DealV1


class NearMissV1(Told):
    """A partner that came near, and the code of why it was not asked."""

    partner_id: str
    partner_name: str
    because: str
    score: float


class EngagementV1(Told):
    """A customer's request, and where it stands with those whom the caller may see."""

    id: str
    state: RfiState
    channel: Channel
    language: str
    company: str
    company_size: CompanySize | None = None
    contact_requested: bool
    need: NeedV1
    accepted_at: datetime
    closed_at: datetime | None = None
    chosen_partner_id: Annotated[str | None, Field(description="Told to that partner, and to operators")] = None
    referrals: Annotated[list[EngagedV1], Field(description="Your own; operators: everybody's, oldest first")]
    excluded_partners: Annotated[list[str] | None, Field(description="Operators: who was not to be asked")] = None
    near_misses: Annotated[list[NearMissV1] | None, Field(description="Operators")] = None
    no_match_because: Annotated[str | None, Field(description="Operators")] = None
    rules: Annotated[str | None, Field(description="Operators: which version of the matching rules decided")] = None


def for_partner(rfi: Rfi, referral: Referral, partner: Partner | None) -> EngagementV1:
    """What the referral's partner is told."""
    told = _request(rfi, [engaged(referral, partner.name if partner else "")])
    if rfi.chosen_partner_id == referral.partner_id:
        told.chosen_partner_id = rfi.chosen_partner_id
    return told


def for_operator(rfi: Rfi, referrals: Sequence[Referral], partners: Mapping[str, Partner]) -> EngagementV1:
    """What an operator is told: with outcomes, without partners' own notes."""
    told = _request(rfi, [engaged(each, _name(partners, each.partner_id)) for each in referrals])
    for each in told.referrals:
        # What a partner writes for itself is nobody else's.
        each.deal.notes = each.deal.crm_id = None
    told.chosen_partner_id, told.excluded_partners = rfi.chosen_partner_id, list(rfi.excluded_partners)
    if rfi.routing is not None:
        told.rules, told.no_match_because = rfi.routing.rules, rfi.routing.no_match_because
        told.near_misses = [
            NearMissV1(
                partner_id=each.partner_id,
                partner_name=_name(partners, each.partner_id),
                because=each.because,
                score=each.score,
            )
            for each in rfi.routing.near_misses
        ]
    return told


def engaged(referral: Referral, partner_name: str) -> EngagedV1:
    """One referral."""
    return EngagedV1(
        id=referral.id,
        partner_id=referral.partner_id,
        partner_name=partner_name,
        profile_id=referral.profile_id,
        location_id=referral.location_id,
        policy=referral.policy,
        status=referral.status,
        substatus=referral.substatus,
        stage=referral.stage,
        flame=referral.flame,
        picked=referral.picked,
        round=referral.round,
        created_at=referral.created_at,
        updated_at=referral.updated_at,
        expires_at=referral.expires_at,
        accepted_at=referral.accepted_at,
        closed_at=referral.closed_at,
        undo_until=referral.undo.until if referral.undo else None,
        deal=_deal(referral.details),
    )


def money_told(money: Money | None) -> MoneyV1 | None:
    """An amount; as text, so that no digit is lost."""
    return None if money is None else MoneyV1(amount=plain(money.amount), currency=money.currency)


def plain(amount: Decimal) -> str:
    """An amount without an exponent."""
    return f"{amount:f}"


def _name(partners: Mapping[str, Partner], partner_id: str) -> str:
    return partners[partner_id].name if partner_id in partners else ""


def _request(rfi: Rfi, referrals: list[EngagedV1]) -> EngagementV1:
    return EngagementV1(
        id=rfi.id,
        state=rfi.state,
        channel=rfi.channel,
        language=rfi.language,
        company=rfi.customer.company,
        company_size=rfi.customer.size,
        contact_requested=rfi.contact_requested,
        need=_need(rfi.need),
        accepted_at=rfi.accepted_at,
        closed_at=rfi.closed_at,
        referrals=referrals,
    )


def _need(need: Need) -> NeedV1:
    return NeedV1(
        title=need.title,
        description=need.description,
        place=place_told(need.place),
        industries=list(need.industries),
        products=list(need.products),
        services=list(need.services),
        keywords=list(need.keywords),
        must_offer=list(need.must_offer),
        must_offer_one_of=list(need.must_offer_one_of),
        must_not_offer=list(need.must_not_offer),
        within_km=need.within_km,
        budget=money_told(need.budget),
        timeframe=need.timeframe,
    )


def _deal(details: Details) -> DealV1:
    return DealV1(
        name=details.engagement_name,
        value=money_told(details.deal_value),
        closing_date=details.closing_date,
        timeframe=details.timeframe,
        notes=details.notes,
        crm_id=details.crm_id,
        reason=details.reason,
        reason_notes=details.reason_notes,
    )
