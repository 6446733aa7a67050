"""Each question of the portal for a thing of a partner names the partner: nothing is fetched first and compared then.

A foreign document that never leaves the database can be told to nobody by a line that somebody forgets.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import services.portal

ROOM = Path(services.portal.__file__).parent
#: Methods of stores that find by id what belongs to somebody, and the argument that says whose.
SCOPED = {
    "referrals.load": "partner_id",
    # Takes no partner: whoever asks it sees everybody's referrals of a request, and needs a reason to.
    "referrals.of_rfis": "partner_id",
    "users.load": "partner_id",
    "webhooks.webhooks": "partner_id",
    "store.webhooks": "partner_id",
    "webhooks.deliveries": "partner_id",
    "partners.load_profiles": "partner_id",
    "rfis.load": "source",
}
#: Where no partner is named, and why none need be.
_OF_OWN = "the request of a referral that is the caller's"
_SELF = "the caller's own account"
UNNAMED = {
    "doors.py:_customer rfis.load": "the request that a signed link names",
    "engagements/reading.py:_engagement rfis.load": _OF_OWN,
    "engagements/reading.py:as_sent referrals.of_rfis": "the sender of a request is told how far it has come",
    "engagements/reading.py:told rfis.load": _OF_OWN,
    "engagements/writing.py:_case rfis.load": _OF_OWN,
    "pages/referral.py:load rfis.load": _OF_OWN,
    "v1/engagements.py:_request rfis.load": f"{_OF_OWN}, or an operator asks",
    "v1/engagements.py:_whole referrals.of_rfis": "operators see every referral of a request",
    "v1/rfis.py:_told referrals.of_rfis": "the sender of a request is told how far it has come",
    "trials.py:_cases referrals.of_rfis": "operators try rules on the requests of everybody",
    "owners.py:_of_referral referrals.load": "looks whose a refused id is, behind the answer",
    "owners.py:_of_request rfis.load": "the same",
    "owners.py:_of_request referrals.load": "the same",
    "owners.py:_of_person users.load": "the same",
    "owners.py:_of_webhook webhooks.webhooks": "the same",
    "owners.py:_of_delivery webhooks.deliveries": "the same",
    "owners.py:_of_suggestion partners.load_profiles": "the same",
    "pages/customer_view.py:own_request rfis.load": "the request that a signed link names",
    "pages/disclosures.py:disclosures users.load": "operators see who was shown a contact",
    "pages/operator.py:show rfis.load": "operators see every request",
    "pages/operator.py:_outcome referrals.of_rfis": "the same",
    "pages/customer.py:_load referrals.of_rfis": "a customer sees who got its own request",
    "pages/partner_cards.py:suggested_cards partners.load_profiles": "partners that are proposed to a customer",
    "v1/wishes.py:candidates partners.load_profiles": "partners that are proposed to a request's sender",
    "pages/inbox.py:_user users.load": _SELF,
    "pages/sign_in.py:_keep_language users.load": _SELF,
    "pages/team.py:settings users.load": _SELF,
    "sign_in.py:use_link users.load": "the person whom a link was made for",
    "sign_in.py:user users.load": "the person who has an address",
}


def _questions(function: ast.AST) -> Iterator[tuple[str, bool]]:
    """The questions that a function itself asks, and whether each names whose thing it wants."""
    for node in ast.iter_child_nodes(function):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            store = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
            name = f"{store.strip('_')}.{node.func.attr}"
            if name in SCOPED:
                yield name, SCOPED[name] in {each.arg for each in node.keywords}
        yield from _questions(node)


def _asked() -> Iterator[tuple[str, bool]]:
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                at = f"{path.relative_to(ROOM).as_posix()}:{node.name}"
                yield from ((f"{at} {question}", named) for question, named in _questions(node))


def test_a_question_that_names_no_partner_has_its_reason() -> None:
    asked = list(_asked())
    assert sum(named for _, named in asked) >= 12, "the look at the code sees nothing any more"
    unnamed = {question for question, named in asked if not named}
    assert unnamed - UNNAMED.keys() == set(), "say whose thing is wanted: partner_id=... (source=...)"
    assert UNNAMED.keys() - unnamed == set()
