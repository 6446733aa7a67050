"""How do the engines run in Docker: compose for a system that stays up, testcontainers for tests?"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services.engines.children import EngineFailed
from services.engines.choose import Choice, Endpoints, Missing
from services.engines.locations import LOOPBACK, free_port

COMPOSE_FILE = "docker-compose.yml"
#: Service and port inside its container; the published port is asked for, so the compose file decides it.
SERVICES = {"kafka": 9092, "mongo": 27017, "mailpit": 1025}
KAFKA_IMAGE = "apache/kafka:4.2.1"
MONGO_IMAGE = "mongo:6.0.5"
MAILPIT_IMAGE = "axllent/mailpit:v1.29"
#: How compose names "published on all interfaces".
_EVERYWHERE = {"0.0.0.0", "[::]"}  # noqa: S104 - compared, not bound
_UP_S = 600
_LOOK_S = 20


def docker_problem(docker: str = "docker") -> Missing | None:
    """Why Docker (the program `docker`) cannot be used here, or None."""
    if shutil.which(docker) is None:
        return Missing(what=f"there is no `{docker}` command", fix="https://docs.docker.com/engine/install/")
    try:
        _run([docker, "version", "--format", "{{.Server.Version}}"], _LOOK_S)
    except EngineFailed as error:
        return Missing(
            what=f"no Docker engine answers ({error})", fix="sudo systemctl start docker   (and: docker info)"
        )
    return None


def compose_up(project: Path, services: Sequence[str] = tuple(SERVICES)) -> Endpoints:
    """Start the engines of the project's compose file, wait until they are healthy, and return their addresses.

    Raises:
        EngineFailed: compose says what is wrong.
    """
    _compose(project, "up", "--detach", "--wait", *services)
    address = {service: _published(project, service) for service in services}
    return Endpoints(
        kafka=address.get("kafka", ""),
        # The set's members are known by their names inside Docker, so a client outside talks to the one it reaches.
        mongo=f"mongodb://{address['mongo']}/?directConnection=true" if "mongo" in address else "",
        smtp=address.get("mailpit", ""),
        mail_dir=None,
        kind="docker",
    )


def needed_services(choice: Choice) -> list[str]:
    """The compose services for the engines whose addresses were not given."""
    given = {"kafka": choice.kafka, "mongo": choice.mongo, "mailpit": choice.smtp}
    return [service for service in SERVICES if not given[service]]


def compose_down(project: Path, services: Sequence[str] = tuple(SERVICES)) -> None:
    """Stop the engines; their volumes stay."""
    _compose(project, "stop", *services)


def compose_command(project: Path, *arguments: str) -> list[str]:
    """The command line for docker compose on the project's file."""
    return ["docker", "compose", "-f", str(project / COMPOSE_FILE), *arguments]


def _compose(project: Path, *arguments: str) -> str:
    if not (project / COMPOSE_FILE).is_file():
        raise EngineFailed(f"there is no {COMPOSE_FILE} in {project}; run this from a clone of the project")
    return _run(compose_command(project, *arguments), _UP_S)


def _published(project: Path, service: str) -> str:
    answer = _compose(project, "port", service, str(SERVICES[service])).strip()
    host, _, port = answer.rpartition(":")
    if not port.isdigit():
        raise EngineFailed(f"{COMPOSE_FILE} does not publish port {SERVICES[service]} of {service}")
    return f"{LOOPBACK if host in _EVERYWHERE else host}:{port}"


def _run(argv: list[str], timeout_s: float) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - our own words
            argv, capture_output=True, text=True, check=False, timeout=timeout_s
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineFailed(f"`{' '.join(argv[:3])}`: {error}") from error
    if done.returncode != 0:
        raise EngineFailed(done.stderr.strip()[-2000:] or f"`{' '.join(argv[:3])}` ended with {done.returncode}")
    return done.stdout


@contextmanager
def docker_engines(*, kafka: bool = True, mongo: bool = True, catcher: bool = True) -> Iterator[Endpoints]:
    """Fresh containers for a test session, gone with the block. Mails are kept by Mailpit, so there is no folder."""
    with ExitStack() as containers:
        yield Endpoints(
            kafka=_kafka_container(containers) if kafka else "",
            mongo=_mongo_container(containers) if mongo else "",
            smtp=_mail_container(containers) if catcher else "",
            mail_dir=None,
            kind="docker",
        )


def _kafka_container(containers: ExitStack) -> str:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    # testcontainers' own KafkaContainer knows Confluent's image only. Clients are told the broker's address by the
    # broker itself, so the published port is chosen before it starts.
    port = free_port()
    container = DockerContainer(KAFKA_IMAGE).with_bind_ports(port, port)
    for name, value in _kafka_environment(port).items():
        container.with_env(name, value)
    containers.enter_context(container)
    wait_for_logs(container, "Kafka Server started")
    return f"{container.get_container_host_ip()}:{port}"


def _kafka_environment(port: int) -> dict[str, str]:
    return {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": f"PLAINTEXT://:{port},CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{LOOPBACK}:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_MESSAGE_MAX_BYTES": str(2 * 1024 * 1024),
    }


def _mongo_container(containers: ExitStack) -> str:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    container = DockerContainer(MONGO_IMAGE).with_exposed_ports(27017).with_command("--replSet rs0 --bind_ip_all")
    containers.enter_context(container)
    wait_for_logs(container, "Waiting for connections")
    container.exec(["mongosh", "--quiet", "--eval", "rs.initiate()"])
    wait_for_logs(container, "Transition to primary complete")
    return f"mongodb://{container.get_container_host_ip()}:{container.get_exposed_port(27017)}/?directConnection=true"


def _mail_container(containers: ExitStack) -> str:
    from testcontainers.core.container import DockerContainer
    from testcontainers.core.waiting_utils import wait_for_logs

    container = containers.enter_context(DockerContainer(MAILPIT_IMAGE).with_exposed_ports(1025))
    wait_for_logs(container, "accessible via")
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(1025)}"
