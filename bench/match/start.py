"""How long until a router of a large network may route: from the start of its process, with a real database?

`python -m bench.match.start --profiles 1000000` starts a mongod of its own, stores that many profiles as the exchange
does, and starts a process (`bench.match.starting`) that loads them as a router does. The last line is JSON. Profiles
are those of `bench.match.whole`, each with a location and a contact.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pymongo import MongoClient

from bench.match.people import a_profile
from bench.match.whole import place, words
from bench.stage import cpu_s
from services.adapters.mongo.documents import PROFILES
from services.adapters.mongo.indexes import PROFILES as COLLECTION
from services.core.partner import Location, Profile
from services.core.rfi import Person
from services.engines.bundled import running_engines

#: Documents stored at a time.
BATCH = 2_000
DATABASE = "bench_start"
_WHO = Person(first_name="Ana", last_name="Molina", email="ana@partner.example", phone="+34600111222")
#: What a document says of who wrote it.
_LINE = ["1:da39a3ee5e6b4b0d3255bfef95601890afd80709"]


def documents(count: int) -> Iterator[dict[str, Any]]:
    """Profiles as they are stored."""
    chance = random.Random(5)
    for n in range(count):
        plain = a_profile(n)
        made = Profile(
            id=plain.id,
            partner_id=plain.partner_id,
            country=plain.country,
            serves=tuple({place(chance) for _ in range(chance.randint(1, 4))}),
            locations=tuple(Location(id=each.id, place=each.place, contact=_WHO) for each in plain.locations),
            keywords=tuple(words(chance) for _ in range(chance.randint(3, 12))),
        )
        yield {**PROFILES.to_doc(made), "line": _LINE}


def store(uri: str, count: int) -> None:
    """Put the profiles into the database."""
    with MongoClient[dict[str, Any]](uri) as client:
        client.drop_database(DATABASE)
        made, profiles = documents(count), client[DATABASE][COLLECTION]
        while batch := list(islice(made, BATCH)):
            profiles.insert_many(batch, ordered=False)
        # Nobody fills a database at the moment at which a router starts: what was stored is written down first.
        client.admin.command("fsync")
    os.sync()


def start(uri: str, mongod: int) -> dict[str, float]:
    """Start a process that loads them; what it says of itself, and the CPU that mongod took."""
    before, began = cpu_s(mongod), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "bench.match.starting", uri, DATABASE], check=True, capture_output=True, text=True
    )
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {**figures, "process_s": time.monotonic() - began, "mongod_cpu_s": cpu_s(mongod) - before}


def main() -> None:
    options = argparse.ArgumentParser(description="How long does a router of a large network take to start?")
    options.add_argument("--profiles", type=int, default=100_000)
    options.add_argument("--starts", type=int, default=2, help="the first also compiles, on a new installation")
    chosen = options.parse_args()
    with (
        TemporaryDirectory(prefix="bench-start-") as folder,
        running_engines(Path(folder), kafka=False, mongo=True, catcher=False) as engines,
    ):
        store(engines.endpoints.mongo, chosen.profiles)
        for _ in range(chosen.starts):
            figures = start(engines.endpoints.mongo, engines["mongo"].pid or 0)
            print(json.dumps({name: round(value, 2) for name, value in figures.items()}), flush=True)


if __name__ == "__main__":
    main()
