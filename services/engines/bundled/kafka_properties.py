"""Which settings does the bundled broker run with, and why?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

#: A single node can hold one copy of everything, its own topics included.
_ONE_NODE = {
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "2",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "2",
}

_BEHAVIOUR = {
    # A broker that was killed may come back once its session is over: the default of 9 s is for networks.
    "broker.session.timeout.ms": "5000",
    "broker.heartbeat.interval.ms": "500",
    "auto.create.topics.enable": "false",  # A misspelt topic must be an error.
    "group.initial.rebalance.delay.ms": "0",
    "message.max.bytes": str(2 * 1024 * 1024),
    "replica.fetch.max.bytes": str(2 * 1024 * 1024),
    "compression.type": "producer",
    "log.segment.bytes": str(256 * 1024 * 1024),
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "4",
    "offsets.commit.timeout.ms": "5000",
}


def server_properties(
    broker: str, controller: str, log_dir: Path, advertised: str, more: Mapping[str, str] | None = None
) -> str:
    """The content of server.properties for one process that is broker and controller at these addresses.

    `advertised` is where clients are told to connect; `more` are lines that are added, or take the place of ours.
    """
    lines = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{controller}",
        "listeners": f"PLAINTEXT://{broker},CONTROLLER://{controller}",
        "advertised.listeners": f"PLAINTEXT://{advertised}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": str(log_dir),
        **_ONE_NODE,
        **_BEHAVIOUR,
        **(more or {}),
    }
    return "".join(f"{key}={value}\n" for key, value in lines.items())
