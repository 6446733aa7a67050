"""What is asked when parts of documents are wanted as the server sends them, and how are several asked in a row?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pymongo.collection import Collection

from services.adapters.mongo.encoding import Doc, apart

Filter: TypeAlias = Mapping[str, Any]
Sort: TypeAlias = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Some fields of the first documents that match, in the order of an index."""

    where: Filter
    sort: Sort
    limit: int
    hint: str
    fields: Sequence[str]


def answers(reader: Collection[Doc], questions: Sequence[Question]) -> list[list[bytes]]:
    """The documents of each question, one question after the other; blocks its thread."""
    return [_answer(reader, each) for each in questions]


def _answer(reader: Collection[Doc], asked: Question) -> list[bytes]:
    # The server gives 101 documents at first; whoever bounds their number is spared further questions.
    batches: Any = reader.find_raw_batches(
        asked.where,
        list(asked.fields),
        limit=asked.limit,
        batch_size=asked.limit,
        sort=list(asked.sort),
        hint=asked.hint,
    )
    return [doc for batch in batches for doc in apart(batch)]
