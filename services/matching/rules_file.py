"""How does an operator write rules of matching? YAML; what is left out stays as it is by default.

    version: 2026-12
    fit: 0.85            # shares of a score
    region: {local: 0.12, country: 0.04}
    sources: {title: 0.6}
    most_partners: 4

Everything that is wrong is said at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

import yaml

from services.core.errors import CommandInvalid, Problem
from services.core.rules import DEFAULT_RULES, RegionShares, Rules, SourceShares

#: What names a version: it stands in every routing.
_VERSION = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
#: More for one RFI would be a circular.
MOST_PARTNERS = 50
_PARTS: Mapping[str, type[RegionShares | SourceShares]] = {"region": RegionShares, "sources": SourceShares}


def read_rules(text: str) -> Rules:
    """The rules that a file says.

    Raises:
        CommandInvalid: with every problem, by name as in the file.
    """
    try:
        said = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "the file"
        raise CommandInvalid([Problem("/", "not_yaml", f"this is no YAML: mend {where}")]) from None
    if not isinstance(said, Mapping):
        raise CommandInvalid([Problem("/", "not_a_mapping", "write one `name: number` to a line")])
    problems = [*_version_problems(said.get("version")), *_problems(said)]
    if problems:
        raise CommandInvalid(problems)
    parts = {name: replace(getattr(DEFAULT_RULES, name), **said.get(name, {})) for name in _PARTS}
    rules = replace(DEFAULT_RULES, **{name: value for name, value in said.items() if name not in _PARTS}, **parts)
    if problem := _order_problem(rules.region):
        raise CommandInvalid([problem])
    return rules


def write_rules(rules: Rules) -> str:
    """The file of rules, with every number."""
    said = {each.name: getattr(rules, each.name) for each in fields(rules)}
    for name in _PARTS:
        said[name] = {each.name: getattr(said[name], each.name) for each in fields(said[name])}
    return yaml.safe_dump({name: value for name, value in said.items() if value is not None}, sort_keys=False)


def _version_problems(version: object) -> Iterator[Problem]:
    if not isinstance(version, str) or _VERSION.fullmatch(version) is None:
        words = "name the version in quotes: small letters, digits, dots, dashes, at most 40, for example '2026-12'"
        yield Problem("/version", "version", words)
    elif version == DEFAULT_RULES.version:
        yield Problem("/version", "version", f"{version} is the name of the rules that hold by default; choose another")


def _problems(said: Mapping[Any, Any]) -> Iterator[Problem]:
    known = {each.name for each in fields(Rules)}
    for name, value in said.items():
        if name not in known:
            yield _unknown(f"/{name}", known)
        elif name in _PARTS:
            yield from _part_problems(name, value)
        elif name == "most_partners":
            if value is not None and (type(value) is not int or not 1 <= value <= MOST_PARTNERS):
                yield Problem("/most_partners", "number", f"a whole number from 1 to {MOST_PARTNERS}, or nothing")
        elif name != "version":
            yield from _share_problems(f"/{name}", value)


def _part_problems(name: str, value: object) -> Iterator[Problem]:
    known = {each.name for each in fields(_PARTS[name])}
    if not isinstance(value, Mapping):
        yield Problem(f"/{name}", "not_a_mapping", f"write `name: number` with some of {', '.join(sorted(known))}")
        return
    for each, share in value.items():
        if each in known:
            yield from _share_problems(f"/{name}/{each}", share)
        else:
            yield _unknown(f"/{name}/{each}", known)


def _order_problem(region: RegionShares) -> Problem | None:
    # Of several served places the narrowest counts; that is the one with most points only in this order.
    shares = [getattr(region, each.name) for each in fields(region)]
    if shares == sorted(shares, reverse=True):
        return None
    names = " >= ".join(each.name for each in fields(region))
    return Problem("/region", "order", f"the narrower a place is named, the more it adds: {names}")


def _share_problems(field: str, value: object) -> Iterator[Problem]:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        yield Problem(field, "share", "a number from 0 to 1")


def _unknown(field: str, known: set[str]) -> Problem:
    return Problem(field, "unknown", f"there is no such rule; known are {', '.join(sorted(known))}")
