"""Is what an operator sets what Kafka's clients are told, and is what is missing named?"""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from faststream.kafka.security import parse_security
from pydantic import SecretStr

from services.adapters.kafka.security import Mechanism, Protocol, Security
from services.adapters.settings import Settings
from services.bootstrap import kafka_security
from services.core.errors import Misconfigured
from tests.certificates import make_certificates

PROTOCOLS: list[Protocol] = ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
MECHANISMS: list[Mechanism] = ["plain", "scram-sha-256", "scram-sha-512"]


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_consumers_are_told_the_same_as_all_others(protocol: Protocol, mechanism: Mechanism) -> None:
    security = Security(protocol=protocol, mechanism=mechanism, user="u", password="p")
    options = security.options()
    consumers = parse_security(security.for_faststream()) or {"security_protocol": "PLAINTEXT"}
    assert (options.pop("ssl_context", None) is None) == (consumers.pop("ssl_context", None) is None)
    assert options == consumers
    assert options["security_protocol"] == protocol.upper()


def test_settings_say_it_all_and_show_no_password(tmp_path: Path) -> None:
    made = make_certificates(tmp_path)
    settings = Settings(
        kafka_security="sasl_ssl",
        kafka_sasl="scram-sha-256",
        kafka_user="exchange",
        kafka_password=SecretStr("swordfish"),
        kafka_ca_file=str(made.authority),
        kafka_cert_file=str(made.chain),
        kafka_key_file=str(made.key),
    )
    security = kafka_security(settings)
    options = security.options()
    assert options["sasl_mechanism"] == "SCRAM-SHA-256"
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("exchange", "swordfish")
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert options["ssl_context"].check_hostname
    assert "swordfish" not in repr(security) + repr(settings)


def test_without_settings_nothing_is_encrypted_and_nobody_signs_in() -> None:
    assert kafka_security(Settings()).options() == {"security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize(
    ("security", "named"),
    [
        (Security(protocol="sasl_ssl", user="u"), "REFERRALS_KAFKA_PASSWORD"),
        (Security(protocol="sasl_plaintext", password="p"), "REFERRALS_KAFKA_USER"),
        (Security(protocol="ssl", ca_file="/nowhere.pem"), "REFERRALS_KAFKA_CA_FILE"),
        (Security(protocol="ssl", ca_file=__file__), "REFERRALS_KAFKA_CA_FILE"),
        (Security(protocol="ssl", cert_file=__file__), "REFERRALS_KAFKA_CERT_FILE"),
    ],
    ids=["no password", "no user", "no such file", "no certificates in it", "no certificate of its own in it"],
)
def test_what_is_missing_is_named(security: Security, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        security.options()
    with pytest.raises(Misconfigured, match=named):
        security.for_faststream()
