"""Which changes of its business profiles are suggested to a partner, and how does its program make one?

A suggestion rests on the partner's own answers and on requests that went past it; of those only the number is told. Its
id says what is suggested, and is signed: so a change that was made already is known when it is asked for again, and the
answer is the profile as it is. What cannot be made by itself (`applicable` is false) needs a person, or a PUT.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.exceptions import HTTPException

from services.core.account_stores import LinkSigner
from services.core.errors import CommandInvalid
from services.core.partner import Profile
from services.core.profile_rules import problems_of_profile
from services.matching.suggested import Suggestion, SuggestionCode, applied
from services.portal.access import NotHere
from services.portal.identity import Identity
from services.portal.ports import PortalPorts
from services.portal.profile_work import ProfileWork
from services.portal.v1.callers import ProfileReading, ProfileWriting, partner_of
from services.portal.v1.profile_told import ProfileV1, told
from services.portal.v1.route import V1Route, errors, name_methods
from services.portal.v1.wire import IfMatch, Told, answer, check_match, versioned

PATH = "/v1/suggestions"
SuggestionId = Annotated[str, Path(max_length=2000)]
_PURPOSE = "suggestion"
_GONE = "this is not suggested any more: read the list again"


class SuggestionV1(Told):
    """A change of a profile, and on how many requests it rests."""

    id: str
    profile_id: str
    country: str
    code: SuggestionCode
    value: str
    count: int
    applicable: bool


class SuggestionListV1(Told):
    """Every suggestion, what rests on most requests first."""

    value: list[SuggestionV1]


def router(ports: PortalPorts, work: ProfileWork) -> APIRouter:
    """Routes of suggestions."""
    routes = APIRouter(route_class=V1Route, tags=["suggestions"])

    @routes.get(PATH, responses=errors(), response_model=SuggestionListV1, summary="What your profiles might say")
    async def listed(me: ProfileReading) -> Response:
        profiles = {each.id: each for each in await ports.partners.profiles_of(partner_of(me))}
        found = await work.suggestions(partner_of(me)) if profiles else []
        here = [(each, profiles[each.profile_id]) for each in found if each.profile_id in profiles]
        return answer(SuggestionListV1(value=[_told(ports.signer, each, profile) for each, profile in here]))

    @routes.post(
        f"{PATH}/{{suggestion_id}}/apply",
        responses=versioned(200) | errors(404, 409, 412, 422),
        response_model=ProfileV1,
        summary="Make the change; once more changes nothing. The answer is the profile",
    )
    async def apply(suggestion_id: SuggestionId, me: ProfileWriting, if_match: IfMatch = None) -> Response:
        asked = _read(ports.signer, suggestion_id)
        profile = await _profile(ports, me, asked)
        check_match(if_match, profile.version)
        if _holds(profile, asked):
            return answer(told(profile), version=profile.version)
        changed = applied(profile, asked)
        if changed is None:
            raise HTTPException(409, "this needs more than a yes: change the profile with PUT")
        if all(_named(each) != _named(asked) for each in await work.suggestions(profile.partner_id)):
            raise NotHere(_GONE)
        if problems := problems_of_profile(changed, ports.clock.now(), profile):
            raise CommandInvalid(problems)
        stored = await work.save(me, changed, str(profile.version))
        return answer(told(stored), version=stored.version)

    return name_methods(routes)


async def _profile(ports: PortalPorts, me: Identity, asked: Suggestion) -> Profile:
    """The profile that a suggestion is about.

    Raises:
        NotHere: it is another partner's.
    """
    mine = await ports.partners.load_profiles([asked.profile_id], partner_id=me.partner_id or "")
    if (found := mine.get(asked.profile_id)) is None:
        raise NotHere(_GONE)
    return found


def _holds(profile: Profile, asked: Suggestion) -> bool:
    """Whether the profile says so already; the order of its keywords does not count."""
    if asked.code is SuggestionCode.NARROW_REGION:
        return False
    changed = applied(profile, asked)
    if changed is None:
        return True
    same_words = set(changed.keywords) == set(profile.keywords)
    return same_words and replace(changed, keywords=profile.keywords) == profile


def _named(suggestion: Suggestion) -> tuple[str, SuggestionCode, str]:
    return suggestion.profile_id, suggestion.code, suggestion.value


def _told(signer: LinkSigner, suggestion: Suggestion, profile: Profile) -> SuggestionV1:
    text = "|".join(_named(suggestion))
    return SuggestionV1(
        id=signer.sign(_PURPOSE, urlsafe_b64encode(text.encode()).decode().rstrip("=")),
        profile_id=profile.id,
        country=profile.country,
        code=suggestion.code,
        value=suggestion.value,
        count=suggestion.count,
        applicable=applied(profile, suggestion) is not None,
    )


def profile_in(signer: LinkSigner, id_: str) -> str:
    """The id of the profile that a suggestion's id is about.

    Raises:
        NotHere: it is not one of ours.
    """
    return _read(signer, id_).profile_id


def _read(signer: LinkSigner, id_: str) -> Suggestion:
    """What an id suggests.

    Raises:
        NotHere: it is not one of ours.
    """
    text = signer.read(_PURPOSE, id_)
    if text is None:
        raise NotHere(_GONE)
    profile_id, code, value = urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode().split("|", 2)
    if code not in set(SuggestionCode):
        raise NotHere(_GONE)
    return Suggestion(profile_id=profile_id, code=SuggestionCode(code), value=value, count=0, rfi_ids=())
