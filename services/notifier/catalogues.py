"""Do the catalogues under locale/ hold every message, translated, and compiled as they are written?

`python -m services.notifier.catalogues` brings every language's .po up to date with the code and writes the .mo files.
For a new language, copy locale/en to locale/<code>, run it, translate what is empty, run it again.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from services.notifier.words import DOMAIN, LOCALE_DIR, SOURCE_LANGUAGE

_KEYWORDS = {"_": None, "count": (1, 2)}


def messages() -> Catalog:
    """Every message that the code says."""
    found = Catalog(project="referral-exchange", charset="utf-8")
    for _, _, message, _, context in extract_from_dir(Path(__file__).parent, keywords=_KEYWORDS):
        found.add(message, context=context)
    return found


def stored(language: str) -> Catalog:
    """The catalogue of a language as it lies in the repository."""
    with _path(language, "po").open("rb") as file:
        return read_po(file, locale=language, domain=DOMAIN)


def compiled(catalogue: Catalog) -> bytes:
    """The .mo of a catalogue."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def missing(language: str) -> list[str]:
    """Messages without a translation; the source language needs none."""
    if language == SOURCE_LANGUAGE:
        return []
    catalogue = stored(language)
    return [_name(message.id) for message in messages() if message.id and not _translated(catalogue, message.id)]


def update(language: str) -> None:
    """Write the .po with today's messages, and the .mo."""
    catalogue = stored(language)
    catalogue.update(messages(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    with _path(language, "po").open("wb") as file:
        write_po(file, catalogue, sort_output=True, omit_header=False, include_lineno=False, width=110)
    _path(language, "mo").write_bytes(compiled(stored(language)))


def _translated(catalogue: Catalog, id_: str | Sequence[str]) -> bool:
    there = catalogue.get(_name(id_))
    strings = there.string if there else ""
    return all(strings) if isinstance(strings, tuple) else bool(strings)


def _name(id_: str | Sequence[str]) -> str:
    return id_ if isinstance(id_, str) else id_[0]


def _path(language: str, ending: str) -> Path:
    return LOCALE_DIR / language / "LC_MESSAGES" / f"{DOMAIN}.{ending}"


if __name__ == "__main__":
    for each in sorted(path.name for path in LOCALE_DIR.iterdir() if path.is_dir()):
        update(each)
        print(f"{each}: {len(missing(each))} messages to translate")  # noqa: T201 - a command for people
