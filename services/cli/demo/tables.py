"""What a person sees when the demo has ended: RFIs, refusals, referrals, mails, and the audit."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from rich.table import Table

from services.audit.report import Report
from services.bootstrap import World
from services.cli.console import table
from services.core.codes import Channel
from services.core.rfi import Rfi

#: Rows of the table of partners: the busiest ones.
PARTNERS = 15


async def all_rfis(world: World) -> list[Rfi]:
    """Every RFI; the demo has few."""
    found: list[Rfi] = []
    while batch := await world.stores.rfis.scan(found[-1].id if found else "", 1000):
        found.extend(batch)
    return found


def rfi_table(rfis: Iterable[Rfi], report: Report) -> Table:
    """What became of the records."""
    counts = report.counts
    channels = Counter(r.channel for r in rfis)
    rows: list[tuple[str, object]] = [
        ("records submitted", counts["records submitted"]),
        ("RFIs accepted", counts["RFIs accepted"]),
        *((f"  over {channel}", channels[channel]) for channel in Channel),
        ("identical repetitions, without effect", counts["records accepted"] - counts["RFIs accepted"]),
        ("records refused", counts["records refused"]),
        ("RFIs sent to partners", counts["RFIs routed"]),
        ("RFIs without a match", counts["RFIs without a match"]),
        ("next-best offers, after a decline or an expiry", counts["next-best offers"]),
    ]
    return table("RFIs", ["what", "number#"], rows)


async def refusal_table(world: World) -> Table:
    """Why RFIs were refused; one RFI may have several problems."""
    codes = Counter(await world.stores.refusals.by_code())
    return table("Refused, by problem", ["problem", "RFIs#"], codes.most_common())


def no_match_table(rfis: Iterable[Rfi]) -> Table:
    """Why accepted RFIs found no partner."""
    why = Counter(r.routing.no_match_because for r in rfis if r.routing and not r.routing.chosen)
    return table("Without a match, by reason", ["reason", "RFIs#"], why.most_common())


async def partner_table(world: World, rfis: Iterable[Rfi]) -> Table:
    """Referrals of the busiest partners, by what became of them."""
    names = {p.id: p.name for p in await world.stores.partners.all_partners()}
    ids = [r.id for r in rfis]
    by_partner: dict[str, Counter[str]] = defaultdict(Counter)
    for referrals in (await world.stores.referrals.of_rfis(ids)).values():
        for referral in referrals:
            by_partner[referral.partner_id][referral.substatus.value] += 1
    states = sorted({state for counts in by_partner.values() for state in counts})
    busiest = sorted(by_partner.items(), key=lambda each: (-each[1].total(), names.get(each[0], "")))
    rows: list[tuple[object, ...]] = [
        (names.get(id_, id_), c.total(), *(c[s] or "" for s in states)) for id_, c in busiest[:PARTNERS]
    ]
    totals: Counter[str] = sum((c for _, c in busiest), Counter())
    rows.append((f"all {len(busiest)} partners", totals.total(), *(totals[s] for s in states)))
    return table("Referrals (busiest partners first)", ["partner", "all#", *(f"{s}#" for s in states)], rows)


async def mail_table(world: World) -> Table:
    """Mails by kind and language."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    other: Counter[str] = Counter()
    for (kind, language, state), number in (await world.stores.jobs.counts()).items():
        if state == "sent":
            counts[kind][language] += number
        else:
            other[state] += number
    languages = sorted({language for c in counts.values() for language in c})
    rows: list[tuple[object, ...]] = [
        (kind, *(c[language] or "" for language in languages), c.total()) for kind, c in sorted(counts.items())
    ]
    rows += [(f"({state}, not sent)", *("" for _ in languages), number) for state, number in sorted(other.items())]
    return table("Mails", ["kind", *(f"{language}#" for language in languages), "all#"], rows)


def audit_table(report: Report) -> Table:
    """What the audit met, and its verdict."""
    rows: list[tuple[str, object]] = sorted(report.counts.items())
    made = table("Audit: from the first record to the last mail", ["met", "number#"], rows)
    verdict = "nothing missing, nothing doubled" if report.clean else f"{report.broken} FAULTS"
    made.add_section()
    made.add_row("verdict", verdict, style="bold green" if report.clean else "bold red")
    return made


def finding_table(report: Report) -> Table:
    """What is missing or doubled."""
    rows = [(f.fault, f.what, f.subject, f.words) for f in report.findings]
    return table("Faults", ["fault", "of", "id", "what happened"], rows)
