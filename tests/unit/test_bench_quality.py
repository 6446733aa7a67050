"""The rolling rule of bench/quality: nothing of the future is seen, ties get their expected value, all is counted."""

from __future__ import annotations

import json
import lzma
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.quality.baselines import NEAREST, SAME_REGION, Neighbours, Popularity
from bench.quality.data import Request, load
from bench.quality.exchange import Exchange, Idle
from bench.quality.protocol import place_of, run, split
from services.matching.reference import ReferenceMatcher


def row(n: int, day: int, winner: str, **overrides: Any) -> dict[str, Any]:
    """A published request of the n-th day of the year."""
    at = (date(2024, 1, 1) + timedelta(days=day)).isoformat()
    base = {"id": f"r{n}", "src": "s", "date": at, "title": f"job {n}", "awarded": [winner], "country": "ES"}
    return base | {"language": "en", "buyer": "Town"} | overrides


def requests(folder: Path, rows: Sequence[Mapping[str, Any]]) -> list[Request]:
    with lzma.open(folder / "requests.jsonl.xz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(each) + "\n" for each in rows)
    return load(folder)["s"]


class Witness:
    """Notes what it had been told when it was asked."""

    def __init__(self) -> None:
        self.told: list[Request] = []
        self.asked: list[tuple[Request, list[Request]]] = []

    def learn(self, request: Request) -> None:
        self.told.append(request)

    def scores(self, request: Request) -> Mapping[str, float]:
        self.asked.append((request, list(self.told)))
        return {}


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(-30, 60), st.sampled_from("abc")), min_size=5, max_size=40))
def test_a_future_award_is_never_visible(
    tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[int, int, str]]
) -> None:
    rows = [
        row(n, day, winner, award_date=(date(2024, 1, 1) + timedelta(days=day + later)).isoformat())
        for n, (day, later, winner) in enumerate(drawn)
    ]
    every = requests(tmp_path_factory.mktemp("data"), rows)
    witness = Witness()
    figures = run(every, split(every), witness)
    assert figures.tests == len(witness.asked)
    for asked, told in witness.asked:
        assert asked.id in {each.id for each in every[split(every) :]}
        assert {each.id for each in told} == {each.id for each in every if each.known < asked.date}
        assert all(each.date <= each.known < asked.date for each in told)
        assert set(asked.winners) & {winner for each in told for winner in each.winners}


def test_what_can_not_be_used_is_left_out(tmp_path: Path) -> None:
    rows = [
        row(3, 9, "a"),
        row(1, 2, "a"),
        row(2, 5, "b", panel=True),
        row(4, 1, "c", awarded=[]),
        row(5, 1, "c", date=None),
    ]
    assert [each.id for each in requests(tmp_path, rows)] == ["r1", "r3"]


def test_bidders_who_did_not_win_are_losers(tmp_path: Path) -> None:
    (only,) = requests(
        tmp_path, [row(1, 1, "a", bidders=["b", "a", "c"], classification=[{"scheme": "CPV", "id": "72"}])]
    )
    assert (only.winners, only.losers, only.codes[0].code) == (("a",), ("b", "c"), "72")


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ({"w": 3.0, "a": 2.0}, (1.0, 1.0, 1.0)),
        ({"w": 3.0, "a": 4.0}, (0.0, 1.0, 0.5)),
        ({"w": 3.0, "a": 3.0}, (0.5, 1.0, 0.75)),
        ({"w": 0.0, **{f"a{n}": 1.0 for n in range(10)}}, (0.0, 0.0, 1 / 11)),
        ({"w": 0.0, **{f"a{n}": 0.0 for n in range(19)}}, (1 / 20, 0.5, sum(1 / n for n in range(1, 21)) / 20)),
    ],
)
def test_equals_stand_in_any_order(scores: dict[str, float], expected: tuple[float, float, float]) -> None:
    assert place_of(["w", "unseen"], scores) == pytest.approx(expected)


def plumber_and_painter(folder: Path) -> list[Request]:
    """Two who win by turns, each in its own line of work and region."""
    jobs = (("pipes and drains", "North", "plumber"), ("walls and ceilings", "South", "painter"))
    rows = []
    for n in range(20):
        title, region, winner = jobs[n % 2]
        rows.append(row(n, n, winner, title=f"{title} of house {n}", region=region))
    return requests(folder, rows)


def test_popularity_can_not_tell_lines_of_work_apart_and_the_others_can(tmp_path: Path) -> None:
    every = plumber_and_painter(tmp_path)
    first = split(every)
    assert run(every, first, Popularity()).hit1 < 1.0
    for ranker in (Neighbours(every[:first]), Exchange(lambda: ReferenceMatcher(Idle()))):
        figures = run(every, first, ranker)
        assert (figures.tests, figures.hit1, figures.mrr) == (4, 1.0, 1.0)


def test_of_the_same_region_is_three_times_as_near_when_the_nearest_are_chosen(tmp_path: Path) -> None:
    far = [row(n, n, f"far{n}", title="roof tiles and chimney", region="South") for n in range(NEAREST + 5)]
    near = row(90, 90, "near", title="roof tiles and gutter", region="North")
    asked = row(91, 91, "near", title="roof tiles and chimney", region="North")
    every = requests(tmp_path, [*far, near, asked])
    neighbours = Neighbours(every)
    for each in every[:-1]:
        neighbours.learn(each)
    votes = neighbours.scores(every[-1])
    assert len(votes) == NEAREST
    assert 0 < votes["near"] < SAME_REGION * votes["far0"]


def test_regions_that_nobody_told_are_not_the_same(tmp_path: Path) -> None:
    jobs = (row(1, 1, "here", region="North"), row(2, 2, "nowhere"), row(3, 3, "x", region="North"), row(4, 4, "x"))
    every = requests(tmp_path, [{**job, "title": "roof tiles"} for job in jobs])
    neighbours = Neighbours(every)
    neighbours.learn(every[0])
    neighbours.learn(every[1])
    told, untold = (neighbours.scores(each) for each in every[2:])
    assert told["here"] == pytest.approx(SAME_REGION * told["nowhere"])
    assert untold["here"] == pytest.approx(untold["nowhere"])


def test_words_that_came_up_after_the_fit_say_nothing(tmp_path: Path) -> None:
    every = requests(
        tmp_path, [row(1, 1, "a", title="roof"), row(2, 2, "b", title="gutter"), row(3, 3, "b", title="gutter")]
    )
    neighbours = Neighbours([replace(every[0], buyer="")])
    neighbours.learn(every[0])
    neighbours.learn(every[1])
    assert neighbours.scores(every[2]) == {}
    assert set(neighbours.scores(every[0])) == {"a"}


def test_nothing_is_measured_where_no_winner_had_won_before(tmp_path: Path) -> None:
    every = requests(tmp_path, [row(n, n, f"w{n}") for n in range(10)])
    assert run(every, split(every), Popularity()).tests == 0
