"""How does an installation pay for compiling before it matters? By using each kernel once on a tiny network."""

from __future__ import annotations

from services.matching.index.profiles import ProfileIndex
from services.matching.index.queries import Query, pack
from services.matching.index.rows import Entry


def warm_up() -> int:
    """Compile what is not compiled yet, or load what is; returns how many profiles were found on the way."""
    network, query = ProfileIndex(), pack([Query(tie=1, alone=[(1, 1)], near=[(0, 1)], market=1, open=1, any=1)])
    entry = Entry(partner=0, regions=[0, 1], terms=[1], weights=[100], sizes=255, speaks=0, adjust=0, tie=1)
    network.put(0, entry)
    network.merge()
    network.put(1, entry)
    hits = network.match(query)
    return len(network.survey(query, 0)) + int(hits.counts[0, 0])
