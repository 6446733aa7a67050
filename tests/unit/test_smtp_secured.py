"""Do mails get through to a relay that encrypts and wants a sign-in, and none to one that cannot be trusted?"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvloop

from services.adapters.mail.smtp import Relay, SmtpMailer
from services.core.mail import Delivery, Envelope, Outcome
from tests.certificates import Certificates, make_certificates
from tests.smtp_world import SmtpWorld, smtp_world

LOGIN = ("exchange", "swordfish")
ENVELOPES = [Envelope(str(n), "a@from.example", f"ok-{n}@x.example", b"X: %d\r\n\r\nbody\r\n" % n) for n in range(12)]

#: Processes run on uvloop, most tests on asyncio: the two upgrade connections in different ways.
LOOPS: dict[str, Callable[[Coroutine[Any, Any, Any]], Any]] = {"asyncio": asyncio.run, "uvloop": uvloop.run}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


def of_server(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.chain, certificates.key)
    return context


async def sent(relay: Relay, **world: Any) -> tuple[SmtpWorld, list[Delivery]]:
    """Two batches over one connection, as the second proves that the first left it usable."""
    async with smtp_world(**world) as server:
        mailer = SmtpMailer(replace(relay, port=server.port))
        deliveries = [*await mailer.send(ENVELOPES[:8]), *await mailer.send(ENVELOPES[8:])]
        await mailer.close()
    return server, deliveries


def relay_of(certificates: Certificates, **overrides: Any) -> Relay:
    user, password = LOGIN
    return Relay(
        host="127.0.0.1",
        port=0,
        connections=1,
        user=user,
        password=password,
        ca_file=str(certificates.authority),
        connect_timeout_s=10,
        **overrides,
    )


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelining", "lockstep"])
@pytest.mark.parametrize("tls", ["tls", "starttls", "none"])
def test_mails_get_through(certificates: Certificates, loop: str, tls: Any, pipelining: bool) -> None:
    offered = {} if tls == "none" else {tls: of_server(certificates)}
    relay = relay_of(certificates, tls=tls)
    server, deliveries = LOOPS[loop](sent(relay, pipelining=pipelining, login=LOGIN, **offered))
    assert [each.outcome for each in deliveries] == [Outcome.SENT] * 12
    assert sorted(server.accepted) == sorted((each.recipient, each.message) for each in ENVELOPES)
    assert server.connections == 1


@pytest.mark.parametrize("tls", ["tls", "starttls"])
def test_a_certificate_of_an_unknown_authority_gets_no_mail(certificates: Certificates, tls: Any) -> None:
    relay = replace(relay_of(certificates, tls=tls), ca_file=None)
    server, deliveries = asyncio.run(sent(relay, login=LOGIN, **{tls: of_server(certificates)}))
    assert {each.outcome for each in deliveries} == {Outcome.RETRY}
    assert server.accepted == []


def test_a_relay_that_does_not_offer_starttls_gets_no_mail_in_the_clear(certificates: Certificates) -> None:
    server, deliveries = asyncio.run(sent(relay_of(certificates, tls="starttls"), login=LOGIN))
    assert {each.outcome for each in deliveries} == {Outcome.RETRY}
    assert server.accepted == []


def test_a_wrong_password_is_no_reason_to_give_a_recipient_up(
    certificates: Certificates, capsys: pytest.CaptureFixture[str]
) -> None:
    relay = replace(relay_of(certificates, tls="tls"), password="wrong-and-secret")
    server, deliveries = asyncio.run(sent(relay, login=LOGIN, tls=of_server(certificates)))
    assert {each.outcome for each in deliveries} == {Outcome.RETRY}
    assert server.accepted == []
    assert "wrong-and-secret" not in capsys.readouterr().out + repr(relay) + repr(deliveries)


def test_a_file_of_authorities_that_is_not_there_is_no_reason_to_trust_everybody(
    certificates: Certificates, tmp_path: Path
) -> None:
    relay = replace(relay_of(certificates, tls="tls"), ca_file=str(tmp_path / "none.pem"))
    server, deliveries = asyncio.run(sent(relay, login=LOGIN, tls=of_server(certificates)))
    assert {each.outcome for each in deliveries} == {Outcome.RETRY}
    assert server.accepted == []
