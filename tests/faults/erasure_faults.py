"""Is a customer's data gone for good, though whoever erases it dies, and though work on it is under way?"""

from __future__ import annotations

import signal
from datetime import timedelta

from schemas.topics import TOPICS, Group
from services.bootstrap import World
from services.core.ids import rfi_id
from services.core.ports import Outgoing, Record
from services.engines.bundled.faults import Fault, FaultRule
from tests.canary import CANARY, EMAIL, canary_rfi
from tests.e2e.exchange import eventually
from tests.e2e.remains import in_logs, in_mongo
from tests.faults.poison_faults import eventually_letters
from tests.faults.proxy import Net
from tests.faults.records import Log, submitted
from tests.faults.site import Site
from tests.faults.trial import Trial, long_only

#: Each write of an erasure; whoever dies there leaves the rest to the next sweep.
POINTS = [
    f"{write}.{side}"
    for write in (
        "rfis.save",
        "publisher.publish",
        "referrals.save",
        "erasures.forget_recipients",
        "submitted.delete_before",
        "erasures.forget_originals",
    )
    for side in ("before", "after")
]
#: The order itself, and the note that it is done.
ORDER = "erasures.put"

#: What a publisher sent, byte for byte.
Sent = list[Outgoing]


@long_only  # `make test` has tests/e2e/test_operating.py.
def test_an_erasure_is_carried_out_whatever_dies(trial: Trial) -> None:
    """Fault 31: the order comes while mails wait and records are aside; a replay and a redelivery come after it."""
    site, log = trial.site, Searched()
    rounds = [("cli", f"{ORDER}.after", point) for point in [*POINTS, f"{ORDER}.before", f"{ORDER}.after"]]
    rounds += [("cli", f"{ORDER}.before", f"{ORDER}.before"), ("cli", POINTS[1], f"{ORDER}.before")]
    for asking, first, then in rounds:
        with trial.whole(31, f"an erasure: {asking} killed at {first}, then expirer at {then}", times=2):
            sent, letter = under_way(trial)
            site.order(asking, first)
            site.order("expirer", then)
            erase(site, code=-signal.SIGKILL)
            if first.endswith(f"{ORDER}.before"):
                # Nothing was written down: who asked sees that it failed, and asks again.
                erase(site)
            eventually(lambda then=then: site.struck("expirer", then), f"the expirer passes {then}", 60)  # type: ignore[misc]
            nothing_is_left(trial, log, sent, letter)


@long_only  # As before.
def test_an_erasure_is_carried_out_when_engines_come_back(trial: Trial) -> None:
    site, log = trial.site, Searched()
    for engine in ("mongo", "kafka"):
        with trial.whole(31, f"an erasure: cli killed after the order, then no {engine} for 10 s"):
            sent, letter = under_way(trial)
            site.order("cli", f"{ORDER}.after")
            erase(site, code=-signal.SIGKILL)
            site.nets[engine].set(Net.CUT)
            trial.lasts(10)
            site.nets[engine].set(Net.PASS)
            nothing_is_left(trial, log, sent, letter)


def under_way(trial: Trial) -> tuple[Sent, str]:
    """The canary in requests that were just accepted or refused, in one that intake put aside, and in mails that wait.

    Returns:
        What was accepted, to be sent again; the dead letter.
    """
    site, names = trial.site, trial.names(3)
    at = (site.now() - timedelta(hours=1)).isoformat(timespec="seconds")
    rfis = {name: canary_rfi(id=name, submittedAt=at) for name in names}
    rfis[names[1]]["channel"] = "pigeon"
    good, bad, poison = (submitted(trial.ledger.source, name, rfi) for name, rfi in rfis.items())
    site.mail_faults(FaultRule(fault=Fault.REFUSE_RECIPIENT, pattern=CANARY, code=450))
    site.orders.mkdir(exist_ok=True)
    (site.orders / f"intake.{Group.INTAKE}.reject").write_bytes(names[2].encode())
    # This one is not in the ledger: what became of it is looked at here, because its bytes go.
    publish(site, [poison])
    [letter] = eventually_letters(site, names[2])
    publish(site, [good, bad])
    trial.ledger.took(names[:2])
    with site.database() as database:
        eventually(lambda: bool(database["rfis"].find_one({"_id": rfi_id(trial.ledger.source, names[0])})), "stored")
        eventually(lambda: bool(database["refusals"].find_one({"publisher_id": names[1]})), "refused")
    return [good], letter


def publish(site: Site, sent: Sent) -> None:
    """As a publisher does."""
    site.run(lambda world: world.publisher.publish(sent))


def erase(site: Site, code: int = 0) -> None:
    """As an operator does."""
    said = site.cli("customer", "erase", "--email", EMAIL, "--yes", code=code)
    assert CANARY not in said.casefold()


def nothing_is_left(trial: Trial, log: Searched, sent: Sent, letter: str) -> None:
    """The erasure ends, then mails go through, the letter is replayed and what was accepted comes again: in vain."""
    site = trial.site
    eventually(lambda: "under way" not in site.cli("customer", "erasures"), "the erasure is done", 90)
    arrived = to_the_customer(site)
    site.heal()
    site.settle()
    assert where(site, log) == {}
    site.cli("dlq", "replay", letter, code=1)
    publish(site, sent)
    site.settle()
    # The publisher has written it again, and there it stands until the next erasure: but nowhere else.
    assert set(where(site, log)) <= {"kafka"}, where(site, log)
    assert to_the_customer(site) == arrived, "no mail went out after the order"


class Searched:
    """What was written to Kafka since this was made, and where in it the canary stands."""

    def __init__(self) -> None:
        self._topics = [str(spec.topic) for spec in TOPICS]
        self._log, self._found = Log(self._topics), set[tuple[str, int, int]]()

    def places(self, site: Site) -> set[str]:
        """Topics in which the canary stands, in a key, a value or a header of any record that was not deleted since."""

        async def look(world: World) -> set[str]:
            async for records in self._log.news(world):
                self._found |= {(r.topic, r.partition, r.offset) for r in records if CANARY.encode() in said(r).lower()}
            begins = await world.admin.begin_offsets(self._topics)
            self._found = {each for each in self._found if each[2] >= begins[each[:2]]}
            return {topic for topic, *_ in self._found}

        return site.run(look)


def said(record: Record) -> bytes:
    """Everything that a record says."""
    return (record.key or b"") + (record.value or b"") + b"".join(value for _, value in record.headers)


def where(site: Site, log: Searched) -> dict[str, set[str]]:
    """Where the canary stands."""
    places = {"mongo": in_mongo(site), "kafka": log.places(site), "logs": in_logs(site)}
    return {name: found for name, found in places.items() if found}


def to_the_customer(site: Site) -> int:
    """Mails that arrived at the canary's address."""
    return sum(CANARY in address.casefold() for mail in site.mails() for address in mail.rcpt)
