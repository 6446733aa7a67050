"""Do the books name what is missing or doubled? What is broken on purpose must be found; then it is put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from services.bootstrap import World
from services.core.codes import Status
from services.core.ids import rfi_id
from tests.faults.ledger import counted_in
from tests.faults.trial import Trial
from tests.journeys import COMMANDS

#: The processes go on meanwhile: what is made pending falls due so late that none of them takes it in that moment.
WAITS: dict[str, object] = {"state": "pending", "due_at": datetime(2999, 1, 1, tzinfo=UTC)}

#: What is broken: in which collection, whether the document is removed, copied or given other values; and what the
#: books say then.
CASES: tuple[tuple[str, str | dict[str, object], str], ...] = (
    ("rfis", {"state": "accepted"}, "lost: never routed"),
    ("referrals", "removed", "lost: referral of"),
    ("send_jobs", WAITS, "lost: still pending"),
    ("webhook_deliveries", "removed", "lost: call for event"),
    ("webhook_deliveries", WAITS, "lost: is pending"),
    ("webhook_deliveries", "copied", "doubled: 2 calls for event"),
    ("webhook_deliveries", {"attempts": 0}, "doubled: in 0 attempts"),
    ("standings", "removed", "lost: the standing of"),
    ("standings", {"version": 0}, "lost: 0 in its standing"),
    ("standings", {"version": 9999}, "doubled: 9999 in its standing"),
)


@contextmanager
def broken(documents: Any, where: dict[str, object], how: str | dict[str, object]) -> Iterator[None]:
    """One document removed, copied or altered for as long as the block lasts."""
    doc = documents.find_one(where)
    assert doc is not None, documents.name
    if how == "removed":
        documents.delete_one({"_id": doc["_id"]})
    elif how == "copied":
        documents.insert_one(doc | {"_id": "a copy"})
    else:
        documents.update_one({"_id": doc["_id"]}, {"$set": how})
    try:
        yield
    finally:
        documents.delete_one({"_id": "a copy"})
        documents.replace_one({"_id": doc["_id"]}, doc, upsert=True)


def test_the_books_name_what_is_broken_on_purpose(trial: Trial) -> None:
    site = trial.site
    names = trial.send(3)
    site.quiet()
    site.run(lambda world: declined(world, trial.ledger.source, names))
    site.time_passes(timedelta(minutes=10))
    site.settle()
    with site.database() as database:
        counted = counted_in(database)
        told, mails, calls = site.told(), site.mails(), site.receiver.calls
        mine: dict[str, object] = {"rfi_id": {"$in": database["rfis"].distinct("_id", {"source": trial.ledger.source})}}
        of_mine: dict[str, dict[str, object]] = {
            "rfis": {"source": trial.ledger.source},
            "send_jobs": {**mine, "state": "sent"},
            "standings": {},
        }
        for collection, how, words in CASES:
            kind, _, said = words.partition(": ")
            with broken(database[collection], of_mine.get(collection, mine), how):
                books = trial.ledger.balance(database, told, mails, calls, counted_in(database))
            found = books.lost if kind == "lost" else books.doubled
            assert any(said in each for each in found), (words, books)
        books = trial.ledger.balance(database, told, mails, calls, counted)
    assert not books.lost + books.doubled


async def declined(world: World, source: str, names: list[str]) -> None:
    """Somebody says no, so that there is an outcome."""
    found = await world.stores.referrals.of_rfis([rfi_id(source, name) for name in names])
    open_ones = [each for some in found.values() for each in some if each.status is Status.NEW]
    await world.commands.execute(open_ones[0].id, COMMANDS["decline"])
