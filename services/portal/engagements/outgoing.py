"""How is a request that a partner has sent on told to it? As one outgoing referral, whoever got it.

What those partners write of the deal is theirs; the sender learns how far it has come, and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.core.codes import Substatus
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.portal.engagements import models as m
from services.portal.engagements.representation import PATH, person
from services.portal.engagements.spelling import STATUS_OF, substatus_of

#: The farthest that any of the referrals has come tells where the request stands.
_FARTHEST = (
    Substatus.WON,
    Substatus.ACCEPTED,
    Substatus.RECEIVED,
    Substatus.PENDING,
    Substatus.LOST,
    Substatus.DECLINED,
    Substatus.EXPIRED,
    Substatus.ERROR,
)


def outgoing(rfi: Rfi, referrals: Sequence[Referral], *, sender_id: str, sender: str, base_url: str) -> m.ReferralV1:
    """The representation; `referrals` are those of the request, none before it has been routed."""
    reached = {substatus_of(each) for each in referrals}
    substatus = next((each for each in _FARTHEST if each in reached), Substatus.PENDING)
    customer, need = rfi.customer, rfi.need
    address = f"{base_url}{PATH}/{rfi.id}"
    return m.ReferralV1(
        id=rfi.id,
        engagement_id=rfi.id,
        organization_id=sender_id,
        organization_name=sender,
        name=need.title,
        type="Shared",
        qualification="SalesQualified",
        status=STATUS_OF[substatus].value,
        substatus=substatus.value,  # type: ignore[arg-type]
        created_date_time=rfi.accepted_at,
        updated_date_time=max([rfi.accepted_at, *(each.updated_at for each in referrals)]),
        accepted_date_time=rfi.accepted_at,
        closed_date_time=rfi.closed_at,
        direction="Outgoing",
        quality="Medium",
        referral_source=rfi.channel.value,
        e_tag=tag(rfi, referrals),
        consent=m.ConsentV1(
            consent_to_contact=rfi.consent.contact,
            consent_to_to_share_info_with_others=rfi.consent.share,
            consent_to_share_referral_with_microsoft_sellers=False,
        ),
        customer_profile=m.CustomerProfileV1(
            name=customer.company,
            address=m.AddressV1(
                city=customer.place.city,
                state=customer.place.subdivision,
                postal_code=customer.place.postal_code,
                country=customer.place.country,
            ),
            size=customer.size.value if customer.size else None,
            team=[person(customer.contact)],
        ),
        details=m.DetailsV1(
            notes=need.description,
            deal_value=float(need.budget.amount) if need.budget else None,
            currency=need.budget.currency if need.budget else None,
            customer_requested_contact=rfi.contact_requested,
            requirements=m.RequirementsV1(
                industries=[m.CodeV1(id=each) for each in need.industries],
                products=[m.CodeV1(id=each) for each in need.products],
                services=[m.CodeV1(id=each) for each in need.services],
            ),
        ),
        invite_context=m.InviteContextV1(notes=need.description),
        links=m.LinksV1(self=m.LinkV1(uri=address), related_referrals=m.LinkV1(uri=f"{address}/related")),
    )


def tag(rfi: Rfi, referrals: Sequence[Referral]) -> str:
    """The entity tag: it changes with every change of what is told. The version that intake wrote is the first."""
    return f'"{rfi.version}.{sum(each.version for each in referrals)}"'
