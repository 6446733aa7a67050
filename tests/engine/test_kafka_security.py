"""Do all clients get through to a Kafka that encrypts and wants a sign-in, and is nobody else let in?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.follower import Follower
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.kafka.security import Security
from services.core.errors import DependencyUnavailable
from services.core.ports import Outgoing
from services.engines.bundled.kafka import KafkaBroker
from services.engines.bundled.together import Running
from services.engines.locations import LOOPBACK, Home, free_port
from tests.bundled import need_bundled
from tests.certificates import make_certificates
from tests.kafka_world import Handled, World, new_topic, until

PASSWORD = "swordfish"
LISTENERS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")


@dataclass(frozen=True)
class Guarded:
    """A broker with a listener of each kind."""

    ports: Mapping[str, int]
    authority: Path

    def address(self, security: Security) -> str:
        return f"{LOOPBACK}:{self.ports[security.protocol.upper()]}"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded-kafka")
    need_bundled(folder)
    certificates = make_certificates(folder)
    ports = {name: free_port() for name in (*LISTENERS, "CONTROLLER")}
    addresses = {name: f"{name}://{LOOPBACK}:{port}" for name, port in ports.items()}
    plain = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_exchange="{PASSWORD}";'
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    more = {
        "listeners": ",".join(addresses.values()),
        "advertised.listeners": ",".join(addresses[name] for name in LISTENERS),
        "listener.security.protocol.map": ",".join(["CONTROLLER:PLAINTEXT", *(f"{n}:{n}" for n in LISTENERS)]),
        "sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.together),
    }
    for listener in ("sasl_plaintext", "sasl_ssl"):
        more[f"listener.name.{listener}.plain.sasl.jaas.config"] = plain
        more[f"listener.name.{listener}.scram-sha-512.sasl.jaas.config"] = scram
    broker = KafkaBroker(
        home=Home(folder).create(),
        port=ports["PLAINTEXT"],
        controller_port=ports["CONTROLLER"],
        more=more,
        scram={"exchange": PASSWORD},
    )
    running = Running(broker, folder / "kafka.log")
    running.start()
    yield Guarded(ports, certificates.authority)
    running.stop()


KINDS = {
    "tls": Security(protocol="ssl"),
    "plain": Security(protocol="sasl_plaintext", mechanism="plain", user="exchange", password=PASSWORD),
    "scram over tls": Security(protocol="sasl_ssl", mechanism="scram-sha-512", user="exchange", password=PASSWORD),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_client_gets_through(guarded: Guarded, kind: str) -> None:
    security = KINDS[kind]
    if security.encrypted:
        security = replace(security, ca_file=str(guarded.authority))
    kafka = guarded.address(security)
    topic, handler = await new_topic(guarded.address(Security())), Handled()
    assert topic in await KafkaAdmin(kafka, security=security).topics()
    publisher = KafkaPublisher(kafka, security=security)
    await publisher.publish([Outgoing(topic=topic, key="k", value=b"let in")])
    await publisher.stop()
    follower = Follower(kafka, security=security)
    ends = await follower.end_offsets([topic])
    read = [record.value async for batch in follower.read_all([topic], ends) for record in batch]
    assert read == [b"let in"]
    world = World(kafka, topic, f"group-{kind}", handler, security=security)
    await world.delivery.start()
    try:
        await until(lambda: handler.values() == ["let in"])
    finally:
        await world.delivery.stop()


@pytest.mark.parametrize(
    "security",
    [
        Security(protocol="ssl"),
        Security(protocol="sasl_plaintext", mechanism="plain", user="exchange", password="wrong"),
        Security(protocol="sasl_plaintext", user="nobody", password=PASSWORD),
    ],
    ids=["an authority nobody knows", "another password", "another user"],
)
async def test_nobody_else_gets_through(guarded: Guarded, security: Security) -> None:
    with pytest.raises(DependencyUnavailable):
        await KafkaAdmin(guarded.address(security), security=security, timeout_s=5).topics()
