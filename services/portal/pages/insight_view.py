"""What does a page say of a partner's figures: charts as bars, and beside each the same in a table?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from services.core.codes import Substatus
from services.core.insights import Figures, Medians, Value
from services.core.rfi import Money
from services.portal.pages.code_words import reason_said
from services.wording.words import Words, _

#: Height of one bar with its label, pixels.
_BAR_HEIGHT = 44

_WAIT_LABELS = (
    _("Less than an hour"),
    _("1 to 4 hours"),
    _("4 to 24 hours"),
    _("1 to 3 days"),
    _("3 to 7 days"),
    _("More than 7 days"),
)
NOT_KNOWN = _("no figure yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: its label, what it says, and how long it is."""

    label: str
    said: str
    #: Of the whole width.
    percent: int
    #: Where the median stands, of the whole width.
    mark: int | None = None
    #: `good` or `bad` where that is plain; its colour says nothing that the label does not.
    kind: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Bars, and the table of the same figures."""

    id: str
    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bars: tuple[Bar, ...]
    note: str = ""

    @property
    def placed(self) -> list[tuple[int, Bar]]:
        """Each bar with its upper edge, pixels."""
        return [(index * _BAR_HEIGHT, bar) for index, bar in enumerate(self.bars)]

    @property
    def height(self) -> int:
        """Of the picture, pixels."""
        return len(self.bars) * _BAR_HEIGHT


def charts(figures: Figures, medians: Medians, words: Words) -> list[Chart]:
    """Everything there is to say; charts without anything in them are left out."""
    found: list[Chart] = [_compared(figures, medians, words), _funnel(figures, words)]
    if figures.answered:
        found.append(_waits(figures, words))
    if figures.values:
        found.append(_values(figures.values, dict(medians.won), words))
    declined = words.say(_("Why you declined")), figures.decline_reasons, Substatus.DECLINED
    lost = words.say(_("Why deals were lost")), figures.loss_reasons, Substatus.LOST
    return found + [
        _reasons(title, reasons, substatus, words) for title, reasons, substatus in (declined, lost) if reasons
    ]


def _compared(figures: Figures, medians: Medians, words: Words) -> Chart:
    shares = (
        (words.say(_("Answered within 24 hours")), figures.advised, medians.advised),
        (words.say(_("Accepted, of those decided")), figures.acceptance, medians.acceptance),
        (words.say(_("Won, of those closed")), figures.win_rate, medians.win_rate),
    )
    rows = [(words.say(_("Time to answer")), _time(figures.response, words), _time(medians.response, words))]
    rows += [(label, _share(own, words), _share(median, words)) for label, own, median in shares]
    return Chart(
        id="compared",
        title=words.say(_("Compared with other partners")),
        heads=(words.say(_("Figure")), words.say(_("You")), words.say(_("Median of partners"))),
        rows=tuple(rows),
        bars=tuple(
            Bar(
                label=label,
                said=_share(own, words),
                percent=_percent(own or 0),
                mark=None if median is None else _percent(median),
            )
            for label, own, median in shares
        ),
        note=words.say(_("The line across a bar is the median. It is told when at least five partners have a figure.")),
    )


def _funnel(figures: Figures, words: Words) -> Chart:
    steps = (
        (words.say(_("Received")), figures.received),
        (words.say(_("Answered")), figures.answered),
        (words.say(_("Accepted by you")), figures.accepted),
        (words.say(_("Won deals")), figures.won),
    )
    left = (
        (words.say(_("Still new")), figures.unanswered),
        (words.say(_("Lapsed unanswered")), figures.expired),
        (words.say(_("Taken back by customers")), figures.withdrawn),
    )
    whole = figures.received or 1
    return Chart(
        id="funnel",
        title=words.say(_("From request to deal")),
        heads=(words.say(_("Step")), words.say(_("Number")), words.say(_("Share"))),
        rows=tuple(
            (label, words.number(count), _share(count / whole if figures.received else None, words))
            for label, count in (*steps, *left)
        ),
        bars=_counted(steps, whole, words),
    )


def _waits(figures: Figures, words: Words) -> Chart:
    counted = [(words.say(label), count) for label, count in zip(_WAIT_LABELS, figures.waits, strict=True)]
    return _of_counts("waits", words.say(_("How fast you answered")), words.say(_("Answered after")), counted, words)


def _reasons(title: str, reasons: Sequence[tuple[str, int]], substatus: Substatus, words: Words) -> Chart:
    counted = [(reason_said(words, substatus, reason), count) for reason, count in reasons]
    return _of_counts(f"reasons-{substatus.value.lower()}", title, words.say(_("Reason")), counted, words)


def _of_counts(id_: str, title: str, head: str, counted: Sequence[tuple[str, int]], words: Words) -> Chart:
    whole = sum(count for _label, count in counted) or 1
    return Chart(
        id=id_,
        title=title,
        heads=(head, words.say(_("Number")), words.say(_("Share"))),
        rows=tuple((label, words.number(count), _share(count / whole, words)) for label, count in counted),
        bars=_counted(counted, max(count for _label, count in counted) or 1, words),
    )


def _counted(counted: Sequence[tuple[str, int]], whole: int, words: Words) -> tuple[Bar, ...]:
    return tuple(
        Bar(label=label, said=words.number(count), percent=_percent(count / whole)) for label, count in counted
    )


def _values(values: Sequence[Value], medians: Mapping[str, Decimal], words: Words) -> Chart:
    bars: list[Bar] = []
    rows: list[tuple[str, ...]] = []
    for value in values:
        parts = (
            (words.say(_("Value won")), value.won, "good"),
            (words.say(_("Value in work")), value.open, ""),
            (words.say(_("Value lost")), value.lost, "bad"),
        )
        median = medians.get(value.currency)
        most = max(amount for amount in (value.won, value.open, value.lost, median or Decimal(0))) or Decimal(1)
        for label, amount, kind in parts:
            # There is a median of what was won alone: the others change from day to day.
            middle = median if kind == "good" else None
            said = _money(amount, value.currency, words)
            mark = None if middle is None else _percent(middle / most)
            name = f"{label}, {value.currency}"
            bars.append(Bar(label=name, said=said, percent=_percent(amount / most), mark=mark, kind=kind))
            rows.append((name, said, "" if middle is None else _money(middle, value.currency, words)))
    return Chart(
        id="values",
        title=words.say(_("What deals are worth")),
        heads=(words.say(_("Value")), words.say(_("You")), words.say(_("Median of partners"))),
        rows=tuple(rows),
        bars=tuple(bars),
        note=words.say(_("Amounts of different currencies are not added up.")),
    )


def _money(amount: Decimal, currency: str, words: Words) -> str:
    return words.money(Money(amount=amount, currency=currency))


def _time(time: timedelta | None, words: Words) -> str:
    return words.say(NOT_KNOWN) if time is None else words.span(max(time, timedelta(minutes=1)))


def _share(share: float | None, words: Words) -> str:
    return words.say(NOT_KNOWN) if share is None else words.share(share)


def _percent(share: float | Decimal) -> int:
    return round(share * 100)
