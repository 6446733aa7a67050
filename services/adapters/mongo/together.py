"""Many ask the database the same kind of question at the same moment: how do they travel as one?

Whoever comes while no question is on its way is asked for at once, with those who come in the same turn of the event
loop. Whoever comes while one is waits for its answer; then all who came meanwhile are asked for together. So every
answer is of a question that was asked after its asker came: it is never older than if each had asked alone. A question
that takes long holds nobody up for long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeAlias, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")
_Asked: TypeAlias = list[tuple[Q, "asyncio.Future[A]"]]

#: Most askers of one question; the next ones follow at once.
AT_MOST = 64
#: How long those who come wait for a question that is on its way, seconds.
PATIENCE_S = 0.05


class Together(Generic[Q, A]):
    """Brings those who ask at the same moment together; one event loop at a time.

    Args:
        ask: the question for all of them; answers in their order. What it raises is raised to each of them.
        at_most: as `AT_MOST`.
        patience_s: as `PATIENCE_S`.
    """

    def __init__(
        self,
        ask: Callable[[Sequence[Q]], Awaitable[Sequence[A]]],
        *,
        at_most: int = AT_MOST,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._ask, self._at_most, self._patience_s = ask, at_most, patience_s
        self._waiting: _Asked[Q, A] = []
        self._under_way: asyncio.Task[None] | None = None
        self._flights: set[asyncio.Task[None]] = set()

    async def __call__(self, asked: Q) -> A:
        """The answer to one asker."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[A] = loop.create_future()
        self._waiting.append((asked, answer))
        if len(self._waiting) == 1:
            if self._under_way is None or self._under_way.done():
                loop.call_soon(self._depart, loop)
            else:
                loop.call_later(self._patience_s, self._depart, loop)
        return await answer

    def _depart(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ask for everybody who waits."""
        while self._waiting:
            together, self._waiting = self._waiting[: self._at_most], self._waiting[self._at_most :]
            self._under_way = loop.create_task(self._answer(together))
            self._flights.add(self._under_way)
            self._under_way.add_done_callback(self._arrived)

    def _arrived(self, flight: asyncio.Task[None]) -> None:
        self._flights.discard(flight)
        if flight is self._under_way:
            self._depart(flight.get_loop())

    async def _answer(self, together: _Asked[Q, A]) -> None:
        """Ask, and give each its answer; who has gone away meanwhile gets none."""
        try:
            answers = await self._ask([asked for asked, _ in together])
        except Exception as error:  # noqa: BLE001 - each asker raises it
            for _, answer in together:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), found in zip(together, answers, strict=True):
            if not answer.done():
                answer.set_result(found)
