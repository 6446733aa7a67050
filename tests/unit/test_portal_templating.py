"""Texts that are translated when a template is compiled are what a translation at run time would have said."""

from __future__ import annotations

import pytest
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from services.portal.pages.frame import PAGES
from services.portal.pages.templating import environment_of
from services.portal.static_files import static_url
from services.wording.words import words_of

SOURCES = [
    '<b>{{ _("Sign out") }}</b>',
    "{% trans title=value %}Favourite: {{ title }}{% endtrans %}",
    "{% trans title=value %}100% of {{ title }}, {{ title }}{% endtrans %}",
    '{{ _("Sign out") ~ value }}',
    '{% set said = _("Sign out") %}{{ said }}{{ said|length }}',
    '{% if value == _("Sign out") %}same{% else %}{{ _(value) }}{% endif %}',
    '{{ ngettext("%(num)d request", "%(num)d requests", 2) }}',
    '{{ _("about %(what)s", what=value) }}',
]


def at_run_time(language: str) -> Environment:
    environment = Environment(autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"])
    words = words_of(language, PAGES)
    environment.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
    return environment


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("value", ["Azure", '<i>"x" & 5%</i>', Markup("<i>x</i>"), 7, "%(title)s"])
@pytest.mark.parametrize("source", SOURCES)
def test_a_text_is_the_same_as_if_it_were_asked_at_run_time(source: str, value: object, language: str) -> None:
    if "_(value)" in source and (not isinstance(value, str) or "%" in value):
        value = "Sign in"
    early = environment_of(words_of(language, PAGES)).from_string(source).render(value=value)
    assert early == at_run_time(language).from_string(source).render(value=value)


def test_a_text_that_never_changes_is_a_part_of_the_compiled_template() -> None:
    code = environment_of(words_of("es", PAGES)).compile('{{ _("Sign out") }}{{ static("portal.css") }}', raw=True)
    assert words_of("es", PAGES).say("Sign out") in code
    assert static_url("portal.css") in code
    assert "'_'" not in code
