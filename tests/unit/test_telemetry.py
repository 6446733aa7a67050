"""Do logs stay free of what errors quote?"""

from __future__ import annotations

import pytest

from services.adapters.telemetry import faults_without_words
from services.core.errors import DependencyUnavailable, TooManyInternalErrors


def choke(words: str) -> None:
    raise ValueError(words)


def give_up(words: str) -> None:
    try:
        choke(words)
    except ValueError as error:
        raise TooManyInternalErrors("11 internal errors in a row") from error


def test_a_traceback_says_where_and_what_kind_but_not_what_a_foreign_error_quotes() -> None:
    with pytest.raises(TooManyInternalErrors) as caught:
        give_up("cannot parse 'ana.molina@customer.example'")
    told = str(faults_without_words(None, "error", {"event": "loop_died", "exc_info": caught.value})["exception"])
    assert "molina" not in told
    assert "ValueError" in told
    assert "TooManyInternalErrors: 11 internal errors in a row" in told
    assert "choke" in told
    assert "test_telemetry.py" in told


def test_every_error_of_a_group_is_told_without_its_words() -> None:
    group = ExceptionGroup("both", [KeyError("ana.molina@customer.example"), DependencyUnavailable("mongo")])
    told = str(faults_without_words(None, "error", {"event": "loop_died", "exc_info": group})["exception"])
    assert "molina" not in told
    assert "KeyError" in told
    assert "DependencyUnavailable: mongo: does not answer" in told


def test_an_event_without_an_error_stays_as_it_is() -> None:
    assert faults_without_words(None, "info", {"event": "swept", "exc_info": None}) == {"event": "swept"}


def test_the_error_in_hand_is_found_when_the_event_asks_for_it() -> None:
    try:
        choke("ana.molina@customer.example")
    except ValueError:
        told = faults_without_words(None, "error", {"event": "failed", "exc_info": True})
    assert "ValueError" in str(told["exception"])
    assert "molina" not in str(told)
