"""What do the ports of people, sessions, links, tokens and OAuth clients promise?"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

from services.core.accounts import ApiToken, Notify, OAuthClient, Role, Session, SignInLink, User
from services.core.ids import SHARDS, shard_of, user_id
from services.core.ports import Change
from tests.builders import START
from tests.contract.stores import Stores

HOUR = timedelta(hours=1)


def make_user(email: str = "ana@partner1.example", partner: str | None = "P-1", **more: object) -> User:
    base = User(id=user_id(email), email=email, name="Ana Ruiz", partner_id=partner)
    return replace(base, **more)  # type: ignore[arg-type]


def make_token(n: int = 1, partner: str | None = "P-1", **more: object) -> ApiToken:
    base = ApiToken(id=f"T-{n}", token_hash=f"hash-{n}", name="CRM", partner_id=partner, created_at=START + n * HOUR)
    return replace(base, **more)  # type: ignore[arg-type]


class UserStoreSuite:
    async def test_a_user_comes_back_as_it_was_and_is_added_once(self, stores: Stores) -> None:
        user = make_user(role=Role.ADMIN, language="es", time_zone="Europe/Madrid")
        assert await stores.users.add([user]) == set()
        assert await stores.users.add([replace(user, name="Somebody else")]) == {user.id}
        assert await stores.users.load([user.id, "nobody"]) == {user.id: user}

    async def test_who_is_asked_for_of_a_partner_is_of_that_partner_alone(self, stores: Stores) -> None:
        mine, theirs = make_user("ana@p.example"), make_user("bea@q.example", "P-2")
        boss = make_user("boss@x.example", None, operator=True)
        await stores.users.add([mine, theirs, boss])
        ids = [mine.id, theirs.id, boss.id]
        assert await stores.users.load(ids, partner_id="P-1") == {mine.id: mine}
        assert await stores.users.load(ids, partner_id="") == {}

    async def test_an_address_is_one_user_however_it_is_written(self, stores: Stores) -> None:
        await stores.users.add([make_user("ana@partner1.example")])
        assert user_id(" Ana@Partner1.example ") in await stores.users.load([user_id("ANA@partner1.example")])

    async def test_only_the_first_of_two_changes_of_one_version_is_written(self, stores: Stores) -> None:
        user = make_user()
        await stores.users.add([user])
        mine, theirs = replace(user, version=2, name="Mine"), replace(user, version=2, name="Theirs")
        assert (await stores.users.save([Change(mine, 1)])).written == [user.id]
        assert (await stores.users.save([Change(theirs, 1)])).conflicts == [user.id]
        assert (await stores.users.save([Change(mine, 1)])).written == [user.id]
        assert (await stores.users.load([user.id]))[user.id] == mine

    async def test_people_are_listed_by_partner_and_operators_apart(self, stores: Stores) -> None:
        bea, ana = make_user("bea@p.example"), make_user("ana@p.example")
        other, boss = make_user("z@q.example", "P-2"), make_user("boss@x.example", None, operator=True)
        await stores.users.add([bea, ana, other, boss])
        assert await stores.users.of_partner("P-1") == [ana, bea]
        assert await stores.users.operators() == [boss]

    async def test_active_people_who_want_mails_are_found_by_partner(self, stores: Stores) -> None:
        bea, ana = make_user("bea@p.example", notify=Notify.EACH), make_user("ana@p.example", notify=Notify.WARNINGS)
        gone, other = make_user("x@p.example", notify=Notify.EACH, active=False), make_user("y@p.example")
        dan = make_user("dan@q.example", "P-2", notify=Notify.DIGEST)
        await stores.users.add([bea, ana, gone, other, dan, make_user("z@r.example", "P-3", notify=Notify.EACH)])
        assert await stores.users.notified(["P-1", "P-2", "P-9"]) == {"P-1": [ana, bea], "P-2": [dan]}
        assert await stores.users.notified([]) == {}
        await stores.users.save([Change(replace(bea, notify=Notify.NOTHING, version=2), 1)])
        assert await stores.users.notified(["P-1"]) == {"P-1": [ana]}

    async def test_people_are_due_for_their_digest_by_shard_and_time(self, stores: Stores) -> None:
        people = [make_user(f"{n}@p.example", notify=Notify.DIGEST, digest_at=START + n * HOUR) for n in range(3)]
        await stores.users.add([*people, make_user("nobody@p.example")])
        every = range(SHARDS)
        assert await stores.users.digests_due(every, START + HOUR, 10) == people[:2]
        assert await stores.users.digests_due(every, START + 9 * HOUR, 1) == people[:1]
        mine = [shard_of(people[2].id)]
        assert people[2] in await stores.users.digests_due(mine, START + 2 * HOUR, 10)
        assert await stores.users.digests_due([n for n in every if n not in mine], START + 2 * HOUR, 10) == [
            each for each in people if shard_of(each.id) not in mine
        ]
        await stores.users.save([Change(replace(people[0], digest_at=None, version=2), 1)])
        assert await stores.users.digests_due(every, START + HOUR, 10) == [people[1]]


class SecretStoreSuite:
    async def test_the_first_candidate_is_kept_and_everybody_gets_it(self, stores: Stores) -> None:
        kept = await asyncio.gather(*(stores.secrets.keep("link-key", f"key {n}") for n in range(8)))
        assert len(set(kept)) == 1
        assert await stores.secrets.keep("link-key", "another") == kept[0]
        assert await stores.secrets.keep("other", "another") == "another"


class SignInStoreSuite:
    async def test_a_session_holds_until_it_expires_or_is_ended(self, stores: Stores) -> None:
        session = Session(id="s", user_id="u", csrf="c", created_at=START, expires_at=START + HOUR)
        await stores.sign_ins.put_session(session)
        assert await stores.sign_ins.session("s", START) == session
        assert await stores.sign_ins.session("s", START + HOUR) is None
        assert await stores.sign_ins.session("t", START) is None
        await stores.sign_ins.end_session("s")
        assert await stores.sign_ins.session("s", START) is None

    async def test_a_session_is_told_with_the_person_as_it_is_now(self, stores: Stores) -> None:
        user = User(id="u", email="u@x.example", name="U", partner_id="p")
        session = Session(id="s", user_id="u", csrf="c", created_at=START, expires_at=START + HOUR)
        await stores.sign_ins.put_session(session)
        assert await stores.sign_ins.holder("s", START) is None
        await stores.users.add([user])
        assert await stores.sign_ins.holder("s", START) == (session, user)
        left = replace(user, active=False, version=user.version + 1)
        await stores.users.save([Change(left, user.version)])
        assert await stores.sign_ins.holder("s", START) == (session, left)
        assert await stores.sign_ins.holder("s", START + HOUR) is None
        await stores.sign_ins.end_session("s")
        assert await stores.sign_ins.holder("s", START) is None

    async def test_many_who_come_at_once_are_each_told_as_themselves(self, stores: Stores) -> None:
        users = [User(id=f"u{n}", email=f"u{n}@x.example", name="U", partner_id="p") for n in range(6)]
        sessions = [
            Session(id=f"s{n}", user_id=f"u{n}", csrf=f"c{n}", created_at=START, expires_at=START + n * HOUR)
            for n in range(6)
        ]
        await stores.users.add(users)
        for session in sessions:
            await stores.sign_ins.put_session(session)
        keys = ["s3", "nobody", "s1", "s5", "s3", "s0"]
        found = await asyncio.gather(*(stores.sign_ins.holder(key, START + 2 * HOUR) for key in keys))
        wanted = {f"s{n}": (sessions[n], users[n]) for n in (3, 5)}
        assert found == [wanted.get(key) for key in keys]

    async def test_a_person_is_signed_out_everywhere_and_nobody_else_is(self, stores: Stores) -> None:
        for id_, who in (("a", "u"), ("b", "u"), ("c", "v")):
            await stores.sign_ins.put_session(
                Session(id=id_, user_id=who, csrf="c", created_at=START, expires_at=START + HOUR)
            )
        await stores.sign_ins.end_sessions_of("u")
        left = [id_ for id_ in "abc" if await stores.sign_ins.session(id_, START)]
        assert left == ["c"]

    async def test_looking_at_a_link_does_not_use_it_and_of_many_who_use_it_one_gets_it(self, stores: Stores) -> None:
        link = SignInLink(id="l", user_id="u", created_at=START, expires_at=START + HOUR, next_path="/referrals/1")
        await stores.sign_ins.put_link(link)
        assert await stores.sign_ins.link("l", START) == link
        assert await stores.sign_ins.link("l", START) == link
        taken = await asyncio.gather(*(stores.sign_ins.take_link("l", START) for _ in range(8)))
        assert [each for each in taken if each] == [link]
        assert await stores.sign_ins.link("l", START) is None

    async def test_an_expired_link_is_none(self, stores: Stores) -> None:
        await stores.sign_ins.put_link(SignInLink(id="l", user_id="u", created_at=START, expires_at=START + HOUR))
        assert await stores.sign_ins.link("l", START + HOUR) is None
        assert await stores.sign_ins.take_link("l", START + HOUR) is None


class TokenStoreSuite:
    async def test_a_token_is_found_by_its_hash_until_it_expires_or_is_revoked(self, stores: Stores) -> None:
        token = make_token(scopes=("referrals.read",), expires_at=START + 2 * HOUR)
        await stores.tokens.add_token(token)
        assert await stores.tokens.token("hash-1", START) == token
        assert await stores.tokens.token("hash-2", START) is None
        assert await stores.tokens.token("hash-1", START + 2 * HOUR) is None
        assert await stores.tokens.revoke_token("T-1", "P-1", START)
        assert await stores.tokens.token("hash-1", START) is None

    async def test_what_has_an_id_that_is_there_changes_nothing(self, stores: Stores) -> None:
        client = OAuthClient(id="C-1", secret_hash="s", name="CRM", partner_id="P-1", created_at=START)
        assert await stores.tokens.add_token(make_token())
        assert not await stores.tokens.add_token(replace(make_token(), token_hash="another"))
        assert await stores.tokens.add_client(client)
        assert not await stores.tokens.add_client(replace(client, secret_hash="another"))
        assert await stores.tokens.token("another", START) is None
        assert await stores.tokens.client("C-1") == client

    async def test_nobody_revokes_anothers_token(self, stores: Stores) -> None:
        await stores.tokens.add_token(make_token())
        assert not await stores.tokens.revoke_token("T-1", "P-2", START)
        assert not await stores.tokens.revoke_token("T-9", None, START)
        assert await stores.tokens.token("hash-1", START) is not None
        assert await stores.tokens.revoke_token("T-1", None, START)

    async def test_the_last_use_is_noted(self, stores: Stores) -> None:
        await stores.tokens.add_token(make_token())
        await stores.tokens.used("T-1", START + HOUR)
        await stores.tokens.used("T-1", START)
        assert (await stores.tokens.tokens_of("P-1"))[0].last_used_at == START + HOUR

    async def test_tokens_are_listed_by_partner_newest_first_without_those_of_clients(self, stores: Stores) -> None:
        mine = [make_token(1), make_token(2)]
        for token in (*mine, make_token(3, "P-2"), make_token(4, client_id="C-1"), make_token(5, None, operator=True)):
            await stores.tokens.add_token(token)
        assert await stores.tokens.tokens_of("P-1") == mine[::-1]
        assert [t.id for t in await stores.tokens.tokens_of(None)] == ["T-5"]

    async def test_revoking_a_client_revokes_what_was_issued_to_it(self, stores: Stores) -> None:
        client = OAuthClient(id="C-1", secret_hash="s", name="CRM", partner_id="P-1", created_at=START)
        await stores.tokens.add_client(client)
        await stores.tokens.add_token(make_token(1, client_id="C-1"))
        await stores.tokens.add_token(make_token(2))
        assert await stores.tokens.client("C-1") == client
        assert await stores.tokens.clients_of("P-1") == [client]
        assert [await stores.tokens.partner_of(id_) for id_ in ("C-1", "T-1", "C-9")] == ["P-1", "P-1", None]
        assert not await stores.tokens.revoke_client("C-1", "P-2", START)
        assert await stores.tokens.revoke_client("C-1", "P-1", START)
        assert await stores.tokens.client("C-1") is None
        assert await stores.tokens.token("hash-1", START) is None
        assert await stores.tokens.token("hash-2", START) is not None
