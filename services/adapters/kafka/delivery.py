"""How does a process consume Kafka: subscribe handlers, start, tell its health, stop?

At least once: offsets are committed by `Worker` alone, after effects and dead letters. FastStream carries the loop;
its acknowledgements, its parser and its replies are switched off; a check at the start refuses any other subscriber.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka.message import KafkaAckableMessage
from faststream.kafka.subscriber.usecase import BatchSubscriber

from services.adapters.kafka.admin import KafkaAdmin
from services.adapters.kafka.backoff import pause_s
from services.adapters.kafka.broker import ExchangeBroker
from services.adapters.kafka.consumer import FETCH_WAIT_MS, SteadyConsumer
from services.adapters.kafka.dead_letters import DeadLetters
from services.adapters.kafka.metrics import DeliveryMetrics
from services.adapters.kafka.progress import Progress
from services.adapters.kafka.steering import Steering
from services.adapters.kafka.subscription import Subscription, Timing
from services.adapters.kafka.worker import Worker
from services.core.errors import DependencyUnavailable, Misconfigured
from services.core.ports import BatchHandler

log = structlog.get_logger(__name__)


class Delivery:
    """All consumers of one process.

    Args:
        broker: from `make_broker`.
        admin: to see whether the topics exist.
        dead_letters: where records go that cannot be used.
        metrics: what is counted.
        timing: how long to wait for what.
        instance: name of this process among its like, stable over restarts; a restarted instance gets its partitions
            back at once instead of after the session's time-out. None: any instance is a new one.
    """

    def __init__(
        self,
        broker: ExchangeBroker,
        *,
        admin: KafkaAdmin,
        dead_letters: DeadLetters,
        metrics: DeliveryMetrics,
        timing: Timing | None = None,
        instance: str | None = None,
    ) -> None:
        self._broker = broker
        self._admin = admin
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._timing = timing or Timing()
        self._instance = instance
        self._topics: set[str] = set()
        self.progress: list[Progress] = []
        self._halt = asyncio.Event()
        self._halt_error: Exception | None = None

    def subscribe(self, subscription: Subscription, handler: BatchHandler) -> None:
        """Give every batch of the subscription to `handler`. Before `start` only."""
        self._topics.update(subscription.topics)
        for number in range(1, subscription.concurrency + 1):
            name = f"{subscription.group}-{number}"
            timing = self._timing
            progress = Progress(name, batch_limit_s=timing.batch_limit_s, poll_limit_s=timing.poll_limit_s)
            self.progress.append(progress)
            steering = Steering(progress, revoke_wait_s=self._timing.revoke_wait_s)
            worker = Worker(
                subscription,
                handler,
                steering,
                dead_letters=self._dead_letters,
                metrics=self._metrics,
                on_halt=self._on_halt,
                commit_timeout_s=self._timing.commit_timeout_s,
            )
            self._attach(subscription, steering, worker, number)

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until `stop` is set: a loop for the process to run beside others.

        Raises:
            Exception: the one that made a consumer stop for good; the process must exit non-zero.
        """
        stopping = asyncio.ensure_future(stop.wait())
        working = asyncio.ensure_future(self._work())
        try:
            await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            working.cancel()
            await asyncio.wait({working}, timeout=self._timing.leave_s)
            await self.stop()
        if working.done() and not working.cancelled():
            working.result()

    async def start(self) -> None:
        """Return when every consumer has its partitions. Kafka being away, or a topic missing, is waited for.

        Raises:
            Misconfigured: a subscriber could lose messages.
        """
        check_subscribers(self._broker)
        attempt = 0
        while True:
            attempt += 1
            try:
                async with asyncio.timeout(self._timing.start_timeout_s):
                    await self._admin.require(self._topics)
                    await self._broker.start()
            except (KafkaError, TimeoutError, OSError, DependencyUnavailable) as error:
                self._waiting_on("kafka")
                log.warning("kafka.start_failed", error=str(error) or type(error).__name__, attempt=attempt)
                await self._stop_broker(self._timing.leave_s)
                await asyncio.sleep(pause_s(attempt))
            else:
                return self._waiting_on(None)

    async def stop(self) -> bool:
        """Finish the batches in hand, leave the groups. Returns within `drain_s + leave_s`, also with Kafka away.

        Returns:
            Whether all ended as they should; if not, the process should exit at once.
        """
        return await self._stop_broker(self._timing.drain_s + self._timing.leave_s)

    async def halted(self) -> Exception:
        """Wait until a consumer stops for good; the error says why. The process must then exit non-zero."""
        await self._halt.wait()
        return self._halt_error or Misconfigured("stopped without a reason")

    def owns(self, topic: str, partition: int) -> bool:
        """Whether a consumer of this process has the partition at the moment; another may have it a moment later."""
        place = TopicPartition(topic, partition)
        consumers = [getattr(subscriber, "consumer", None) for subscriber in self._broker.subscribers]
        return any(place in consumer.assignment() for consumer in consumers if isinstance(consumer, SteadyConsumer))

    def stuck(self) -> str | None:
        """Why the process should be replaced (/live); None when it gets on or waits for a dependency."""
        return "; ".join(reason for progress in self.progress if (reason := progress.stuck())) or None

    def unready(self) -> str | None:
        """Why work is not done at the moment (/ready); None when all is well."""
        return "; ".join(reason for progress in self.progress if (reason := progress.unready())) or None

    def _attach(self, subscription: Subscription, steering: Steering, worker: Worker, number: int) -> None:
        subscriber = self._broker.subscriber(
            *subscription.topics,
            batch=True,
            group_id=subscription.group,
            group_instance_id=f"{self._instance}-{number}" if self._instance else None,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            parser=_parse,
            decoder=_decode,
            # After an empty poll FastStream sleeps this long; the waiting is done in SteadyConsumer.getmany.
            batch_timeout_ms=1,
            max_records=subscription.max_records,
            fetch_max_wait_ms=FETCH_WAIT_MS,
            listener=steering,
            session_timeout_ms=int(self._timing.session_timeout_s * 1000),
            heartbeat_interval_ms=int(self._timing.session_timeout_s * 300),
            # The broker waits so long for members to rejoin; it must cover the wait for the batch in hand.
            rebalance_timeout_ms=int((self._timing.revoke_wait_s + 5) * 1000),
            title=f"{subscription.group}-{number}",
        )

        async def deliver(raws: Sequence[Any]) -> None:
            consumer = subscriber.consumer
            if isinstance(consumer, SteadyConsumer):
                await worker.deliver(raws, consumer)

        subscriber(deliver)

    def _on_halt(self, error: Exception) -> None:
        self._halt_error = self._halt_error or error
        self._halt.set()

    async def _work(self) -> None:
        await self.start()
        raise await self.halted()

    def _waiting_on(self, dependency: str | None) -> None:
        for progress in self.progress:
            progress.waiting_on = dependency

    async def _stop_broker(self, limit_s: float) -> bool:
        stopping = asyncio.create_task(self._broker.stop())
        await asyncio.wait([stopping], timeout=limit_s)
        if stopping.done():
            error = stopping.exception()
            if error is not None:
                log.warning("kafka.stop_failed", error=type(error).__name__)
            return error is None
        stopping.cancel()
        await asyncio.wait([stopping], timeout=1.0)
        log.warning("kafka.stop_given_up", after_s=limit_s)
        return False


