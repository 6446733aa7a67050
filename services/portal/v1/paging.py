"""How does a program walk a long list? Page by page: each answer holds the address of the next one in `next`.

A cursor names the place behind the last thing of a page, and is signed: nobody can make one, it is good for its own
list alone, and a list may change while it is walked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlencode

from fastapi import Query

from services.core.account_stores import LinkSigner
from services.core.errors import CommandInvalid, Problem

T = TypeVar("T")

#: Things on one page.
PAGE_LIMIT, USUAL_LIMIT = 100, 50

Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT, description="Things on a page")]
CursorText = Annotated[str | None, Query(alias="cursor", max_length=500, description="As `next` has it")]


@dataclass(frozen=True, slots=True)
class Pager:
    """Cursors of one list.

    Args:
        signer: proves that a cursor is ours.
        name: of the list; a cursor of another list is none of this one.
        address: of the list.
    """

    signer: LinkSigner
    name: str
    address: str

    def after(self, cursor: str | None) -> str:
        """The key behind which the page begins, "" for the first page.

        Raises:
            CommandInvalid: the cursor is not one of this list.
        """
        key, problems = self.begin(cursor)
        if problems:
            raise CommandInvalid(problems)
        return key

    def begin(self, cursor: str | None) -> tuple[str, list[Problem]]:
        """The same, with the problem beside it."""
        key = self.signer.read(self._purpose, cursor) if cursor is not None else ""
        if key is None:
            return "", [Problem("/cursor", "invalid", "take the address in `next` as it is, or begin anew")]
        return key, []

    async def judge(self, cursor: CursorText = None) -> None:
        """What `judging` asks of a list that nothing but its cursor can be wrong with."""
        self.after(cursor)

    def next(self, last_key: str, limit: int, repeated: Mapping[str, Any] | None = None) -> str:
        """The address of the page behind this key, with what else was asked for."""
        cursor = self.signer.sign(self._purpose, last_key)
        return f"{self.address}?{urlencode({**(repeated or {}), 'limit': limit, 'cursor': cursor}, doseq=True)}"

    def cut(self, found: Sequence[T], limit: int, key: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
        """The things of a page, and the address of the next one if there are more.

        Args:
            found: in the order of their keys, one more than the page holds or all that are left.
            limit: things on the page.
            key: of a thing.
        """
        page = found[:limit]
        return page, self.next(key(page[-1]), limit) if len(found) > limit else None

    @property
    def _purpose(self) -> str:
        return f"cursor-{self.name}"
