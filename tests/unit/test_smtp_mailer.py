"""Does the mailer's word on each mail agree with what the server truly accepted?"""

from __future__ import annotations

import asyncio
import random
import socket
from collections import Counter

import pytest

from services.adapters.mail.conversation import Timeouts
from services.adapters.mail.smtp import Relay, SmtpMailer
from services.core.mail import Delivery, Envelope, Outcome
from tests.smtp_world import FAULTS, SmtpWorld, smtp_world

EXPECTED = {
    "ok": {Outcome.SENT},
    "slow": {Outcome.SENT},
    "rcpt_later": {Outcome.RETRY},
    "rcpt_never": {Outcome.REFUSED},
    "rcpt_refused_yet_354": {Outcome.REFUSED},
    "mail_refused": {Outcome.RETRY},
    "data_refused": {Outcome.REFUSED},
    "dot_later": {Outcome.RETRY},
    "dot_never": {Outcome.REFUSED},
    "closing_at_rcpt": {Outcome.RETRY},
    "closing_at_dot": {Outcome.RETRY},
    "drop_at_rcpt": {Outcome.RETRY},
    "drop_unkept": {Outcome.UNKNOWN},
    "drop_kept": {Outcome.UNKNOWN},
    "garbage_at_dot": {Outcome.UNKNOWN},
}
BODIES = (b"Subject: x\r\n\r\nbody\r\n", b"A: b\r\n\r\n.\r\n..\r\n.x\r\nend", b".starts with a dot\r\n", b"\r\n.\r\n")


def envelope(fault: str, number: int) -> Envelope:
    sender = "mail_refused@from.example" if fault == "mail_refused" else "a@from.example"
    body = BODIES[number % len(BODIES)]
    body = b"X-Number: %d\r\n" % number + body if not body.startswith(b".") else body
    return Envelope(f"{fault}-{number}", sender, f"{fault}-{number}@x.example", body)


def mailer_for(world: SmtpWorld, connections: int = 2, mails_per_connection: int = 1000) -> SmtpMailer:
    relay = Relay(
        host="127.0.0.1",
        port=world.port,
        connections=connections,
        mails_per_connection=mails_per_connection,
        breaks_per_batch=1000,
    )
    return SmtpMailer(relay)


def check(world: SmtpWorld, envelopes: list[Envelope], deliveries: list[Delivery]) -> None:
    assert sorted(d.job_id for d in deliveries) == sorted(e.job_id for e in envelopes)
    by_id = {each.job_id: each for each in deliveries}
    for each in envelopes:
        outcome, times = by_id[each.job_id].outcome, Counter(to for to, _ in world.accepted)[each.recipient]
        fault = each.job_id.partition("-")[0]
        if outcome is Outcome.SENT:
            ended = each.message if each.message.endswith(b"\r\n") else each.message + b"\r\n"
            assert times == 1
            assert (each.recipient, ended) in world.accepted
        elif outcome is Outcome.UNKNOWN:
            assert times <= 1
        else:
            assert times == 0, (fault, outcome)
    assert "nobody" not in {to for to, _ in world.accepted}


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "lockstep"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_has_its_outcome_and_spares_the_neighbours(fault: str, pipelining: bool) -> None:
    async with smtp_world(pipelining=pipelining) as world:
        mailer = mailer_for(world, connections=1)
        envelopes = [envelope("ok", 0), envelope("ok", 1), envelope(fault, 2), envelope("ok", 3), envelope("ok", 4)]
        deliveries = list(await mailer.send(envelopes))
        await mailer.close()
    check(world, envelopes, deliveries)
    by_id = {each.job_id: each.outcome for each in deliveries}
    assert by_id.pop(f"{fault}-2") in EXPECTED[fault]
    assert set(by_id.values()) == {Outcome.SENT}


@pytest.mark.parametrize("dribble", [False, True], ids=["whole", "byte by byte"])
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "lockstep"])
@pytest.mark.parametrize("seed", range(8))
async def test_random_histories_agree_with_what_the_server_accepted(seed: int, pipelining: bool, dribble: bool) -> None:
    dice = random.Random(seed)
    envelopes = [envelope(dice.choice((*FAULTS, *["ok"] * 15)), n) for n in range(60)]
    async with smtp_world(pipelining=pipelining, dribble=dribble) as world:
        mailer = mailer_for(world, connections=dice.randint(1, 4), mails_per_connection=dice.choice((1, 7, 1000)))
        halves = await asyncio.gather(mailer.send(envelopes[:30]), mailer.send(envelopes[30:]))
        await mailer.close()
    deliveries = [each for half in halves for each in half]
    check(world, envelopes, deliveries)
    for each in deliveries:
        assert each.outcome in EXPECTED[each.job_id.partition("-")[0]]


async def test_a_batch_goes_over_one_connection_and_the_next_batch_reuses_it() -> None:
    async with smtp_world() as world:
        mailer = mailer_for(world, connections=1)
        for batch in range(3):
            await mailer.send([envelope("ok", batch * 10 + n) for n in range(10)])
        assert world.connections == 1
        await mailer.close()
    assert len(world.accepted) == 30


async def test_an_idle_connection_that_the_server_closed_costs_no_mail_its_attempt() -> None:
    async with smtp_world() as world:
        mailer = mailer_for(world, connections=1)
        await mailer.send([envelope("ok", 1)])
        world.drop_all()
        (delivery,) = await mailer.send([envelope("ok", 2)])
        await mailer.close()
    assert delivery.outcome is Outcome.SENT


