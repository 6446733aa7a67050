"""How is FastStream's Kafka broker built, so that every consumer of it is one of ours?"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from faststream.kafka import KafkaBroker

from services.adapters.kafka.consumer import SteadyConsumer
from services.adapters.kafka.security import PLAINTEXT, Security


class ExchangeBroker(KafkaBroker):
    """A `KafkaBroker` whose subscribers fetch with `SteadyConsumer`."""

    async def _connect(self) -> Callable[..., Any]:
        plain = await super()._connect()
        # The only door that FastStream leaves to bring a consumer class of one's own; its options are kept.
        options: dict[str, Any] = getattr(plain, "keywords", {})
        steady = partial(SteadyConsumer, **options)
        self.config.broker_config.builder = steady
        return steady


def make_broker(
    bootstrap: str, *, client_id: str, security: Security = PLAINTEXT, drain_s: float = 15.0
) -> ExchangeBroker:
    """The broker of one process. Only place that builds one; nothing is connected yet.

    Args:
        bootstrap: addresses, `host:port[,host:port]`.
        client_id: name of the process in Kafka's logs.
        security: what the brokers want of their clients.
        drain_s: seconds that a stop waits for batches in hand.
    """
    return ExchangeBroker(
        bootstrap.split(","),
        client_id=client_id,
        security=security.for_faststream(),
        # Publishing is KafkaPublisher's: FastStream's own producer would hang a stop while Kafka is away.
        consumer_only=True,
        allow_auto_create_topics=False,
        apply_types=False,
        graceful_timeout=drain_s,
        logger=None,
    )
