"""Which settings exist, from the environment (prefix REFERRALS_), with their units in their names.

The text below each one is its line in docs/settings.md: `python -m services.adapters.settings_page` writes that page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything an operator may set. Secrets are masked when printed."""

    model_config = SettingsConfigDict(
        env_prefix="REFERRALS_",
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    # Engines.
    kafka: str = "127.0.0.1:9092"
    """Kafka's bootstrap servers: host:port, several with commas."""
    kafka_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    """How Kafka is spoken to: encrypted (ssl), signed in (sasl), or both."""
    kafka_sasl: Literal["plain", "scram-sha-256", "scram-sha-512"] = "scram-sha-512"
    """How the exchange signs in at Kafka."""
    kafka_user: str | None = None
    """Who signs in at Kafka."""
    kafka_password: SecretStr | None = None
    """The password for it."""
    kafka_ca_file: str | None = None
    """PEM file of the authorities that Kafka's certificates are signed by; without it the system's."""
    kafka_cert_file: str | None = None
    """PEM file of the exchange's own certificate, where Kafka wants one."""
    kafka_key_file: str | None = None
    """PEM file of that certificate's key, unencrypted."""
    mongo: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?replicaSet=rs0")
    """URI of MongoDB, which must be a replica set; may hold a password."""
    mongo_database: str = "referrals"
    """Name of the database."""
    store_keys: SecretStr = SecretStr("")
    """Keys that seal secrets in the database, with commas: the first seals, all open; without any they are readable."""
    smtp: str = "127.0.0.1:1025"
    """The mail server, host:port."""
    smtp_user: str | None = None
    """Who signs in at the mail server; without it nobody does."""
    smtp_password: SecretStr | None = None
    """The password for it."""
    smtp_tls: Literal["none", "starttls", "tls"] = "none"
    """How the connection to the mail server is encrypted."""
    smtp_ca_file: str | None = None
    """PEM file of the authorities that its certificate is signed by; without it the system's."""

    # Mail.
    mail_from: str = "referrals@exchange.example"
    """Sender of every mail."""
    mail_bounces: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._-]{1,15}@[A-Za-z0-9.-]{1,255}$")] = None
    """Where mails that can't be delivered come back to: bounces@… stands for bounces+…@, each mail has its own."""
    mail_domain: str = "exchange.example"
    """Right side of the Message-IDs."""
    base_url: str = "http://127.0.0.1:8400"
    """What links in mails begin with: the portal's address as people see it. With https its cookies are secure."""
    link_keys: SecretStr = SecretStr("")
    """Keys that sign links in mails, with commas: the first signs, all verify; without any, one is made and stored."""
    smtp_connections: Annotated[int, Field(ge=1, le=64)] = 4
    """Connections to the mail server per notifier, at most."""
    mail_batch: Annotated[int, Field(ge=1, le=5000)] = 500
    """Mails that a sender takes at a time."""
    mail_lease_s: Annotated[float, Field(ge=3)] = 30.0
    """How long mails of a sender that died wait for another one, in seconds."""

    # Delivery.
    batch_records: Annotated[int, Field(ge=1, le=10_000)] = 1000
    """Records that a consumer takes at a time."""
    topic_replication: Annotated[int, Field(ge=1, le=5)] = 1
    """Copies of each topic that is created; with 3, as in production, two of them must have a record."""
    batch_limit_s: Annotated[float, Field(ge=5)] = 45.0
    """A batch in hand for longer makes /live fail, so that the process is replaced, in seconds."""
    publish_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    """How long Kafka may take to acknowledge, in seconds."""
    shutdown_grace_s: Annotated[float, Field(gt=0)] = 15.0
    """How long the batch in hand may take after SIGTERM, in seconds."""

    # Routing.
    max_rounds: Annotated[int, Field(ge=1, le=20)] = 3
    """Rounds of asking for one RFI at most, the first included; each later one is the next-best partner."""

    # Time.
    sandbox: bool = False
    """A sandbox may shift the clock (demo, tests); production refuses a shifted one."""
    tick_every_s: Annotated[float, Field(gt=0)] = 1.0
    """How often the expirer looks for what is due, in seconds."""
    relay_every_s: Annotated[float, Field(gt=0)] = 5.0
    """How often the expirer sends on what crashes left unsent, in seconds."""
    undo_window_s: Annotated[float, Field(ge=0)] = 300.0
    """How long accept, decline, won and lost can be taken back, in seconds; the customer hears after it."""
    mask_contact_until_accept: bool = False
    """Hide the customer's contact from a partner until it has accepted."""

    # Customers' data.
    retention_days: Annotated[int, Field(ge=0)] = 1095
    """A customer's data is erased so many days after its request and all referrals of it were closed; 0 keeps it."""
    retention_sweep_every_s: Annotated[float, Field(gt=0)] = 3600.0
    """How often the expirer looks whose data has been kept for so long, in seconds."""
    erasure_look_again_s: Annotated[float, Field(ge=0)] = 600.0
    """An erasure looks once more after so long for what others had in their hands when it began, in seconds."""
    erasure_sweep_every_s: Annotated[float, Field(gt=0)] = 30.0
    """How often the expirer goes on with erasures that are not done, in seconds."""

    # HTTP: everything listens on loopback unless told otherwise.
    health_host: str = "127.0.0.1"
    """Where /live, /ready and /metrics listen."""
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Their port; 0 takes a free one."""
    intake_host: str = "127.0.0.1"
    """Where intake's HTTP side listens."""
    intake_port: Annotated[int, Field(ge=0, le=65535)] = 8401
    """Its port; 0 takes a free one."""
    requests_per_minute: Annotated[int, Field(ge=1)] = 6000
    """Requests that one publisher may send to intake over HTTP in a minute; each instance counts for itself."""

    # Portal.
    portal_host: str = "127.0.0.1"
    """Where the portal listens."""
    portal_port: Annotated[int, Field(ge=0, le=65535)] = 8400
    """Its port; 0 takes a free one."""
    portal_requests_per_minute: Annotated[int, Field(ge=1)] = 1200
    """Requests that one person or program may send to the portal in a minute; each instance counts for itself."""
    portal_connections: Annotated[int, Field(ge=1)] = 1000
    """Connections that the portal serves at a time; more are told to come again (503)."""
    session_s: Annotated[float, Field(gt=0)] = 43200.0
    """How long a person stays signed in, in seconds."""
    sign_in_link_s: Annotated[float, Field(gt=0)] = 900.0
    """How long a mailed sign-in link can be used, in seconds."""
    oauth_token_s: Annotated[float, Field(gt=0)] = 3600.0
    """How long a token fetched with client credentials is good, in seconds."""
    oidc_issuer: str = ""
    """Address of an OpenID Connect provider to sign in with; empty: mailed links only."""
    oidc_client_id: str = ""
    """The portal's client id there."""
    oidc_client_secret: SecretStr = SecretStr("")
    """And its secret."""
    oidc_name: str = "OpenID Connect"
    """What the button for it says after "Sign in with"."""

    # Webhooks.
    webhook_private_addresses: bool = False
    """Let webhooks point at plain http and at machines inside: for tests and closed networks only."""

    webhook_lease_s: Annotated[float, Field(ge=3)] = 120.0
    """How long calls of a sender that died wait for another one, in seconds; longer than a batch of slow answers."""

    # Logs.
    log_format: Literal["json", "console"] = "json"
    """One JSON object per line, or lines for people."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged."""
    instance: str = "1"
    """Name of this instance among those of its process, for logs and leases."""
    fault_points: Path | None = None
    """For tests, in a sandbox only: the folder in which they order faults."""
    static_member: bool = False
    """The instance's name is unique and stays over restarts: it gets its partitions back at once after a crash."""
