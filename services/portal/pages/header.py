"""What stands above and below every page: the menu, and the languages. Most pages share them, so they are kept."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TypeAlias

from babel import Locale
from markupsafe import Markup

from services.portal.identity import Identity, IdentityKind
from services.portal.menu import MENU
from services.portal.pages.templating import part_of
from services.wording.words import Catalogue, Words, _, languages

#: Path, title, and whether the page belongs to the line.
Line: TypeAlias = tuple[str, str, bool]

_REFERRALS = _("Referrals")
#: Pages of the menu's line of referrals begin so.
_LISTS = ("/inbox", "/evaluating", "/active", "/archived", "/referrals")


def header_of(words: Words, me: Identity | None, path: str) -> Markup:
    """Brand and menu of somebody at a page."""
    lines: list[Line] = []
    if me is not None:
        lines = [(item.path, item.title, item.current(path)) for item in MENU if item.shown(me)]
        if me.kind is IdentityKind.PARTNER:
            lines.insert(0, (_LISTS[0], _REFERRALS, path.startswith(_LISTS)))
    return _header(words, tuple(lines))


@lru_cache(maxsize=256)
def _header(words: Words, lines: tuple[Line, ...]) -> Markup:
    return part_of(words, "header.html.j2", {"lines": lines})


@cache
def language_buttons(words: Words, catalogue: Catalogue) -> Markup:
    """A button for each language of a catalogue."""
    named = [(each, own_name(each)) for each in sorted(languages(catalogue))]
    return part_of(words, "languages.html.j2", {"languages": named})


@cache
def own_name(language: str) -> str:
    """A language's name in itself, as people look for it."""
    name = Locale.parse(language).get_display_name(language) or language
    return str(name[:1].upper() + name[1:])
