"""What happens when a partner sends a customer's request on (POST)? It becomes an RFI of the channel sales.

`target` names the partners it is for; without one the best-fitting ones get it. It takes the way of every RFI: checked
by intake's rules, put on Kafka, and only then confirmed. The same idempotency key (or else the caller's own id of it)
with the same body is the same RFI, however often it comes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import orjson

from services.core.errors import CommandInvalid, Problem
from services.core.rfi import Rfi
from services.portal.engagements.bodies import read_json
from services.portal.engagements.errors import Faulty
from services.portal.engagements.reading import partner_of, source_of
from services.portal.identity import Identity
from services.portal.ports import PortalPorts

_UNPROCESSABLE = 422
#: Longest idempotency key.
KEY_LIMIT = 200
_BAD_KEY = Problem("Idempotency-Key", "invalid", f"is 1 to {KEY_LIMIT} visible ASCII characters")
#: Where intake's fields stand in the contract.
_POINTERS = (
    ("/customer/contact/phone", "/customerProfile/team/0/phoneNumber"),
    ("/customer/contact/language", "/customerProfile/team/0/contactPreference/locale"),
    ("/customer/contact", "/customerProfile/team/0"),
    ("/customer/company", "/customerProfile/name"),
    ("/customer/size", "/customerProfile/size"),
    ("/customer/place/subdivision", "/customerProfile/address/state"),
    ("/customer/place", "/customerProfile/address"),
    ("/customer", "/customerProfile"),
    ("/need/title", "/name"),
    ("/need/description", "/details/notes"),
    ("/need/budget/amount", "/details/dealValue"),
    ("/need/budget", "/details"),
    ("/need", "/details/requirements"),
    ("/consent/contact", "/consent/consentToContact"),
    ("/consent/share", "/consent/consentToToShareInfoWithOthers"),
    ("/selectedPartners", "/target"),
)


class Creator:
    """Sends requests on for an identity of a partner."""

    def __init__(self, ports: PortalPorts) -> None:
        self._ports = ports

    async def create(self, me: Identity, body: bytes, key: str | None) -> Rfi:
        """The RFI that is on Kafka then.

        Raises:
            Faulty: every problem of it, in the contract's places; or the key was used for another body.
            DependencyUnavailable: nothing is confirmed; the same request may be sent again.
        """
        sent = _read(body)
        if key is not None and not (0 < len(key) <= KEY_LIMIT and key.isascii() and key.isprintable()):
            raise Faulty([_BAD_KEY, *self._problems(me, sent)])
        name = _name_of(sent, key)
        submitted_at = await self._first_time(me, name, sent) if name else self._ports.clock.now().isoformat()
        id_ = f"key-{_digest(name)[:32]}" if name else str(uuid4())
        data = {"id": id_, "submittedAt": submitted_at, **rfi_data(sent)}
        try:
            return await self._ports.intake.submit(source_of(partner_of(me)), data)
        except CommandInvalid as refused:
            raise Faulty([_in_contract(each) for each in refused.problems], _UNPROCESSABLE) from None

    def judge(self, me: Identity, body: bytes) -> None:
        """Say what is wrong with a request, whatever its key; sends nothing.

        Raises:
            Faulty: every problem of it, in the contract's places.
        """
        if problems := self._problems(me, _read(body)):
            raise Faulty(problems, _UNPROCESSABLE)

    def _problems(self, me: Identity, sent: Mapping[str, Any]) -> list[Problem]:
        data = {"id": str(uuid4()), "submittedAt": self._ports.clock.now().isoformat(), **rfi_data(sent)}
        return [_in_contract(each) for each in self._ports.intake.problems(source_of(partner_of(me)), data)]

    async def _first_time(self, me: Identity, name: str, sent: Mapping[str, Any]) -> str:
        """When this body first came under this name: a repeated request must make the very same RFI."""
        content = _digest(orjson.dumps(sent, option=orjson.OPT_SORT_KEYS).decode())
        now = self._ports.clock.now().isoformat()
        claim = f"create:{partner_of(me)}:{_digest(name)}"
        kept, first = await self._ports.idempotency.claim(claim, content, now, self._ports.clock.real_now())
        if kept != content:
            message = "was used for another referral; send a new key with a new referral"
            raise Faulty([Problem("Idempotency-Key", "reused", message)], _UNPROCESSABLE)
        return first


def _read(body: bytes) -> Mapping[str, Any]:
    sent = read_json(body)
    if not isinstance(sent, Mapping):
        raise Faulty([Problem("", "not_an_object", "send one referral")])
    return sent


def rfi_data(sent: Mapping[str, Any]) -> dict[str, Any]:
    """The data of an RFI, from the contract's form; what is missing is missing here too, for intake to name."""
    profile, details = _part(sent, "customerProfile"), _part(sent, "details")
    address, requirements = _part(profile, "address"), _part(details, "requirements")
    team = profile.get("team")
    contact = team[0] if isinstance(team, list) and team and isinstance(team[0], Mapping) else {}
    language = _language(contact)
    place = _given(address, country="country", subdivision="state", city="city", postalCode="postalCode")
    customer = _given(profile, company="name", size="size") | {
        "place": place,
        "contact": _given(contact, firstName="firstName", lastName="lastName", email="email", phone="phoneNumber")
        | {"language": language},
    }
    invite = _part(sent, "inviteContext")
    need = {
        **_given(sent, title="name"),
        "description": details.get("notes") or invite.get("notes") or "",
        **{field: _ids(requirements.get(field)) for field in ("industries", "products", "services")},
    }
    if details.get("dealValue") is not None:
        need["budget"] = {"amount": str(details["dealValue"]), "currency": details.get("currency") or ""}
    return {
        "channel": "sales",
        "language": language,
        "customer": customer,
        "need": need,
        "consent": _given(_part(sent, "consent"), contact="consentToContact", share="consentToToShareInfoWithOthers"),
        "selectedPartners": _ids(sent.get("target")),
        "contactRequested": details.get("customerRequestedContact") is True,
    }


def _part(whole: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = whole.get(name)
    return part if isinstance(part, Mapping) else {}


def _given(part: Mapping[str, Any], **names: str) -> dict[str, Any]:
    return {ours: part[theirs] for ours, theirs in names.items() if part.get(theirs) is not None}


def _ids(value: Any) -> Any:
    """The ids of a list of things; what is no such list stays as it is, for intake to complain of."""
    if value is None:
        return []
    if not isinstance(value, list):
        return value
    return [each.get("id") if isinstance(each, Mapping) else each for each in value]


def _language(contact: Mapping[str, Any]) -> str:
    locale = _part(contact, "contactPreference").get("locale")
    return locale if isinstance(locale, str) and locale else "en"


def _name_of(sent: Mapping[str, Any], key: str | None) -> str | None:
    """What makes a repeated request the same: the header, else the caller's own id of the deal."""
    if key is not None:
        return f"key:{key}"
    own = sent.get("externalReferenceId")
    return f"own:{own}" if isinstance(own, str) and own else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _in_contract(problem: Problem) -> Problem:
    for ours, theirs in _POINTERS:
        if problem.field == ours or problem.field.startswith(f"{ours}/"):
            return Problem(theirs + problem.field.removeprefix(ours), problem.code, problem.message)
    return problem
