"""Which records of a batch cannot be used, and which error concerns the whole batch?

A handler says which records it could not use. When it raises instead, the batch is run again in halves until the
record that makes it raise stands alone; handlers are idempotent, so running the neighbours twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.core.errors import DependencyUnavailable, TooManyInternalErrors, Verdict, verdict_of
from services.core.ports import BatchHandler, Failure, Record


@dataclass(frozen=True, slots=True)
class Aside:
    """A record to be put aside: why, and how often its handler had it."""

    record: Record
    error: Exception
    attempts: int


class Settling:
    """Runs a handler over batches and counts the internal errors in a row.

    Args:
        handler: what is to be run.
        internal_error_limit: internal errors in a row, without a record that worked, that are taken for bad luck.
    """

    def __init__(self, handler: BatchHandler, *, internal_error_limit: int) -> None:
        self._handler = handler
        self._limit = internal_error_limit
        self._in_a_row = 0
        self._weary = False

    async def settle(self, records: Sequence[Record], *, weary: bool = False) -> list[Aside]:
        """Run the handler; return the records to be put aside. All others are done.

        Args:
            records: the batch, in order.
            weary: the batch was tried too often; a conflict is now an error of its record, not a reason to wait.

        Raises:
            Exception: with the verdict `retry` or `crash`: it concerns the whole batch, nothing is settled.
            TooManyInternalErrors: a run of internal errors beyond the limit.
        """
        before, self._weary = self._in_a_row, weary
        try:
            return await self._settle(records, attempts=1)
        except BaseException:
            # The batch comes again and its errors with it: they must not count twice.
            self._in_a_row = before
            raise

    async def _settle(self, records: Sequence[Record], attempts: int) -> list[Aside]:
        try:
            failures = await self._handler(records)
        except Exception as error:
            if self._concerns_all(error):
                raise
            if len(records) == 1:
                return [self._aside(Failure(records[0], error), attempts)]
            middle = len(records) // 2
            first = await self._settle(records[:middle], attempts + 1)
            return first + await self._settle(records[middle:], attempts + 1)
        for failure in failures:
            if self._concerns_all(failure.error):
                raise failure.error
        if len(failures) < len(records):
            self._in_a_row = 0
        return [self._aside(failure, attempts) for failure in failures]

    def _concerns_all(self, error: Exception) -> bool:
        verdict = verdict_of(error)
        if verdict is Verdict.RETRY:
            return isinstance(error, DependencyUnavailable) or not self._weary
        return verdict is Verdict.CRASH

    def _aside(self, failure: Failure, attempts: int) -> Aside:
        if verdict_of(failure.error) is not Verdict.DEAD_LETTER:
            self._in_a_row += 1
            if self._in_a_row > self._limit:
                raise TooManyInternalErrors(
                    f"{self._in_a_row} internal errors in a row, the last one {type(failure.error).__name__} "
                    f"at {failure.record.where}: this is a fault of the program, not of the records"
                ) from failure.error
        return Aside(failure.record, failure.error, attempts)
