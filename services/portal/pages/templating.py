"""How do templates speak a language at no cost? What never changes is translated when a template is compiled.

There is one environment for each language, so `_("Sign out")`, `{% trans %}` and `static("portal.css")` have the same
answer at every page. Asked at run time each takes several microseconds, and a list of referrals asks a hundred of them;
here the answers become part of the compiled template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from services.portal.static_files import static_url
from services.wording.words import Words

#: Functions of templates that translate one message.
_GETTEXT = frozenset({"_", "gettext"})
#: Places in a message where a value is put in, and the percent sign, which is doubled.
_PIECES = re.compile(r"%\((\w+)\)s|(%%)")


@cache
def environment_of(words: Words) -> Environment:
    """Templates with the words of a language; made once, and templates are compiled once."""
    environment = _Translated(
        loader=PackageLoader("services.portal"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    environment.globals["static"] = static_url
    environment.words = words
    return environment


def part_of(words: Words, template: str, values: Mapping[str, Any]) -> Markup:
    """A part of a page, rendered by itself: for what stays the same from page to page, so that it can be kept."""
    return Markup(environment_of(words).get_template(template).render({"words": words, **values}))  # noqa: S704 - a template's


class _Translated(Environment):
    """An environment whose templates are translated before they are compiled."""

    words: Words

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        """Jinja's hook between parsing and compiling."""
        return super()._generate(_Answered(self.words).visit(source), name, filename, defer_init)


class _Answered(NodeTransformer):
    """Puts answers in the place of questions; what it can't answer stays a question of the run time."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802 - a name that Jinja gives
        """Pieces of a message stand beside the others: nothing is joined that is written anyway."""
        written: list[nodes.Expr] = []
        for each in node.nodes:
            answer = self.visit(each)
            written += answer.nodes if isinstance(answer, nodes.Concat) and answer is not each else [answer]
        node.nodes = written
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Expr:  # noqa: N802 - a name that Jinja gives
        """The answer of a call whose text is known."""
        self.generic_visit(node)
        if not isinstance(node.node, nodes.Name) or node.dyn_args or node.dyn_kwargs or len(node.args) != 1:
            return node
        (asked,) = node.args
        if not isinstance(asked, nodes.Const) or not isinstance(asked.value, str):
            return node
        if node.node.name == "static" and not node.kwargs:
            return nodes.Const(static_url(asked.value), lineno=node.lineno)
        if node.node.name not in _GETTEXT:
            return node
        values = {each.key: each.value for each in node.kwargs}
        pieces = _pieces(self._words.translations.gettext(asked.value), values, node.lineno)
        if pieces is None:
            return node
        return pieces[0] if len(pieces) == 1 else nodes.Concat(pieces, lineno=node.lineno)


def _pieces(text: str, values: Mapping[str, nodes.Expr], lineno: int) -> list[nodes.Expr] | None:
    """A translated message around its values; None if it has a placeholder that is not among them."""
    pieces: list[nodes.Expr] = []
    so_far, end = "", 0
    for found in [*_PIECES.finditer(text), None]:
        between = text[end : found.start() if found else None]
        if "%" in between:
            return None
        so_far += between
        if found and found[2]:
            so_far += "%"
        else:
            if so_far:
                pieces.append(_safe(so_far, lineno))
            so_far = ""
            if found:
                if found[1] not in values:
                    return None
                pieces.append(values[found[1]])
        end = found.end() if found else end
    return pieces or [_safe("", lineno)]


def _safe(text: str, lineno: int) -> nodes.Expr:
    # As Jinja's own translations: what translators write is markup, and what is put in is escaped.
    return nodes.TemplateData(text, lineno=lineno)