async def test_no_server_at_all_means_retry_for_every_mail() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        mailer = SmtpMailer(Relay(host="127.0.0.1", port=port, connect_timeout_s=5))
        deliveries = await mailer.send([envelope("ok", n) for n in range(5)])
    assert [each.outcome for each in deliveries] == [Outcome.RETRY] * 5
    assert all("no connection" in each.detail for each in deliveries)


async def test_a_server_that_breaks_every_connection_ends_the_batch() -> None:
    async with smtp_world() as world:
        mailer = SmtpMailer(Relay(host="127.0.0.1", port=world.port, connections=1, breaks_per_batch=3))
        envelopes = [envelope("drop_at_rcpt", n) for n in range(50)]
        deliveries = list(await mailer.send(envelopes))
    assert {each.outcome for each in deliveries} == {Outcome.RETRY}
    assert world.connections == 3
    check(world, envelopes, deliveries)


async def test_silence_at_the_final_dot_is_unknown_and_silence_before_it_is_retry() -> None:
    async with asyncio.timeout(20):
        for says, outcome in ((["220 x", "250 x"], Outcome.RETRY), (_until_dot(), Outcome.UNKNOWN)):
            server, port = await _mute_after(says)
            timeouts = Timeouts(command_s=0.2, final_dot_s=0.2)
            mailer = SmtpMailer(Relay(host="127.0.0.1", port=port, connections=1, timeouts=timeouts))
            (delivery,) = await mailer.send([envelope("ok", 1)])
            assert delivery.outcome is outcome
            server.close()
            await server.wait_closed()


@pytest.mark.parametrize("answered", range(5))
@pytest.mark.parametrize("hangs_up", [True, False], ids=["hangs up", "falls silent"])
async def test_a_server_that_stops_in_the_middle_of_a_good_run(answered: int, hangs_up: bool) -> None:
    """It takes three mails, then gives only some of the four answers to the next write."""
    good = ["250 OK", "250 OK", "354 go on"]
    says = ["220 x", "250-x", "250 PIPELINING", *good, *["250 taken", *good] * 2, *["250 taken", *good][:answered]]
    server, port = await _says_in_turn(says, hangs_up=hangs_up)
    async with asyncio.timeout(20):
        timeouts = Timeouts(command_s=0.2, final_dot_s=0.2)
        relay = Relay(host="127.0.0.1", port=port, connections=1, timeouts=timeouts, breaks_per_batch=1)
        deliveries = {each.job_id: each for each in await SmtpMailer(relay).send([envelope("ok", n) for n in range(6)])}
    server.close()
    await server.wait_closed()
    sent = 3 if answered else 2
    #: The answer to a final dot is the first of four; behind the fourth the next body goes out.
    unknown = [sent] if answered in {0, 4} else []
    assert [n for n in range(6) if deliveries[f"ok-{n}"].outcome is Outcome.SENT] == list(range(sent))
    assert [n for n in range(6) if deliveries[f"ok-{n}"].outcome is Outcome.UNKNOWN] == unknown
    assert len(deliveries) == 6


@pytest.mark.parametrize(
    "address",
    ["a@b.example>\r\nRCPT TO:<c@d.example", "a b@c.example", "a@[127.0.0.1]", "no-at-sign", "", "a@b,c@d", '"a"@b.c'],
)
async def test_an_address_that_could_say_something_else_never_reaches_the_server(address: str) -> None:
    async with smtp_world() as world:
        mailer = mailer_for(world)
        (delivery,) = await mailer.send([Envelope("1", "a@from.example", address, b"x\r\n")])
        await mailer.close()
    assert delivery.outcome is Outcome.REFUSED
    assert world.accepted == []


async def test_an_internationalised_address_is_refused_where_the_server_cannot_take_it() -> None:
    async with smtp_world() as world:
        mailer = mailer_for(world)
        (delivery,) = await mailer.send([Envelope("1", "a@from.example", "josé@ñandú.example", b"x\r\n")])
        await mailer.close()
    assert (delivery.outcome, "SMTPUTF8" in delivery.detail) == (Outcome.REFUSED, True)


async def test_what_the_server_says_is_kept_without_addresses() -> None:
    async with smtp_world() as world:
        mailer = mailer_for(world)
        (delivery,) = await mailer.send([envelope("rcpt_never", 1)])
        await mailer.close()
    assert delivery.code == 550
    assert delivery.detail == "rcpt: 5.1.1 <address> unknown"


def _until_dot() -> list[str]:
    return ["220 x", "250 x", "250 OK", "250 OK", "354 go on"]


async def _says_in_turn(says: list[str], *, hangs_up: bool) -> tuple[asyncio.Server, int]:
    """A server that answers each command and each body with its next reply, and stops when none is left."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{says[0]}\r\n".encode())
        await reader.readline()
        replies = iter(says[1:])
        for reply in replies:
            writer.write(f"{reply}\r\n".encode())
            if reply[3] == "-":
                continue
            await (reader.readuntil(b"\r\n.\r\n") if reply.startswith("354") else reader.readline())
        if not hangs_up:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


async def _mute_after(says: list[str]) -> tuple[asyncio.Server, int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for reply in says:
            writer.write(reply.encode() + b"\r\n")
            await reader.readline()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]
