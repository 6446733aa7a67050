"""What is told of why a request went to a partner, or did not? Reasons as data, and in words where people have some."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.core.partner import Partner
from services.core.reasons import parse
from services.core.referral import Referral
from services.core.rfi import Chosen, Rfi
from services.matching.explanation import Explanation, ProfileVerdict
from services.portal.v1.wire import Told
from services.wording.reasons import said
from services.wording.words import Words, words_of


class ReasonV1(Told):
    """One reason: a code with what it is about, and the same in words."""

    code: str | None = None
    value: str | None = None
    detail: str | None = None
    weight: Annotated[float | None, Field(description="Operators")] = None
    text: str | None = None


class DecisionV1(Told):
    """What was decided on one partner, as it was stored then."""

    partner_id: str
    partner_name: str | None = None
    profile_id: str | None = None
    outcome: Annotated[str, Field(description="`chosen`, or the code of why not")]
    picked: bool = False
    round: int | None = None
    score: Annotated[float | None, Field(description="Operators")] = None
    reasons: list[ReasonV1]


class TermV1(Told):
    """One thing that is asked for, and whether the profile offers it."""

    words: str
    source: str
    weight: float
    matched: bool


class VerdictV1(Told):
    """One profile against the request, as things are now."""

    partner_id: str
    partner_name: str | None = None
    profile_id: str
    version: int
    outcome: str
    score: float
    rank: int | None = None
    region: ReasonV1
    distance: Annotated[str, Field(description="How far its nearest known location is, and what was asked")]
    size: str
    availability: str
    terms: list[TermV1]
    would_help: Annotated[list[str], Field(description="What would change the outcome, one action each")]


class NowV1(Told):
    """What the matcher makes of the request now; what was stored wins."""

    at: datetime
    rules: str
    profiles: list[VerdictV1]


class ExplanationV1(Told):
    """Why a request went to whom."""

    engagement_id: str
    at: Annotated[datetime | None, Field(description="When it was routed")] = None
    rules: Annotated[str | None, Field(description="Which version of the matching rules decided then")] = None
    decisions: list[DecisionV1]
    now: Annotated[NowV1 | None, Field(description="Operators")] = None


def as_stored(rfi: Rfi, referral: Referral, language: str) -> ExplanationV1:
    """What the referral's partner is told: its own reasons, without what they weigh."""
    texts = referral.why.get("reasons", ())
    stored = [text for text in texts if isinstance(text, str)] if isinstance(texts, list | tuple) else []
    reasons = _reasons(stored, rfi, words_of(language))
    for reason in reasons:
        reason.weight = None
    decision = DecisionV1(
        partner_id=referral.partner_id,
        profile_id=referral.profile_id,
        outcome="chosen",
        picked=referral.picked,
        round=referral.round,
        reasons=reasons,
    )
    return _explanation(rfi, [decision])


def as_asked(
    rfi: Rfi, found: Explanation, partner_id: str | None, partners: Mapping[str, Partner], language: str
) -> ExplanationV1:
    """What an operator is told: of one partner, or of everybody chosen or near."""
    words = words_of(language)
    chosen = rfi.routing.chosen if rfi.routing else ()
    near = rfi.routing.near_misses if rfi.routing else ()
    decisions = [_chosen(each, rfi, words) for each in chosen]
    decisions += [
        DecisionV1(
            partner_id=each.partner_id,
            profile_id=each.profile_id,
            outcome=each.because,
            score=each.score,
            reasons=[],
        )
        for each in near
    ]
    told = _explanation(rfi, [each for each in decisions if partner_id in (None, each.partner_id)])
    verdicts = [_verdict(each, rfi, words) for each in found.profiles]
    names = {id_: partner.name for id_, partner in partners.items()}
    for decision in told.decisions:
        decision.partner_name = names.get(decision.partner_id)
    for verdict in verdicts:
        verdict.partner_name = names.get(verdict.partner_id)
    told.now = NowV1(at=found.at, rules=found.rules, profiles=verdicts)
    return told


def _explanation(rfi: Rfi, decisions: list[DecisionV1]) -> ExplanationV1:
    routing = rfi.routing
    return ExplanationV1(
        engagement_id=rfi.id,
        at=routing.at if routing else None,
        rules=routing.rules if routing else None,
        decisions=decisions,
    )


def _chosen(chosen: Chosen, rfi: Rfi, words: Words) -> DecisionV1:
    return DecisionV1(
        partner_id=chosen.partner_id,
        profile_id=chosen.profile_id,
        outcome="chosen",
        picked=chosen.picked,
        round=chosen.round,
        score=chosen.score,
        reasons=_reasons(chosen.reasons, rfi, words),
    )


def _verdict(verdict: ProfileVerdict, rfi: Rfi, words: Words) -> VerdictV1:
    return VerdictV1(
        partner_id=verdict.partner_id,
        profile_id=verdict.profile_id,
        version=verdict.version,
        outcome=verdict.outcome,
        score=verdict.score,
        rank=verdict.rank,
        region=_reasons([verdict.region], rfi, words)[0],
        distance=verdict.distance,
        size=verdict.size,
        availability=verdict.availability,
        terms=[
            TermV1(words=term.words, source=term.source, weight=term.weight, matched=term.matched)
            for term in verdict.terms
        ],
        would_help=list(verdict.would_help),
    )


def _reasons(texts: Sequence[str], rfi: Rfi, words: Words) -> list[ReasonV1]:
    told = []
    for text in texts:
        reason = parse(text)
        fact = ReasonV1(text=said(words, text, rfi.need.place))
        if reason is not None:
            fact.code, fact.weight = reason.code.value, reason.weight
            fact.value, fact.detail = reason.value or None, reason.detail or None
        told.append(fact)
    return told
