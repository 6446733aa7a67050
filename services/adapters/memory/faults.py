"""How does a twin fail when a test wants it to: before its effect, or after it, when the answer is lost?"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from services.core.errors import DependencyUnavailable

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class _Fault:
    error: BaseException
    after: bool


@dataclass(slots=True)
class Faults:
    """The faults to come, for one twin or for all twins that share it; `calls` names every call made."""

    dependency: str = "mongo"
    calls: list[str] = field(default_factory=list)
    _next: deque[_Fault] = field(default_factory=deque)
    _at: dict[int, _Fault] = field(default_factory=dict)

    def fail_next(self, n: int = 1, error: BaseException | None = None) -> None:
        """The next `n` calls fail without an effect."""
        self._next.extend([self._fault(error, after=False)] * n)

    def unknown_outcome(self, n: int = 1, error: BaseException | None = None) -> None:
        """The next `n` calls have their effect, then fail."""
        self._next.extend([self._fault(error, after=True)] * n)

    def fail_call(self, number: int, error: BaseException | None = None, *, after: bool = False) -> None:
        """The call with this number fails, counted from 0 over the whole life of these faults."""
        self._at[number] = self._fault(error, after=after)

    @property
    def to_come(self) -> int:
        """How many faults no call has met yet."""
        return len(self._next) + len(self._at)

    def clear(self) -> None:
        """Nothing fails any more."""
        self._next.clear()
        self._at.clear()

    def _fault(self, error: BaseException | None, *, after: bool) -> _Fault:
        return _Fault(error or DependencyUnavailable(self.dependency), after)

    def take(self, call: str) -> _Fault | None:
        """Note a call; the fault meant for it, if any."""
        number = len(self.calls)
        self.calls.append(call)
        if number in self._at:
            return self._at.pop(number)
        return self._next.popleft() if self._next else None


class Faulty(Protocol):
    """A twin with faults."""

    faults: Faults


S = TypeVar("S", bound=Faulty)


def faulty(
    method: Callable[Concatenate[S, P], Awaitable[R]],
) -> Callable[Concatenate[S, P], Coroutine[Any, Any, R]]:
    """A method of a twin that lets others run first, as every call over a network does, and fails as asked."""
    name = getattr(method, "__name__", "call")

    async def call(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        await asyncio.sleep(0)
        fault = self.faults.take(f"{type(self).__name__}.{name}")
        if fault is not None and not fault.after:
            raise fault.error
        result = await method(self, *args, **kwargs)
        if fault is not None:
            raise fault.error
        return result

    functools.update_wrapper(call, method)
    return call
