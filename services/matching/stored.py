"""How are profiles read by the thousand that a store hands over as it keeps them?

Compiled code walks through the bytes and gives each text, place and list the number of its bytes. Only what was never
met before is read here, once; all that profiles say then is a matter of numbers (`index.documents`, `index.gathered`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from struct import Struct

import numpy as np

from services.core.codes import CompanySize, PolicyName
from services.core.rfi import Coordinate
from services.core.stored import StoredProfiles
from services.matching.declared import Declared
from services.matching.distance import point_of
from services.matching.index.documents import SHORTEST, split, walk
from services.matching.index.gathered import Gathered, Learned, Meanings, clear, gathered
from services.matching.index.layout import I64, U8
from services.matching.index.memory import Table
from services.matching.index.met import Met, grown, made
from services.matching.index.said import COUNTRY, INDUSTRY, LANGUAGES, PLACE, POINT, POLICY, SIZES, TEXT, Said, said_in
from services.matching.vocabulary import Tongues

#: Things for which there is room at first; and things met, beyond which all are forgotten and met anew.
ROOM, MOST = 1 << 16, 1 << 20
_COORDINATE = Struct("<2d")
_SIZES = {size.value: 1 << bit for bit, size in enumerate(CompanySize)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What was read of a page; everything has an entry for each document."""

    said: Said
    ids: Sequence[str]
    partners: Sequence[str]
    #: Both are empty for what the walk found odd.


class StoredReader:
    """Reads pages of stored profiles.

    Args:
        declared: reads texts and places.
        tongues: gives the numbers of sets of languages.
    """

    def __init__(self, declared: Declared, tongues: Tongues) -> None:
        self._anybody = tongues.number(())
        self._meaning: Mapping[int, Callable[[bytes], Sequence[int]]] = {
            TEXT: lambda text: memoryview(declared.text(text.decode())).cast("I"),
            INDUSTRY: lambda text: memoryview(declared.industry(text.decode())).cast("I"),
            PLACE: lambda parts: declared.place(*parts.decode().split("\0")),
            COUNTRY: lambda country: declared.place(country.decode()),
            SIZES: lambda sizes: (sum({_SIZES[each] for each in texts_of(sizes)}),),
            LANGUAGES: lambda tags: (tongues.number(tuple(texts_of(tags))),),
            POLICY: _nothing_to_match,
            POINT: lambda numbers: point_of(Coordinate(*_COORDINATE.unpack(numbers))),
        }
        self.forget()

    def forget(self) -> None:
        """Let go of what was met so far."""
        self._met: Met = made(ROOM)
        self._at, self._numbers, self._unclear = array("q", [0]), array("q"), bytearray()

    def read(self, page: StoredProfiles) -> Page:
        """What the documents of a page say.

        Raises:
            ValueError: these are not whole documents.
        """
        if self._met.size > MOST:
            self.forget()
        documents = np.frombuffer(page.documents, np.uint8)
        begins = np.empty(documents.size // SHORTEST + 1, np.int64)
        count = split(documents.ctypes.data, documents.size, begins)
        if count < 0:
            raise ValueError("the store gave a page that is damaged")
        said = said_in(documents.size, begins[:count].copy())
        base, done, noted, met = documents.ctypes.data, 0, Table(said), Table(self._met)
        while (done := walk(base, done, noted.address, met.address)) < said.documents:
            self._met = grown(self._met, documents.size)
            met = Table(self._met)
        self._understand()
        clear(said, np.frombuffer(self._unclear, np.uint8))
        return Page(said=said, ids=_parted(said.ids, said.ends[0]), partners=_parted(said.partners, said.ends[1]))

    def gathered(self, page: Page, who: I64, learned: Sequence[Mapping[int, int]]) -> Gathered:
        """The numbers of what some documents of the page just read say, and of what these profiles have learned."""
        at, numbers = np.frombuffer(self._at, np.int64), np.array(self._numbers, np.int64)
        return gathered(page.said, who, Meanings(self._met.kinds, at, numbers), _learned(learned), self._anybody)

    def _understand(self) -> None:
        """See what is meant by the things that are new."""
        for kind, written in self._met.since(len(self._unclear)):
            try:
                self._numbers.extend(self._meaning[kind](written))
                self._unclear.append(0)
            except (ValueError, KeyError):
                # A word of a later version, or no text at all.
                self._unclear.append(1)
            self._at.append(len(self._numbers))


def _nothing_to_match(policy: bytes) -> tuple[int, ...]:
    """Whichever it is, if it is one."""
    PolicyName(policy.decode())
    return ()


def _parted(joined: U8, end: int) -> list[str]:
    """Ids that have a zero byte behind them."""
    return bytes(joined[:end]).decode().split("\0")[:-1]


def _learned(signs: Sequence[Mapping[int, int]]) -> Learned:
    at = np.fromiter(accumulate(map(len, signs), initial=0), np.int64, len(signs) + 1)
    terms, weights = [term for each in signs for term in each], [weight for each in signs for weight in each.values()]
    return Learned(at, np.array(terms, np.int64), np.array(weights, np.int64))


def texts_of(array_: bytes) -> list[str]:
    """The texts of an array that holds nothing else (BSON, see bsonspec.org)."""
    found, at = [], 4
    while array_[at]:
        at = array_.index(0, at + 1) + 1
        end = at + 4 + int.from_bytes(array_[at : at + 4], "little")
        found.append(array_[at + 4 : end - 1].decode())
        at = end
    return found
