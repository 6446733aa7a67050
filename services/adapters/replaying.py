"""How are many dead letters replayed: in order, in batches, harmless to repeat, with a policy on error?

A letter is closed after its record was acknowledged. A crash in between leaves it open, and the next replay sends it
again: effects happen once, so that does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from services.adapters.kafka.subscription import REPLAY_GROUP_HEADER
from services.core.aside import AsideStore
from services.core.errors import CommandInvalid, DependencyUnavailable, ExchangeError, Problem
from services.core.ports import DeadLetter, Outgoing, Publisher
from services.core.stores import DeadLetterStore

#: How a letter that was replayed is closed.
REPLAYED = "replayed"

#: Letters read, published and closed together.
AT_A_TIME = 100


class OnError(StrEnum):
    """What to do when a letter can't be replayed."""

    STOP = "stop"
    CONTINUE = "continue"


@dataclass(slots=True)
class Replay:
    """What a replay did: letters given again, closed before, and those that could not be, with why."""

    replayed: int = 0
    closed_before: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    stopped: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayer:
    """Gives records again to the groups that failed."""

    letters: DeadLetterStore
    aside: AsideStore
    publisher: Publisher
    now: Callable[[], datetime]
    on_error: OnError = OnError.STOP
    again: bool = False
    #: Whether letters that were closed before are replayed as well.

    async def run(self, ids: Sequence[str], on_progress: Callable[[int], None]) -> Replay:
        """Replay the letters in this order; `on_progress` gets how many were looked at.

        Raises:
            DependencyUnavailable: an engine does not answer; what was replayed before is closed.
        """
        done = Replay()
        for start in range(0, len(ids), AT_A_TIME):
            some = ids[start : start + AT_A_TIME]
            await self._some(some, done)
            on_progress(len(some))
            if done.stopped:
                break
        return done

    async def _some(self, ids: Sequence[str], done: Replay) -> None:
        closed, found = await self.aside.closings(ids), await self.letters.load(ids)
        ready: dict[str, Outgoing] = {}
        for id_ in ids:
            if id_ in closed and not self.again:
                done.closed_before += 1
                continue
            try:
                ready[id_] = _addressed(found.get(id_))
            except CommandInvalid as error:
                self._failed(done, id_, error.problems[0].message)
                if done.stopped:
                    break
        if ready:
            await self._give(ready, done)

    async def _give(self, ready: dict[str, Outgoing], done: Replay) -> None:
        try:
            await self.publisher.publish(list(ready.values()))
        except DependencyUnavailable:
            raise
        except ExchangeError:  # One of them can't be sent; none was. Find out which.
            for id_, message in ready.items():
                try:
                    await self.publisher.publish([message])
                except DependencyUnavailable:
                    raise
                except ExchangeError as error:
                    self._failed(done, id_, str(error))
                    if done.stopped:
                        return
                else:
                    await self._close([id_], done)
        else:
            await self._close(list(ready), done)

    async def _close(self, ids: Sequence[str], done: Replay) -> None:
        await self.aside.close(ids, REPLAYED, self.now())
        done.replayed += len(ids)

    def _failed(self, done: Replay, id_: str, why: str) -> None:
        done.failed.append((id_, why))
        done.stopped = done.stopped or self.on_error is OnError.STOP


def _addressed(letter: DeadLetter | None) -> Outgoing:
    if letter is None:
        raise CommandInvalid([Problem("", "not_found", "there is no dead letter with this id")])
    return addressed(letter)


def addressed(letter: DeadLetter) -> Outgoing:
    """The original for the group that failed, on its old partition; every other group skips it.

    Raises:
        CommandInvalid: the original's retention is over.
    """
    record = letter.record
    if record.value is None:
        raise CommandInvalid([Problem("", "original_gone", "the original is no longer kept; only drop is left")])
    kept = tuple((name, value) for name, value in record.headers if name != REPLAY_GROUP_HEADER)
    return Outgoing(
        topic=record.topic,
        key=(record.key or b"").decode("utf-8", "replace"),
        value=record.value,
        headers=(*kept, (REPLAY_GROUP_HEADER, letter.group.encode())),
        partition=record.partition,
    )
