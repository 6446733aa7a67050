"""Which settings exist, from the environment (prefix REFERRALS_), with their units in their names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything an operator may set. Secrets are masked when printed."""

    model_config = SettingsConfigDict(env_prefix="REFERRALS_", frozen=True, extra="ignore", hide_input_in_errors=True)

    # Engines.
    kafka: str = "127.0.0.1:9092"
    mongo: SecretStr = SecretStr("mongodb://127.0.0.1:27017/?replicaSet=rs0")
    mongo_database: str = "referrals"
    smtp: str = "127.0.0.1:1025"
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    smtp_tls: Literal["none", "starttls", "tls"] = "none"

    # Mail.
    mail_from: str = "referrals@exchange.example"
    mail_domain: str = "exchange.example"
    base_url: str = "http://127.0.0.1:8400"
    smtp_connections: Annotated[int, Field(ge=1, le=64)] = 4
    mail_batch: Annotated[int, Field(ge=1, le=5000)] = 500

    # Delivery.
    batch_records: Annotated[int, Field(ge=1, le=10_000)] = 1000
    publish_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    shutdown_grace_s: Annotated[float, Field(gt=0)] = 15.0

    # Time.
    sandbox: bool = False
    #: A sandbox may shift the clock (demo, tests); production refuses a stored offset.
    tick_every_s: Annotated[float, Field(gt=0)] = 1.0
    relay_every_s: Annotated[float, Field(gt=0)] = 5.0
    undo_window_s: Annotated[float, Field(ge=0)] = 300.0
    mask_contact_until_accept: bool = False

    # HTTP: everything listens on loopback unless told otherwise.
    health_host: str = "127.0.0.1"
    health_port: Annotated[int, Field(ge=0, le=65535)] = 0
    intake_host: str = "127.0.0.1"
    intake_port: Annotated[int, Field(ge=0, le=65535)] = 8401
    requests_per_minute: Annotated[int, Field(ge=1)] = 6000

    # Logs.
    log_format: Literal["json", "console"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    instance: str = "1"
    #: Name of this instance among those of its process, for logs and leases.
    static_member: bool = False
    #: The instance's name is unique and stays over restarts: it gets its partitions back at once after a crash.
