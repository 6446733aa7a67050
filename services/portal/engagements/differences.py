"""What differs between a referral and what is wanted of it? The edit that makes up the difference."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.core import commands as c
from services.core.listing import worth
from services.core.referral import CrmFields, Referral
from services.core.rfi import Money, Person
from services.portal.engagements.representation import told_notes
from services.portal.engagements.wanted import Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A referral that somebody wants to change."""

    referral: Referral
    contact: Person
    #: The customer's contact of the request, which the contract lists among the customer's people.
    by: str
    now: datetime
    #: Business time.


def edit_of(case: Case, wanted: Wanted) -> c.Edit | c.AddContact | None:
    """The edit for what differs, or None; one more contact and nothing else is just that."""
    said = {name: value for name, value in _differing(case, wanted).items() if value is not None}
    if not said:
        return None
    if set(said) == {"team"} and wanted.team is None and len(wanted.team_added) == 1:
        return c.AddContact(by=case.by, person=wanted.team_added[0])
    return c.Edit(by=case.by, **said)


def _differing(case: Case, wanted: Wanted) -> dict[str, Any]:
    details = case.referral.details
    # While the deal has no name or value of the partner's, the customer's words are told in their place.
    told_name = details.engagement_name or case.referral.title
    team, money, crm = team_after(case.referral.team, wanted), money_of(case.referral, wanted), crm_after(case, wanted)
    return {
        "engagement_name": _unless(wanted.name, told_name),
        "deal_value": _unless(money, worth(case.referral)),
        "closing_date": _unless(wanted.closing_date, details.closing_date),
        "notes": _unless(wanted.notes, told_notes(case.referral) or ""),
        "crm_id": _unless(wanted.crm_id, details.crm_id or ""),
        "team": _unless(team, case.referral.team),
        "crm": _unless(crm, details.crm),
    }


def _unless(wanted: Any, there: Any) -> Any:
    return None if wanted == there else wanted


def money_of(referral: Referral, wanted: Wanted) -> Money | None:
    """The value wanted; a number without a currency is in the one that is told."""
    known = worth(referral)
    amount = wanted.deal_value if wanted.deal_value is not None else (known.amount if known else None)
    currency = wanted.currency if wanted.currency is not None else (known.currency if known else "")
    if amount is None:
        return None
    if known is not None and (amount, currency) == (known.amount, known.currency):
        return known
    return Money(amount=amount, currency=currency)


def team_after(there: tuple[Person, ...], wanted: Wanted) -> tuple[Person, ...]:
    """The partner's people as they should be."""
    return _people(there, wanted.team, wanted.team_added)


def crm_after(case: Case, wanted: Wanted) -> CrmFields | None:
    """The CRM's own fields; the customer's contact, which the request names, is not kept a second time."""
    before = case.referral.details.crm or CrmFields()
    solutions = before.solutions if wanted.solutions is None else wanted.solutions
    customer_team = None if wanted.customer_team is None else _others(wanted.customer_team, case.contact)
    after = CrmFields(
        sales_stage=wanted.sales_stage or before.sales_stage,
        campaign_id=_text(wanted.campaign_id, before.campaign_id),
        program=_text(wanted.program, before.program),
        solutions=tuple(dict.fromkeys((*solutions, *wanted.solutions_added))),
        share_with_sellers=before.share_with_sellers if wanted.share is None else wanted.share,
        customer_team=_people(before.customer_team, customer_team, _others(wanted.customer_added, case.contact)),
    )
    return case.referral.details.crm if after == before else after


def _people(
    there: tuple[Person, ...], whole: tuple[Person, ...] | None, added: tuple[Person, ...]
) -> tuple[Person, ...]:
    known = {each.email.casefold(): each for each in there}
    kept = [_as_known(each, known.get(each.email.casefold())) for each in (there if whole is None else whole)]
    return tuple({each.email.casefold(): each for each in (*kept, *added)}.values())


def _as_known(sent: Person, known: Person | None) -> Person:
    """Who is sent back as told keeps what the contract does not tell, the time zone."""
    return sent if known is None else replace(sent, language=known.language, time_zone=known.time_zone)


def _others(people: tuple[Person, ...], contact: Person) -> tuple[Person, ...]:
    return tuple(each for each in people if each.email.casefold() != contact.email.casefold())


def _text(wanted: str | None, before: str | None) -> str | None:
    return before if wanted is None else wanted.strip() or None
