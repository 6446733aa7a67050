"""Is this an RFI that partners can be asked with? If not: every reason at once, by field, in the publisher's words.

Pure but for the look-ups passed in. The shape is checked first; what it leaves readable is then checked for meaning,
so that a publisher mends an RFI in one round.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from services.core import ids
from services.core.codes import Channel
from services.core.errors import Problem
from services.core.rfi import Consent, Rfi
from services.intake.customer import check_customer, text_language
from services.intake.findings import Findings, Part
from services.intake.need import check_need
from services.intake.normalise import content_hash, one_line
from services.intake.regions import Regions
from services.intake.shape import check_shape

#: How far the publisher's clock may be ahead of ours.
CLOCK_SKEW = timedelta(minutes=10)
#: An older RFI is no request any more.
OLDEST = timedelta(days=365)

_CHANNELS = {channel.value: channel for channel in Channel}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)


def validate(data: object, source: str, now: datetime, regions: Regions) -> Rfi | list[Problem]:
    """The RFI, normalised, as it will be stored; or every problem.

    Args:
        data: parsed JSON of one RFI; it may be anything.
        source: who publishes, bound by its envelope or token; part of the RFI's id.
        now: business time, aware, UTC; the time of acceptance.
        regions: look-ups of countries, subdivisions, currencies and time zones.
    """
    found = Findings()
    sent = check_shape(data, found)
    root = Part(data, "", found)
    channel = _channel(root)
    language = text_language(root)
    submitted_at = _submitted_at(root, now)
    customer = check_customer(root.part("customer"), language or "en", regions)
    need = check_need(root.part("need"), root.part("customer"), customer.place if customer else None, regions)
    consent = _consent(root.part("consent"))
    picks, excluded = _selected(root, channel), _excluded(root)
    if found:
        return found.listed()
    if not (sent and channel and language and submitted_at and customer and need and consent):
        return [Problem("", "invalid", "is not an RFI; see the JSON Schema of rfi.submitted")]
    return Rfi(
        id=ids.rfi_id(source, sent.id),
        source=source,
        publisher_id=sent.id,
        channel=channel,
        language=language,
        customer=customer,
        need=need,
        consent=consent,
        submitted_at=_milliseconds(submitted_at),
        accepted_at=_milliseconds(now),
        content_hash=content_hash(data),
        selected_partners=picks,
        excluded_partners=excluded,
        max_partners=sent.max_partners,
        contact_requested=sent.contact_requested,
    )


def _milliseconds(at: datetime) -> datetime:
    """As stores keep it, so that an event told before and after storing is the same."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _channel(root: Part) -> Channel | None:
    text = root.text("channel")
    if text is not None and text not in _CHANNELS:
        root.wrong("channel", "unknown_channel", f"must be one of {', '.join(_CHANNELS)}")
    return _CHANNELS.get(text or "")


def _submitted_at(root: Part, now: datetime) -> datetime | None:
    text = root.text("submittedAt")
    if text is None:
        # The wire model reads numbers as seconds since 1970; nobody means that.
        if root.mistyped("submittedAt"):
            root.wrong("submittedAt", "wrong_type", "must be a date and time as text")
        return None
    try:
        at = datetime.fromisoformat(text.upper()) if _INSTANT.fullmatch(text) else None
    except ValueError:
        at = None
    if at is None:
        root.wrong("submittedAt", "date_format", "must be a date and time, for example 2026-03-02T09:00:00Z")
    elif at.tzinfo is None:
        root.wrong("submittedAt", "no_offset", "needs its offset from UTC: end it with Z or, for example, +01:00")
    elif at - now > CLOCK_SKEW:
        root.wrong("submittedAt", "in_the_future", "lies in the future; check the clock and the offset")
    elif now - at > OLDEST:
        root.wrong("submittedAt", "too_old", "lies more than a year back; ask the customer again")
    else:
        return at.astimezone(UTC)
    return None


def _consent(part: Part) -> Consent | None:
    contact, share = part.flag("contact"), part.flag("share")
    if contact is False:
        part.wrong("contact", "no_consent", "must be true: without it no partner may contact the customer")
    if share is False:
        part.wrong("share", "no_consent", "must be true: without it the request may not be shared with partners")
    return Consent(contact=True, share=True, next_best=part.flag("nextBest") or False) if contact and share else None


def _selected(root: Part, channel: Channel | None) -> tuple[str, ...]:
    if channel is Channel.SEARCH and not root.has("selectedPartners"):
        root.wrong("selectedPartners", "required_for_search", "a search RFI names the partners the customer picked")
    return tuple(dict.fromkeys(one_line(text) for text in root.texts("selectedPartners")))


def _excluded(root: Part) -> tuple[str, ...]:
    picked = set(map(one_line, root.texts("selectedPartners")))
    excluded = tuple(dict.fromkeys(one_line(text) for text in root.texts("excludedPartners")))
    if not picked.isdisjoint(excluded):
        root.wrong("excludedPartners", "contradicts", "names a partner of selectedPartners; leave it in one of the two")
    return excluded
