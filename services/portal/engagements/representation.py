"""How is a referral told in the contract's form? Pure: what is known goes in, what the caller may see comes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from services.core.codes import Channel, Flame, Stage, Status, Timeframe
from services.core.listing import worth
from services.core.referral import CrmFields, Referral
from services.core.rfi import Person, Rfi
from services.portal.engagements import models as m
from services.portal.engagements.spelling import reason_of, substatus_of

#: Path of the collection, below the address of the portal.
PATH = "/v1.0/engagements/referrals"

_QUALIFICATIONS = {
    Channel.MARKETING: "MarketingQualified",
    Channel.SALES: "SalesQualified",
    Channel.SEARCH: "Direct",
}
_SOON = frozenset({Timeframe.WITHIN_30_DAYS, Timeframe.WITHIN_60_DAYS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A referral and what is told with it."""

    referral: Referral
    rfi: Rfi
    organization: str
    #: The partner's name.
    contact_visible: bool
    favourite: bool
    base_url: str


def etag(referral: Referral, *, favourite: bool) -> str:
    """The strong entity tag of what is told: it changes with every change of the document, and with the star."""
    return f'"{referral.version}{"f" if favourite else ""}"'


def to_wire(told: Told) -> m.ReferralV1:
    """The representation."""
    referral, rfi = told.referral, told.rfi
    crm = referral.details.crm or CrmFields()
    return m.ReferralV1(
        id=referral.id,
        engagement_id=referral.rfi_id,
        organization_id=referral.partner_id,
        organization_name=told.organization,
        name=referral.details.engagement_name or referral.title,
        external_reference_id=referral.details.crm_id,
        campaign_id=crm.campaign_id,
        referral_program=crm.program,
        qualification=_QUALIFICATIONS[rfi.channel],  # type: ignore[arg-type]
        status=referral.status.value,
        substatus=substatus_of(referral).value,  # type: ignore[arg-type]
        status_reason=reason_of(referral),
        sales_stage=crm.sales_stage.value if crm.sales_stage else None,
        created_date_time=referral.created_at,
        updated_date_time=referral.updated_at,
        expiration_date_time=referral.expires_at if referral.status is Status.NEW else None,
        accepted_date_time=referral.accepted_at,
        closed_date_time=referral.closed_at,
        quality=_quality(referral, rfi),  # type: ignore[arg-type]
        tags=list(_tags(referral)),
        favorite=told.favourite,
        call_to_action="ContactCustomer" if referral.flame is not Flame.NONE else None,
        referral_source=rfi.channel.value,
        e_tag=etag(referral, favourite=told.favourite),
        consent=_consent(rfi, crm),
        customer_profile=_customer(told, crm),
        details=_details(referral, rfi, crm),
        team=[person(each) for each in referral.team],
        invite_context=m.InviteContextV1(notes=rfi.need.description),
        links=_links(told),
    )


def person(who: Person) -> m.PersonV1:
    """Somebody."""
    return m.PersonV1(
        first_name=who.first_name,
        last_name=who.last_name,
        email=who.email,
        phone_number=who.phone,
        contact_preference=m.ContactPreferenceV1(locale=who.language),
    )


def told_notes(referral: Referral) -> str | None:
    """The partner's notes; of a closed referral those that were given with the reason, if there are any."""
    return referral.details.reason_notes or referral.details.notes


def midnight(day: date) -> datetime:
    """A date as the contract tells it."""
    return datetime.combine(day, time(), UTC)


def _quality(referral: Referral, rfi: Rfi) -> str:
    """How seriously it is meant: the customer chose this partner or waits for a call; it knows when or how much."""
    if referral.picked or referral.flame is not Flame.NONE:
        return "High"
    return "Medium" if rfi.need.budget is not None or rfi.need.timeframe in _SOON else "Low"


def _tags(referral: Referral) -> Sequence[str]:
    tags = {
        "contactRequested": referral.flame is not Flame.NONE,
        "contactOverdue": referral.flame is Flame.OVERDUE,
        "customerPicked": referral.picked,
        "nextBest": referral.round > 1,
        "evaluating": referral.stage is Stage.EVALUATING,
    }
    return [tag for tag, holds in tags.items() if holds]


def _consent(rfi: Rfi, crm: CrmFields) -> m.ConsentV1:
    return m.ConsentV1(
        consent_to_contact=rfi.consent.contact,
        consent_to_to_share_info_with_others=rfi.consent.share,
        consent_to_share_referral_with_microsoft_sellers=crm.share_with_sellers,
    )


def _customer(told: Told, crm: CrmFields) -> m.CustomerProfileV1:
    customer = told.rfi.customer
    place = customer.place
    people = (customer.contact, *crm.customer_team) if told.contact_visible else None
    return m.CustomerProfileV1(
        name=customer.company,
        address=m.AddressV1(
            city=place.city, state=place.subdivision, postal_code=place.postal_code, country=place.country
        ),
        size=customer.size.value if customer.size else None,
        team=None if people is None else [person(each) for each in people],
    )


def _details(referral: Referral, rfi: Rfi, crm: CrmFields) -> m.DetailsV1:
    money = worth(referral) or rfi.need.budget
    closing = referral.details.closing_date
    return m.DetailsV1(
        notes=told_notes(referral),
        deal_value=float(money.amount) if money else None,
        currency=money.currency if money else None,
        closing_date_time=midnight(closing) if closing else None,
        customer_requested_contact=referral.flame is not Flame.NONE,
        requirements=m.RequirementsV1(
            industries=_codes(rfi.need.industries),
            products=_codes(rfi.need.products),
            services=_codes(rfi.need.services),
            solutions=_codes(crm.solutions),
        ),
    )


def _codes(ids: Sequence[str]) -> list[m.CodeV1]:
    return [m.CodeV1(id=each) for each in ids]


def _links(told: Told) -> m.LinksV1:
    self = f"{told.base_url}{PATH}/{told.referral.id}"
    return m.LinksV1(self=m.LinkV1(uri=self), related_referrals=m.LinkV1(uri=f"{self}/related"))
