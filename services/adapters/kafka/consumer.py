"""How are records fetched so that no bad byte and no outage stops the consumer?

An `AIOKafkaConsumer` whose `getmany` never raises for what lies in the log: unreadable records come out as
`Unreadable`, an unreachable Kafka as an empty batch. It obeys its `Steering` (hold, halt) while it keeps polling, so
that the membership in the group stays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from types import MappingProxyType
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaError, UnsupportedCodecError
from aiokafka.protocol.fetch import FetchRequest

from services.adapters.kafka.connections import Answers, expect_closed_transports
from services.adapters.kafka.salvage import Unreadable, salvage
from services.adapters.kafka.steering import Steering
from services.core.errors import Misconfigured

log = structlog.get_logger(__name__)

_UNDECODABLE = (UnicodeDecodeError, CorruptRecordException, UnsupportedCodecError)
_LONG_POLL_S = 0.5
#: How long a broker that has nothing new may think about it: what comes meanwhile ends that at once. Longer would be
#: cheaper still while nothing happens, but partitions that come with a rebalance wait for the answer under way.
FETCH_WAIT_MS = 1000
#: A broker that owes an answer for longer counts as away; what it is asked for here takes it a second.
_SILENT_S = 5.0
#: A poll that takes longer is stuck in a rebalance; it is given up and begun anew so that /live sees the loop turn.
_POLL_BOUND_S = 5.0
_ERROR_PAUSE_S = 1.0
#: How often Kafka is asked where its log ends while there is something to do. One fetch may hold work for minutes, and
#: what it said of the end is as old.
_ENDS_EVERY_S = 5.0

Batch = dict[TopicPartition, list[Any]]


class SteadyConsumer(AIOKafkaConsumer):  # type: ignore[misc, unused-ignore]  # aiokafka is not typed
    """A consumer that goes on whatever it meets. `max_partition_fetch_bytes` must be as at aiokafka (1 MiB)."""

    steering: Steering
    #: Where the log ended when last asked, by whom that is being asked, and until when it is not asked again.
    _ends: Mapping[TopicPartition, int] = MappingProxyType({})
    _asking: asyncio.Task[None] | None = None
    _ends_good_until = 0.0

    def subscribe(self, topics: Any = (), pattern: Any = None, listener: Any = None) -> None:
        """As in aiokafka, but the listener must be a `Steering`.

        Raises:
            Misconfigured: it is not; this subscriber was not made by `Delivery`.
        """
        if not isinstance(listener, Steering):
            raise Misconfigured("a subscriber without a Steering: make subscribers with Delivery.subscribe only")
        self.steering = listener
        super().subscribe(topics=topics, pattern=pattern, listener=listener)  # type: ignore[no-untyped-call, unused-ignore]

    async def start(self) -> None:
        """As in aiokafka, over connections that tell of their end."""
        expect_closed_transports()
        await super().start()  # type: ignore[no-untyped-call, unused-ignore]

    async def stop(self) -> None:
        """As in aiokafka."""
        if self._asking is not None:
            self._asking.cancel()
        await super().stop()  # type: ignore[no-untyped-call, unused-ignore]

    async def getmany(self, *partitions: Any, timeout_ms: int = 0, max_records: int | None = None) -> Batch:
        """The next records, at most `max_records`; empty when there are none, or on hold, or Kafka is away.

        Waits up to half a second by itself; `timeout_ms` is not used.
        """
        del timeout_ms
        steering = self.steering
        steering.progress.polled()
        self._notice_outage()
        self._notice_dead_task()
        if self._on_hold():
            await asyncio.sleep(min(_LONG_POLL_S, steering.held_for_s() or _LONG_POLL_S))
            # The poll is made all the same: a member that does not poll leaves its group.
        found: Batch = {}
        before = self._positions()
        try:
            async with asyncio.timeout(_POLL_BOUND_S):
                wait_ms = 0 if self._on_hold() else int(_LONG_POLL_S * 1000)
                found = await super().getmany(*partitions, timeout_ms=wait_ms, max_records=max_records)
        except TimeoutError:
            log.info("kafka.poll_given_up", consumer=steering.progress.name)
        except _UNDECODABLE as error:
            await self._rewind(before)
            found = await self._salvaged(error, max_records)
        except KafkaError as error:
            log.warning("kafka.poll_failed", consumer=steering.progress.name, error=type(error).__name__)
            await asyncio.sleep(_ERROR_PAUSE_S)
        if found:
            steering.took()
            self._ask_for_the_ends()
        elif steering.owed and steering.progress.waiting_on is None:
            await self._commit_owed()
        return found

    def put_back(self, first: dict[TopicPartition, int]) -> None:
        """Go back to these offsets, so that the batch comes again."""
        for partition, offset in first.items():
            # A partition that went to another member meanwhile is that member's to read.
            with suppress(KafkaError):
                self.seek(partition, offset)

    def lag(self) -> dict[TopicPartition, int]:
        """Records not yet fetched, for each assigned partition of which the end is known."""
        lags: dict[TopicPartition, int] = {}
        for partition, position in self._positions().items():
            with suppress(KafkaError):
                end = max(self.highwater(partition) or -1, self._ends.get(partition, -1))
                if end >= 0:
                    lags[partition] = max(0, end - position)
        return lags

    async def _commit_owed(self) -> None:
        """Commit what could not be when it was done: else it waits for something new in the same partitions."""
        owed = self.steering.owed
        done = dict(owed)
        with suppress(KafkaError, TimeoutError):  # It is tried again at the next poll.
            async with asyncio.timeout(_POLL_BOUND_S):
                await self.commit(done)  # type: ignore[no-untyped-call, unused-ignore]
            for partition in done.keys() & owed.keys():
                del owed[partition]
            log.info("kafka.commit_made_up", consumer=self.steering.progress.name, partitions=len(done))

    def _ask_for_the_ends(self) -> None:
        """Have it asked beside the work: the answer stands in line behind a fetch that waits for something new."""
        now = self.steering.progress.clock()
        if now >= self._ends_good_until:
            self._ends_good_until = now + _ENDS_EVERY_S
            self._asking = asyncio.ensure_future(self._asked_for_the_ends())

    async def _asked_for_the_ends(self) -> None:
        with suppress(KafkaError, TimeoutError):  # It is asked again.
            async with asyncio.timeout(_POLL_BOUND_S):
                self._ends = await self.end_offsets(self.assignment())  # type: ignore[no-untyped-call, unused-ignore]

    def _on_hold(self) -> bool:
        steering = self.steering
        held = steering.halted or steering.held_for_s() > 0
        with suppress(KafkaError):  # The assignment may change under us.
            if held:
                self.pause(*self.assignment())
            elif paused := self.paused():
                self.resume(*paused)
        return held

    def _notice_outage(self) -> None:
        """Tell when the coordinator is lost or a broker is silent: aiokafka sees to it and raises nothing meanwhile."""
        progress = self.steering.progress
        lost = getattr(self._coordinator, "coordinator_id", "no group") is None
        lost = self._answers.late_s(self._client) > _SILENT_S or lost
        if lost and progress.waiting_on is None:
            progress.waiting_on = "kafka"
        elif not lost and progress.waiting_on == "kafka" and not self.steering.held_for_s():
            progress.waiting_on = None

    @cached_property
    def _answers(self) -> Answers:
        return Answers(self.steering.progress.clock)

    def _notice_dead_task(self) -> None:
        """Halt when one of aiokafka's own tasks has died: polling would find nothing ever again, and look well."""
        if self.steering.halted:
            return
        for owner, name in (("_fetcher", "_fetch_task"), ("_coordinator", "_coordination_task")):
            task = getattr(getattr(self, owner, None), name, None)
            if task is not None and task.done() and not task.cancelled() and task.exception() is not None:
                reason = f"aiokafka's {name.strip('_')} died of {type(task.exception()).__name__}"
                log.critical("kafka.consumer_died", consumer=self.steering.progress.name, error=reason)
                self.steering.halt(reason)

    def _positions(self) -> dict[TopicPartition, int]:
        """Where the next fetch begins, for each partition that knows it already (aiokafka's own call would wait)."""
        subscription = self._subscription.subscription
        assignment = getattr(subscription, "assignment", None)  # Neither is there before the first rebalance.
        if assignment is None:
            return {}
        states = {tp: assignment.state_value(tp) for tp in assignment.tps}
        return {tp: state.position for tp, state in states.items() if state.has_valid_position}

    async def _rewind(self, before: dict[TopicPartition, int]) -> None:
        """Put every partition back to where it was before a poll that raised.

        aiokafka drops what it has already taken from other partitions when one raises, but not their positions.
        """
        new: list[TopicPartition] = []
        for partition, position in self._positions().items():
            if (start := before.get(partition)) is None:
                new.append(partition)
            elif start != position:
                with suppress(KafkaError):
                    self.seek(partition, start)
        if new and (fetcher := self._fetcher) is not None:
            # They got their first position during the poll, so nothing of them was handed out yet: they get it anew, as
            # after an assignment. Asking for it here would lose what was taken whenever no answer came.
            found = fetcher.request_offset_reset(new, None)
            await asyncio.wait([found], timeout=_ERROR_PAUSE_S)

    async def _salvaged(self, error: Exception, max_records: int | None) -> Batch:
        """The first window of records that holds an unreadable one, the sound ones of it included."""
        for partition, position in self._positions().items():
            try:
                records = salvage(partition, await self._raw(partition, position), position)
            except KafkaError as failed:
                log.warning("kafka.salvage_failed", partition=str(partition), error=type(failed).__name__)
                continue
            if any(isinstance(record, Unreadable) for record in records):
                records = records[:max_records]
                with suppress(KafkaError):
                    self.seek(partition, records[-1].offset + 1)
                    return {partition: records}
        log.error("kafka.undecodable_not_found", consumer=self.steering.progress.name, error=type(error).__name__)
        await asyncio.sleep(_ERROR_PAUSE_S)
        return {}

    async def _raw(self, partition: TopicPartition, position: int) -> bytes:
        """The bytes of one fetch, undecoded. Uses the consumer's own connection, which aiokafka keeps private."""
        leader = self._client.cluster.leader_for_partition(partition)
        span = (partition.partition, position, self._max_partition_fetch_bytes)
        # No waiting: most partitions have nothing unread, and there may be many of them.
        request = FetchRequest(0, 1, self._fetch_max_bytes, 0, [(partition.topic, [span])], rack_id="")
        response = await self._client.send(leader, request)
        for _, parts in response.topics:
            for _, error_code, *_, raw in parts:
                if error_code == 0:
                    return bytes(raw or b"")
        return b""
