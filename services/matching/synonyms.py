"""Which stems name a concept? They become its name, so that `nube`, `cloud computing` and `cloud` are one term."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from services.core.errors import CommandInvalid
from services.matching import concepts
from services.matching.concepts import Concept, around, labels_twice
from services.matching.stems import LANGUAGES, Segments, stem_runs

#: In front of a concept's name: the partner names this very thing, not only something within it.
ITSELF = "="
#: A single word of the other language is a label only if it is this long: `vias` are roads, `via` is not.
_LONG = 5

#: By first stem: the labels that begin with it, longest first, each with its concept's name.
Table = Mapping[str, tuple[tuple[tuple[str, ...], str], ...]]


@cache
def known(folder: Path = concepts.FOLDER) -> Mapping[str, Concept]:
    """The concepts by name, checked.

    Raises:
        CommandInvalid: something is wrong in the files; with every problem found.
    """
    found = concepts.read(folder)
    if problems := labels_twice(found, _keys):
        raise CommandInvalid(problems)
    return found


def joined(runs: Segments, language: str) -> Segments:
    """The runs with the stems of each label replaced by its concept; the longest label wins, from left to right."""
    table = _table(language)
    return tuple(tuple(_replaced(run, table)) if any(s in table for s in run) else run for run in runs)


def wider_keys(key: str) -> tuple[str, ...]:
    """Under which keys beside its own an offered thing is found: as itself, and as all that it lies within."""
    concept = known().get(key)
    return () if concept is None else (ITSELF + key, *around(known(), key))


def near_keys(key: str) -> tuple[str, ...]:
    """Under which keys an asked thing may be found beside its own: what it lies within directly, offered by name."""
    concept = known().get(key)
    return () if concept is None else tuple(ITSELF + wider for wider in concept.wider)


def words_of_key(key: str) -> str:
    """A key for people: the first label of a concept, else its stems."""
    concept = known().get(key.removeprefix(ITSELF))
    if concept is None:
        return key
    return next(label for language in LANGUAGES for label in concept.labels[language])


@cache
def of_code(code: str) -> str | None:
    """The concept of a classification code (`cpv:72267000`): that of its longest known beginning."""
    owners = _codes()
    return next((owners[code[:n]] for n in range(len(code), 0, -1) if code[:n] in owners), None)


@cache
def _codes() -> Mapping[str, str]:
    return {code: concept.name for concept in known().values() for code in concept.codes}


@cache
def _table(language: str) -> Table:
    found: dict[str, dict[tuple[str, ...], str]] = {}
    for concept in known().values():
        for written_in, label in _labels(concept):
            stems = _stems(label, language)
            if stems and (written_in in (language, LANGUAGES[0]) or len(stems) > 1 or len(stems[0]) >= _LONG):
                found.setdefault(stems[0], {}).setdefault(stems, concept.name)
    return {first: tuple(sorted(labels.items(), key=lambda item: -len(item[0]))) for first, labels in found.items()}


def _labels(concept: Concept) -> Iterator[tuple[str, str]]:
    return ((language, label) for language in LANGUAGES for label in concept.labels[language])


def _stems(label: str, language: str) -> tuple[str, ...]:
    return tuple(stem for run in stem_runs(label, language) for stem in run)


def _keys(label: str) -> tuple[str, ...]:
    keys = [" ".join(_stems(label, language)) for language in LANGUAGES]
    return tuple(key and f"{language} {key}" for language, key in zip(LANGUAGES, keys, strict=True))


def _replaced(run: tuple[str, ...], table: Table) -> Iterator[str]:
    at = 0
    while at < len(run):
        for stems, name in table.get(run[at], ()):
            if run[at : at + len(stems)] == stems:
                yield name
                at += len(stems)
                break
        else:
            yield run[at]
            at += 1
