"""How does a store hand over very many profiles? As it keeps them: what nobody asks for is never read."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct

from services.core.partner import RoutableProfile

#: How a document or an array begins, the length of an empty one, and the type of a document.
_LENGTH, _EMPTY, _DOCUMENT = Struct("<i"), 5, 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredProfiles:
    """Some profiles, inactive ones too, without the people."""

    documents: bytes
    #: An array in BSON (bsonspec.org) of documents with the fields of `RoutableProfile`; `_id` stands for its `id`, and
    #: what is None may be left out.
    read: Callable[[bytes], RoutableProfile | None]
    #: The profile of one document; None, and a line in the log, if this version can't read it.

    def begins(self) -> array[int]:
        """Where each document begins.

        Raises:
            ValueError: these are not whole documents.
        """
        found, at, data, end = array("q"), 4, self.documents, len(self.documents) - 1
        while at < end and data[at] == _DOCUMENT:
            at = data.index(0, at) + 1
            length = _LENGTH.unpack_from(data, at)[0] if at + _EMPTY <= end else 0
            if not _EMPTY <= length <= end - at:
                raise ValueError("the store gave a page that is damaged")
            found.append(at)
            at += length
        if at != end:
            raise ValueError("the store gave a page that is damaged")
        return found

    def at(self, begin: int) -> RoutableProfile | None:
        """The profile of the document that begins there."""
        (length,) = _LENGTH.unpack_from(self.documents, begin)
        return self.read(self.documents[begin : begin + length])

    def profiles(self) -> Iterator[RoutableProfile]:
        """Those that can be read."""
        return (profile for begin in self.begins() if (profile := self.at(begin)) is not None)
