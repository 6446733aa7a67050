"""How does every client of Kafka prove who it is, and how is its connection encrypted?

One place for consumers, producer, administration and followers, so that none of them is forgotten.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from typing import Any, Literal

from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from services.core.errors import Misconfigured

Protocol = Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"]
Mechanism = Literal["plain", "scram-sha-256", "scram-sha-512"]

_SASL = {"plain": SASLPlaintext, "scram-sha-256": SASLScram256, "scram-sha-512": SASLScram512}


@dataclass(frozen=True, slots=True, kw_only=True)
class Security:
    """What the brokers' listener wants of its clients.

    `ca_file` verifies the brokers (None: the system's authorities); `cert_file` and `key_file` are the client's own
    certificate where the brokers want one. All are PEM files.
    """

    protocol: Protocol = "plaintext"
    mechanism: Mechanism = "scram-sha-512"
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None

    @property
    def encrypted(self) -> bool:
        """Whether the connection is encrypted."""
        return self.protocol in {"ssl", "sasl_ssl"}

    @property
    def signs_in(self) -> bool:
        """Whether a user and a password are given to the brokers."""
        return self.protocol in {"sasl_plaintext", "sasl_ssl"}

    def options(self) -> dict[str, Any]:
        """Keyword arguments of every client of aiokafka.

        Raises:
            Misconfigured: something is missing, or a file cannot be used; says which setting.
        """
        options: dict[str, Any] = {"security_protocol": self.protocol.upper()}
        if self.encrypted:
            options["ssl_context"] = self._context()
        if self.signs_in:
            user, password = self._credentials()
            options["sasl_mechanism"] = self.mechanism.upper()
            options["sasl_plain_username"], options["sasl_plain_password"] = user, password
        return options

    def for_faststream(self) -> BaseSecurity | None:
        """The same for FastStream's broker, which hands it to its consumers.

        Raises:
            Misconfigured: as `options`.
        """
        context = self._context() if self.encrypted else None
        if self.signs_in:
            user, password = self._credentials()
            kind = _SASL[self.mechanism]
            return kind(user, password, ssl_context=context, use_ssl=self.encrypted)
        return BaseSecurity(ssl_context=context, use_ssl=True) if context else None

    def _credentials(self) -> tuple[str, str]:
        if not self.user or not self.password:
            raise Misconfigured("Kafka wants a sign-in: set REFERRALS_KAFKA_USER and REFERRALS_KAFKA_PASSWORD")
        return self.user, self.password

    def _context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise Misconfigured("REFERRALS_KAFKA_CA_FILE is not a readable file of PEM certificates") from error
        if self.cert_file:
            try:
                context.load_cert_chain(self.cert_file, self.key_file)
            except OSError as error:
                names = "REFERRALS_KAFKA_CERT_FILE and REFERRALS_KAFKA_KEY_FILE"
                raise Misconfigured(f"{names} are not a certificate and its key, unencrypted PEM") from error
        return context


#: As the bundled broker listens on loopback.
PLAINTEXT = Security()
