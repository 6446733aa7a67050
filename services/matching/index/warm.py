"""How does an installation pay for compiling before it matters? By using each kernel once on a tiny network."""

from __future__ import annotations

import numpy as np

from services.matching.index.documents import split, walk
from services.matching.index.gathered import Learned, Meanings, clear, gathered
from services.matching.index.layout import I64
from services.matching.index.memory import Table
from services.matching.index.met import grown, made
from services.matching.index.profiles import ProfileIndex
from services.matching.index.queries import Query, pack
from services.matching.index.rows import Entry, Profiles
from services.matching.index.said import said_in


def warm_up() -> int:
    """Compile what is not compiled yet, or load what is; returns how many profiles were found on the way."""
    network, query = ProfileIndex(), pack([Query(tie=1, alone=[(1, 1)], near=[(0, 1)], market=1, open=1, any=1)])
    entry = Entry(partner=0, regions=[0, 1], terms=[1], weights=[100], sizes=255, speaks=0, adjust=0, tie=1)
    network.put(0, entry)
    network.merge()
    network.put(1, entry)
    network.put_all(_numbers(2), _the_same(entry))
    _read_nothing()
    hits = network.match(query, reasons=True)
    return len(network.survey(query, 0)) + int(hits.counts[0, 0])


def _read_nothing() -> None:
    """Read a page of one document that says nothing."""
    page, nothing = np.frombuffer(bytearray(b"\5\0\0\0\0"), np.uint8), _numbers()
    split(page.ctypes.data, page.size, nothing)
    said, met = said_in(page.size, _numbers(0)), grown(made(1), 0)
    tables = Table(said), Table(met)
    walk(page.ctypes.data, 0, tables[0].address, tables[1].address)
    clear(said, np.zeros(0, np.uint8))
    gathered(said, nothing, Meanings(met.kinds, _numbers(0), nothing), Learned(_numbers(0), nothing, nothing), 0)


def _the_same(entry: Entry) -> Profiles:
    """The profile, as one of many."""
    return Profiles(
        partners=_numbers(entry.partner),
        region_at=_numbers(0, len(entry.regions)),
        regions=_numbers(*entry.regions),
        term_at=_numbers(0, len(entry.terms)),
        terms=_numbers(*entry.terms),
        weights=_numbers(*entry.weights),
        sizes=_numbers(entry.sizes),
        speaks=_numbers(entry.speaks),
        adjust=_numbers(entry.adjust),
        ties=_numbers(entry.tie),
    )


def _numbers(*values: int) -> I64:
    return np.array(values, np.int64)
