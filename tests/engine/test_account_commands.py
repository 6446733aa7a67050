"""Can an operator let people and programs in from the command line, and lock them out again? On a real database."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.adapters.mongo.driver import DESCENDING, Index, Mongo
from services.adapters.mongo.indexes import REFUSALS, ensure_indexes
from services.adapters.mongo.stores import MongoStores, stores_of
from services.cli.app import app
from services.cli.console import console
from services.core.accounts import Role
from services.core.ids import user_id
from services.portal.keys import key_hash
from tests.builders import START, make_partner
from tests.contract.foreign_id_suite import make_ask

Run = Callable[..., str]


@pytest.fixture
def run(mongo_server: str, mongo_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`referrals …` against a database of its own; returns what it printed, as wide as it wants to be."""
    # Set by itself: whoever loaded the console before had no COLUMNS for it.
    monkeypatch.setattr(console, "width", 300)
    environment = {
        "REFERRALS_MONGO": mongo_server,
        "REFERRALS_MONGO_DATABASE": mongo_database,
        "REFERRALS_HOME": str(tmp_path),
    }

    def command(*words: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, list(words), env=environment)
        assert done.exit_code == code, done.output
        return done.output

    return command


@pytest.fixture
def stored(mongo_server: str, mongo_database: str) -> Callable[[Callable[[MongoStores], Any]], Any]:
    """Does something with the stores and returns its answer."""

    def look(work: Callable[[MongoStores], Any]) -> Any:
        async def go() -> Any:
            with Mongo(mongo_server, mongo_database) as mongo:
                return await work(stores_of(mongo))

        return asyncio.run(go())

    return look


def test_who_asked_for_others_things_is_listed(run: Run, stored: Any) -> None:
    assert "Nobody, in the last 90 days" in run("foreign-ids")
    ask = make_ask()
    stored(lambda stores: stores.foreign_asks.note([ask, ask]))
    told = run("foreign-ids", "-n", "5")
    assert all(each in told for each in (ask.by, ask.partner_id, ask.operation, "referral r-2", "times"))


def test_indexes_that_an_older_version_left_are_told_and_dropped_when_asked(
    run: Run, mongo_server: str, mongo_database: str
) -> None:
    async def indexes(make: Sequence[Index] = ()) -> list[str]:
        with Mongo(mongo_server, mongo_database) as mongo:
            await ensure_indexes(mongo)
            refusals = mongo.collection(REFUSALS)
            await refusals.ensure(make)
            return await refusals.index_names()

    wanted = asyncio.run(indexes())
    assert "Every index is in use" in run("indexes")
    asyncio.run(indexes([Index([("at", DESCENDING)], name="by_time")]))
    told = run("indexes")
    assert "by_time" in told
    assert not [name for name in wanted if name in told]
    assert asyncio.run(indexes()) == sorted([*wanted, "by_time"])
    assert "Dropped" in run("indexes", "--drop")
    assert asyncio.run(indexes()) == wanted


def test_an_operator_is_added_once_and_gets_a_link(run: Run, stored: Any) -> None:
    assert "may sign in" in run("user", "add", "Boss@X.example", "--operator", "--name", "Bo Boss")
    assert "was there already" in run("user", "add", "boss@x.example", "--operator")
    assert "boss@x.example" in run("user", "list")
    link = run("user", "link", "boss@x.example").strip()
    assert re.fullmatch(r"http://127\.0\.0\.1:8400/sign-in/link/\S+\.\S+", link)
    (user,) = stored(lambda stores: stores.users.operators())
    assert (user.id, user.name) == (user_id("boss@x.example"), "Bo Boss")
    assert "nobody with the address" in run("user", "link", "eve@x.example", code=1)


def test_a_partners_person_has_a_role_and_the_partner_must_exist(run: Run, stored: Any) -> None:
    partner = make_partner(1)
    assert "there is no partner" in run("user", "add", "a@b.example", "--partner", partner.id, code=1)
    stored(lambda stores: stores.partners.put_partners([partner]))
    run("user", "add", "a@b.example", "--partner", partner.id, "--role", "viewer", "--language", "es")
    (user,) = stored(lambda stores: stores.users.of_partner(partner.id))
    assert (user.role, user.language) == (Role.VIEWER, "es")
    assert "a@b.example" in run("user", "list", "--partner", partner.id)


@pytest.mark.parametrize(
    "words",
    [
        ("user", "add", "a@b.example"),
        ("user", "add", "a@b.example", "--operator", "--partner", "x"),
        ("user", "add", "no address", "--operator"),
        ("token", "create", "CRM"),
        ("token", "create", "CRM", "--operator", "--scope", "everything"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_asked(run: Run, words: tuple[str, ...]) -> None:
    run(*words, code=2)


def test_a_token_is_shown_once_and_ends_when_it_is_revoked(run: Run, stored: Any) -> None:
    partner = make_partner(1)
    stored(lambda stores: stores.partners.put_partners([partner]))
    said = run("token", "create", "CRM", "--partner", partner.id, "--scope", "referrals.read", "--days", "30")
    key = re.search(r"(rxt_\S+)", said)
    assert key is not None
    token = stored(lambda stores: stores.tokens.token(key_hash(key[1]), START))
    assert (token.partner_id, token.scopes) == (partner.id, ("referrals.read",))
    assert key[1] not in run("token", "list", "--partner", partner.id)
    assert "is revoked" in run("token", "revoke", token.id)
    assert stored(lambda stores: stores.tokens.token(key_hash(key[1]), START)) is None
    assert "there is no token" in run("token", "revoke", "T-0", code=1)


def test_a_client_is_made_and_revoked(run: Run, stored: Any) -> None:
    said = run("client", "create", "BI", "--operator")
    id_ = re.search(r"client_id (\S+)", said)
    assert id_ is not None
    assert stored(lambda stores: stores.tokens.client(id_[1])).operator
    run("client", "revoke", id_[1])
    assert stored(lambda stores: stores.tokens.client(id_[1])) is None
