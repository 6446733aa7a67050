"""What does matching cost with everything around it: topic records to profiles, words to numbers, reasons for people?

`python -m bench.match.whole --profiles 50000`: the records of a network are decoded and put into the compiled matcher
until the first match (a router's cold start, without Kafka), then requests are routed with reasons and near misses.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import time
from dataclasses import replace
from datetime import UTC, datetime

from bench.match.people import a_profile, a_request
from services.adapters.wire_profiles import profile_of, profile_outgoing
from services.core.ports import Outgoing, Record
from services.core.rfi import Place, Rfi
from services.matching.index.warm import warm_up
from services.matching.indexed import IndexedMatcher

#: RFIs of a batch, and profiles of a page, as a router takes them.
BATCH, PAGE = 500, 1_000
_TOWNS = [("ES", f"ES-{chr(65 + n // 5)}{chr(65 + n % 5)}", f"town{m}") for n in range(25) for m in range(8)]


class Idle:
    """Nobody has an open referral."""

    def open_count(self, _profile_id: str) -> int:
        """None."""
        return 0


def words(chance: random.Random) -> str:
    """One of some thousands of two-word offers, common ones often."""
    return f"topic{int(1500 ** chance.random())} line{int(40 ** chance.random())}"


def place(chance: random.Random) -> Place:
    country, subdivision, city = chance.choice(_TOWNS)
    return Place(country=country, subdivision=subdivision, city=city if chance.random() < 0.7 else None)


def record_of(outgoing: Outgoing, offset: int) -> Record:
    return Record(
        topic=outgoing.topic,
        partition=0,
        offset=offset,
        timestamp=datetime(2026, 3, 2, tzinfo=UTC),
        key=outgoing.key.encode(),
        value=outgoing.value,
        headers=outgoing.headers,
    )


def records(count: int) -> list[Record]:
    chance = random.Random(5)
    found = []
    for n in range(count):
        served = tuple({place(chance) for _ in range(chance.randint(1, 4))})
        offers = tuple(words(chance) for _ in range(chance.randint(3, 12)))
        found.append(record_of(profile_outgoing(replace(a_profile(n), serves=served, keywords=offers)), n))
    return found


def requests(count: int) -> list[Rfi]:
    chance, found = random.Random(6), []
    for n in range(count):
        rfi = a_request(n)
        need = replace(
            rfi.need, place=place(chance), keywords=tuple(words(chance) for _ in range(chance.randint(1, 4)))
        )
        found.append(replace(rfi, need=need))
    return found


def main() -> None:
    options = argparse.ArgumentParser(description="What does matching cost with everything around it?")
    options.add_argument("--profiles", type=int, default=50_000)
    chosen = options.parse_args()
    topic, asked, now = records(chosen.profiles), requests(4_000), a_request(0).accepted_at
    warm_up()
    # As the router's process does while it loads.
    gc.disable()
    matcher, began = IndexedMatcher(Idle()), time.process_time()
    profiles = [profile_of(record) for record in topic]
    decoded = time.process_time()
    for at in range(0, len(profiles), PAGE):
        matcher.put_all(profiles[at : at + PAGE])
    held = time.process_time()
    matcher.match(asked[:1], now)
    built = time.process_time()
    gc.enable()
    gc.freeze()
    routed = 0
    for at in range(0, len(asked), BATCH):
        routed += sum(bool(each.chosen) for each in matcher.match(asked[at : at + BATCH], now))
    spent = time.process_time() - built
    share = chosen.profiles / 1_000_000
    figures = {
        "profiles": chosen.profiles,
        "decode_s_per_million": (decoded - began) / share,
        "put_s_per_million": (held - decoded) / share,
        "build_s_per_million": (built - held) / share,
        "routed_per_s": len(asked) / spent,
        "us_per_rfi": spent / len(asked) * 1e6,
        "found_somebody": routed / len(asked),
    }
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
