"""Do the catalogues hold every message, translated, and compiled as they are written?

`python -m services.wording.catalogues` brings every language's .po up to date with the code and writes the .mo files:
of mails, of pages, and of what they share. For a new language, copy each locale/en to locale/<code>, run it, translate
what is empty, run it again.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from services.wording.words import SHARED, SOURCE_LANGUAGE, Catalogue

_KEYWORDS = {"_": None, "count": (1, 2), "gettext": None, "ngettext": (1, 2)}
_METHODS = [("**.py", "python"), ("**.html.j2", "jinja2.ext:babel_extract")]
_OPTIONS = {"**.html.j2": {"encoding": "utf-8", "trimmed": "true", "silent": "false"}}


@dataclass(frozen=True, slots=True)
class Sources:
    """The code that says something, and where its translations lie."""

    code: Path
    catalogue: Catalogue

    def messages(self) -> Catalog:
        """Every message that the code says and that the shared catalogue does not hold."""
        found = Catalog(project="referral-exchange", charset="utf-8")
        shared = None if self.catalogue is SHARED else WORDING.messages()
        extracted = extract_from_dir(
            self.code, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS, strip_comment_tags=True
        )
        for _, _, message, _, context in extracted:
            if shared is None or _name(message) not in shared:
                found.add(message, context=context)
        return found

    def languages(self) -> list[str]:
        """The languages that have a folder."""
        return sorted(path.name for path in self.catalogue.folder.iterdir() if path.is_dir())

    def stored(self, language: str) -> Catalog:
        """The catalogue of a language as it lies in the repository."""
        with self.path(language, "po").open("rb") as file:
            return read_po(file, locale=language, domain=self.catalogue.domain)

    def missing(self, language: str) -> list[str]:
        """Messages without a translation; the source language needs none."""
        if language == SOURCE_LANGUAGE:
            return []
        catalogue = self.stored(language)
        return [_name(message.id) for message in self.messages() if message.id and not _said(catalogue, message.id)]

    def update(self, language: str) -> None:
        """Write the .po with today's messages, and the .mo."""
        catalogue = self.stored(language)
        catalogue.update(self.messages(), no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        with self.path(language, "po").open("wb") as file:
            write_po(file, catalogue, sort_output=True, omit_header=False, include_lineno=False, width=110)
        self.path(language, "mo").write_bytes(compiled(self.stored(language)))

    def path(self, language: str, ending: str) -> Path:
        """The file of a language: `po` is written by people, `mo` is made of it."""
        return self.catalogue.folder / language / "LC_MESSAGES" / f"{self.catalogue.domain}.{ending}"


def compiled(catalogue: Catalog) -> bytes:
    """The .mo of a catalogue."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def _said(catalogue: Catalog, id_: str | Sequence[str]) -> bool:
    there = catalogue.get(_name(id_))
    strings = there.string if there else ""
    return all(strings) if isinstance(strings, tuple) else bool(strings)


def _name(id_: str | Sequence[str]) -> str:
    return id_ if isinstance(id_, str) else id_[0]


_SERVICES = Path(__file__).parent.parent


def _of(room: str, domain: str) -> Sources:
    return Sources(_SERVICES / room, Catalogue(_SERVICES / room / "locale", domain))


WORDING = Sources(Path(__file__).parent, SHARED)
#: Every catalogue of the exchange, by its domain.
ALL = {"wording": WORDING, "mails": _of("notifier", "mails"), "pages": _of("portal", "pages")}


if __name__ == "__main__":
    for sources in ALL.values():
        for each in sources.languages():
            sources.update(each)
            name = f"{sources.catalogue.domain} {each}"
            print(f"{name}: {len(sources.missing(each))} messages to translate")  # noqa: T201 - a command for people
