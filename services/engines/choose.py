"""Which Kafka, MongoDB and mail server does this system use: given ones, Docker's, or the bundled ones?"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Kind = Literal["given", "docker", "bundled"]

KAFKA_VARIABLE = "REFERRALS_KAFKA"
MONGO_VARIABLE = "REFERRALS_MONGO"
SMTP_VARIABLE = "REFERRALS_SMTP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where clients connect: Kafka bootstrap servers, MongoDB URI, SMTP host:port; and where mails are kept, if here.

    `kind` says where the engines that were not given come from; it is "given" when all were.
    """

    kafka: str
    mongo: str
    smtp: str
    mail_dir: Path | None
    kind: Kind

    def environment(self) -> dict[str, str]:
        """The variables that tell another process of ours the same addresses; none for an engine that is not there."""
        named = {KAFKA_VARIABLE: self.kafka, MONGO_VARIABLE: self.mongo, SMTP_VARIABLE: self.smtp}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing that keeps the bundled engines from running, and what to do about it."""

    what: str
    fix: str


class EnginesUnavailable(Exception):
    """No way to get the engines; `missing` lists everything at once, and the message says it to a person."""

    def __init__(self, missing: Sequence[Missing]) -> None:
        self.missing = tuple(missing)
        lines = [f"- {problem.what}\n    {problem.fix}" for problem in missing]
        super().__init__("The engines cannot be started here:\n" + "\n".join(lines))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """The kind of the engines, and the addresses that were given (empty where none was)."""

    kind: Kind
    kafka: str = ""
    mongo: str = ""
    smtp: str = ""

    def complete(self, started: Endpoints) -> Endpoints:
        """The given addresses, filled up with those of the engines that were started."""
        return Endpoints(
            kafka=self.kafka or started.kafka,
            mongo=self.mongo or started.mongo,
            smtp=self.smtp or started.smtp,
            mail_dir=None if self.smtp else started.mail_dir,
            kind=self.kind,
        )


def choose(
    environ: Mapping[str, str],
    wanted: Kind | None,
    *,
    missing_for_bundled: Callable[[], Sequence[Missing]],
    docker_problem: Callable[[], Missing | None],
) -> Choice:
    """Decide, in this order: given addresses, Docker when asked for, the bundled ones, Docker because those can't run.

    Args:
        environ: the environment; its addresses win, one by one.
        wanted: what the user asked for; None leaves it to us.
        missing_for_bundled: looks at this machine (see `preflight`); called only when it matters.
        docker_problem: says why Docker cannot be used, or None; called only when it matters.

    Raises:
        EnginesUnavailable: what is wanted cannot be had here.
    """
    given = {
        "kafka": environ.get(KAFKA_VARIABLE, ""),
        "mongo": environ.get(MONGO_VARIABLE, ""),
        "smtp": environ.get(SMTP_VARIABLE, ""),
    }
    if all(given.values()):
        return Choice(kind="given", **given)
    if wanted == "given":
        raise EnginesUnavailable(_not_given(given))
    if wanted == "docker":
        problem = docker_problem()
        if problem:
            raise EnginesUnavailable([problem])
        return Choice(kind="docker", **given)
    missing = missing_for_bundled()
    if not missing:
        return Choice(kind="bundled", **given)
    if wanted is None and docker_problem() is None:
        return Choice(kind="docker", **given)
    raise EnginesUnavailable(missing)


def _not_given(given: Mapping[str, str]) -> list[Missing]:
    variables = {"kafka": KAFKA_VARIABLE, "mongo": MONGO_VARIABLE, "smtp": SMTP_VARIABLE}
    examples = {"kafka": "host:9092", "mongo": "mongodb://host:27017/?replicaSet=rs0", "smtp": "host:25"}
    return [
        Missing(what=f"no address of {name} is given", fix=f"export {variables[name]}={examples[name]}")
        for name, address in given.items()
        if not address
    ]