def check_subscribers(broker: ExchangeBroker) -> None:
    """Refuse subscribers that could lose messages or answer to strangers: FastStream's defaults do both.

    Raises:
        Misconfigured: says which subscriber and what is wrong with it.
    """
    for subscriber in broker.subscribers:
        options = getattr(subscriber, "_connection_args", {})
        wrong = [
            fault
            for fault, present in (
                ("is not a batch subscriber", not isinstance(subscriber, BatchSubscriber)),
                ("does not acknowledge by hand", subscriber.ack_policy is not AckPolicy.MANUAL),
                ("commits by itself", options.get("enable_auto_commit") is not False),
                ("does not begin at the earliest record", options.get("auto_offset_reset") != "earliest"),
                ("answers to reply_to", not getattr(subscriber, "_no_reply", False)),
                ("has no group", getattr(subscriber, "group_id", None) is None),
                ("has no steering", not isinstance(getattr(subscriber, "_listener", None), Steering)),
            )
            if present
        ]
        if wrong:
            names = ", ".join(getattr(subscriber, "topic_names", ["?"]))
            raise Misconfigured(f"the subscriber of {names} {' and '.join(wrong)}: make it with Delivery.subscribe")


async def _parse(raws: Any) -> KafkaAckableMessage:
    """FastStream's message around raw records. It looks into none of them, so none of them can break it."""
    return KafkaAckableMessage(raw_message=raws, body=raws, consumer=_Unused())


async def _decode(message: Any) -> Any:
    return message.body


class _Unused:
    """Where FastStream would acknowledge; with AckPolicy.MANUAL it never does."""

    async def commit(self) -> None:
        """Never called."""

    def seek(self, partition: Any, offset: int) -> None:
        """Never called."""
