"""What is left of a request, and of its referrals, when the customer's data is erased? Pure.

Facts stay, so that counts, audits and partners' histories remain true: ids, instants, states, codes, country and
subdivision, the size of the company, what the deal was worth. Everything that names or describes the customer goes, and
so do a partner's own words about the deal, for they may name the customer too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from services.core.codes import RfiState, Status
from services.core.commands import Withdraw
from services.core.engagement import WithdrawRfi, decide_rfi
from services.core.lifecycle import decide
from services.core.policy import Policy
from services.core.referral import HISTORY_LIMIT, Details, HistoryEntry, Referral
from services.core.rfi import Customer, Need, Person, Place, Rfi, Routing

#: Stands in the place of an erased text: the same in every language.
ERASED = "***"
#: Stands in the place of an erased person; the address is one that nothing can ever be sent to (RFC 2606).
NOBODY = Person(first_name=ERASED, last_name=ERASED, email="erased@erased.invalid")
#: The line of a referral's history.
ERASED_LINE = "erased"

_DECIDED = frozenset({RfiState.WITHDRAWN, RfiState.CHOSEN})


def erased_rfi(rfi: Rfi, by: str, at: datetime, *, withdraw: bool) -> Rfi:
    """The request without its customer; the same object when it was erased before.

    Args:
        rfi: as it is stored.
        by: who asks for it, as in histories.
        at: business time.
        withdraw: the customer wants it: what is still open is withdrawn, which partners hear. The end of a retention
            changes no state.

    A request that was closed keeps its version: closing is its last event, and nobody writes it any more.
    """
    if rfi.erased_at is not None:
        return rfi
    if rfi.state in _DECIDED:
        last = rfi
    elif withdraw:
        last = decide_rfi(rfi, WithdrawRfi(by=by), at)
    else:
        last = replace(rfi, version=rfi.version + 1)
    contact = replace(NOBODY, language=rfi.customer.contact.language, time_zone=rfi.customer.contact.time_zone)
    return replace(
        last,
        customer=Customer(
            company=ERASED, place=_roughly(rfi.customer.place), contact=contact, size=rfi.customer.size, website=None
        ),
        need=Need(title=ERASED, description="", place=_roughly(rfi.need.place), timeframe=rfi.need.timeframe),
        # A hash of the data would tell whoever guesses it right.
        content_hash="",
        excluded_partners=(),
        routing=_without_reasons(last.routing) if last.routing else None,
        erased_at=at,
    )


def erased_referral(referral: Referral, by: str, at: datetime, policy: Policy) -> Referral:
    """The referral without its customer, closed if it was open; the same object when it was erased before.

    What can still be undone becomes final: an undo would bring back what it replaced.
    """
    if referral.erased_at is not None:
        return referral
    last = referral
    if referral.status is not Status.CLOSED or referral.undo is not None:
        last = decide(referral, Withdraw(by=by), at, policy)
    version = referral.version + 1
    line = HistoryEntry(at=at, version=version, what=ERASED_LINE, by=by)
    lines = (*(replace(entry, note=None) for entry in last.history), line)
    return replace(
        last,
        version=version,
        updated_at=at,
        title=ERASED,
        company=ERASED,
        place=_roughly(referral.place),
        keywords=(),
        budget=None,
        customer_key=None,
        details=_without_words(last.details),
        history=lines[-HISTORY_LIMIT:],
        why=_score(referral.why),
        erased_at=at,
    )


def _roughly(place: Place) -> Place:
    return Place(country=place.country, subdivision=place.subdivision)


def _without_reasons(routing: Routing) -> Routing:
    # Reasons name the words of the request by which a partner was found.
    return replace(routing, chosen=tuple(replace(chosen, reasons=()) for chosen in routing.chosen))


def _without_words(details: Details) -> Details:
    return replace(details, engagement_name=None, notes=None, reason_notes=None, crm=None)


def _score(why: Mapping[str, object]) -> dict[str, object]:
    return {"score": why["score"]} if "score" in why else {}
