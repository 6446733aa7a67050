"""Which words mean the same thing, and which thing lies within which? Read from the YAML files beside this one.

How to edit them says README.md. What is wrong in them is said at once, all of it, with file and name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import yaml

from services.core.errors import CommandInvalid, Problem

FOLDER = Path(__file__).parent
#: Languages that labels are written in.
LANGUAGES = ("en", "es")

_FIELDS = {*LANGUAGES, "in", "codes"}


@dataclass(frozen=True, slots=True)
class Concept:
    """A thing with all its names."""

    name: str
    labels: Mapping[str, tuple[str, ...]]
    #: By language, as written.
    wider: tuple[str, ...]
    codes: tuple[str, ...]
    #: Beginnings of classification codes, `scheme:digits`.
    file: str


def read(folder: Path = FOLDER) -> dict[str, Concept]:
    """The concepts of all files in a folder, by name.

    Raises:
        CommandInvalid: a file is no YAML, a concept is written wrongly, named twice, lies within an unknown one or in
            a circle, or two have one code; with every problem found.
    """
    found: dict[str, Concept] = {}
    problems: list[Problem] = []
    for path in sorted(folder.glob("*.yaml")):
        for name, fields in _entries(path, problems):
            if name in found:
                problems.append(_problem(path.name, name, f"is in {found[name].file} already; remove one of the two"))
            elif wrong := _wrong(name, fields):
                problems.append(_problem(path.name, name, wrong))
            else:
                found[name] = _concept(name, fields, path.name)
    problems += [*_lost(found), *_circles(found), *_codes_twice(found)]
    if problems:
        raise CommandInvalid(problems)
    return found


@cache
def fingerprint(folder: Path = FOLDER) -> str:
    """Eight hex digits that change with any of the files."""
    digest = blake2b(digest_size=4)
    for path in sorted(folder.glob("*.yaml")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def around(concepts: Mapping[str, Concept], name: str) -> tuple[str, ...]:
    """All that a concept lies within, the nearest first."""
    found: dict[str, None] = {}
    level = list(concepts[name].wider)
    while level:
        found.update(dict.fromkeys(level))
        level = [wider for each in level for wider in concepts[each].wider if wider not in found]
    return tuple(found)


def labels_twice(concepts: Mapping[str, Concept], key_of: Callable[[str], tuple[str, ...]]) -> list[Problem]:
    """Labels that two concepts share, compared as `key_of` writes them; and labels that say nothing."""
    taken: dict[str, str] = {}
    problems = []
    for concept in concepts.values():
        for label in (label for labels in concept.labels.values() for label in labels):
            keys = key_of(label)
            if not all(keys):
                problems.append(_problem(concept.file, concept.name, f"{label!r} says nothing; remove it"))
            for key in keys:
                other = taken.setdefault(key, concept.name)
                if other != concept.name:
                    text = f"{label!r} means {other} already; a label belongs to one concept"
                    problems.append(_problem(concept.file, concept.name, text))
    return problems


def _entries(path: Path, problems: list[Problem]) -> Iterable[tuple[str, Any]]:
    try:
        entries = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe
    except yaml.YAMLError as error:
        problems.append(Problem(path.name, "not_yaml", f"is not YAML: {error}"))
        return ()
    if not isinstance(entries, dict):
        problems.append(Problem(path.name, "not_concepts", "must have one concept a line, as README.md shows"))
        return ()
    return entries.items()


def _wrong(name: object, fields: object) -> str | None:
    if not isinstance(name, str) or name != name.lower() or not name.replace("-", "").isalnum():
        return "must be named in lower case letters, digits and hyphens"
    if not isinstance(fields, dict) or set(fields) - _FIELDS:
        return f"must have no other fields than {', '.join(sorted(_FIELDS))}"
    if not all(isinstance(v, list) and all(isinstance(t, str) and t for t in v) for v in fields.values()):
        return "must have lists of texts in its fields; put quotes around what YAML takes for a number or a word"
    return None if any(fields.get(lang) for lang in LANGUAGES) else "has no label"


def _concept(name: str, fields: Mapping[str, list[str]], file: str) -> Concept:
    labels = {lang: tuple(fields.get(lang, ())) for lang in LANGUAGES}
    return Concept(name, labels, tuple(fields.get("in", ())), tuple(fields.get("codes", ())), file)


def _problem(file: str, name: object, text: str) -> Problem:
    return Problem(f"{file}: {name}", "concept", text)


def _lost(concepts: Mapping[str, Concept]) -> list[Problem]:
    return [
        _problem(concept.file, concept.name, f"lies within {wider}, which is nowhere; name it or take it out")
        for concept in concepts.values()
        for wider in concept.wider
        if wider not in concepts
    ]


def _circles(concepts: Mapping[str, Concept]) -> list[Problem]:
    known = {name: [w for w in concept.wider if w in concepts] for name, concept in concepts.items()}
    problems = []
    for name, wider in known.items():
        seen: set[str] = set()
        level = list(wider)
        while level:
            seen.update(level)
            level = [w for each in level for w in known[each] if w not in seen]
        if name in seen:
            problems.append(_problem(concepts[name].file, name, "lies within itself, by way of the wider ones"))
    return problems


def _codes_twice(concepts: Mapping[str, Concept]) -> list[Problem]:
    owners: dict[str, list[Concept]] = {}
    for concept in concepts.values():
        for code in concept.codes:
            owners.setdefault(code, []).append(concept)
    return [
        _problem(each.file, each.name, f"the code {code} is {others[0].name} already")
        for code, others in owners.items()
        for each in others[1:]
    ]
