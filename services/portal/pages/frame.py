"""How does a page come about: template, language, zone, form token, and the frame around it?

    frame_of(request).page(request, "inbox.html.j2", {"rows": rows})

Templates get, beside their own values: `me` (Identity or None), `words` (services.wording), `_` and `{% trans %}`,
`zone`, `language`, `csrf`, `static(name)`, `path`, `notice`. Texts are escaped.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from babel import negotiate_locale
from fastapi import Request
from fastapi.responses import HTMLResponse

from services.portal.access import reader_of
from services.portal.identity import Identity
from services.portal.notices import read_notice
from services.portal.pages.header import header_of, language_buttons
from services.portal.pages.templating import environment_of
from services.portal.ports import PortalOptions
from services.wording.words import SOURCE_LANGUAGE, Catalogue, Words, languages, words_of

PAGES = Catalogue(Path(__file__).parent.parent / "locale", "pages")
LANGUAGE_COOKIE = "referrals_language"
#: Token of forms that nobody is signed in for, and the hours it lives.
FORM_COOKIE, _FORM_S = "referrals_form", 3600


def frame_of(request: Request) -> Frame:
    """The frame of this application."""
    frame: Frame = request.app.state.frame
    return frame


def identity_of(request: Request) -> Identity | None:
    """Who was found to be asking, if the route asked."""
    return getattr(request.state, "identity", None)


def language_of(request: Request) -> str:
    """A user's own choice; else what the browser's person chose here, the mails' language, or the browser's."""
    me = reader_of(request)
    if me is not None and me.session_id is not None:
        return words_of(me.language, PAGES).language
    known = languages(PAGES)
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in known:
        return chosen
    if me is not None:
        return words_of(me.language, PAGES).language
    wanted = [part.partition(";")[0].strip() for part in request.headers.get("accept-language", "")[:200].split(",")]
    return negotiate_locale(wanted, sorted(known), sep="-") or SOURCE_LANGUAGE


def words_for(request: Request) -> Words:
    """The words in the reader's language."""
    return words_of(language_of(request), PAGES)


class Frame:
    """Renders pages."""

    def __init__(self, options: PortalOptions) -> None:
        self._options = options

    def page(
        self,
        request: Request,
        template: str,
        values: Mapping[str, Any] | None = None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
    ) -> HTMLResponse:
        """The page of a template."""
        me, words = identity_of(request), words_for(request)
        token = me.csrf if me is not None and me.csrf else _form_token(request)
        (path, query), notice = _place(request), read_notice(request)
        text = (
            environment_of(words)
            .get_template(template)
            .render(
                {
                    "me": me,
                    "words": words,
                    "language": words.language,
                    "zone": me.time_zone if me else "UTC",
                    "csrf": token,
                    "path": path,
                    "query": query,
                    "notice": notice,
                    "header": header_of(words, me, path),
                    "language_buttons": language_buttons(words, PAGES),
                    **(values or {}),
                }
            )
        )
        response = HTMLResponse(text, status, headers=dict(headers or {}))
        if me is None and request.cookies.get(FORM_COOKIE) != token:
            response.set_cookie(
                FORM_COOKIE, token, max_age=_FORM_S, httponly=True, samesite="lax", secure=self._options.secure
            )
        if notice is not None:
            response.delete_cookie(notice.cookie)
        return response


def _place(request: Request) -> tuple[str, str]:
    """Path and query as `request.url` has them; to put that together takes longer than a part of a page."""
    path: str = request.scope["path"]
    query: bytes = request.scope.get("query_string", b"")
    return path.replace("?", "%3F").replace("#", "%23").replace("\\", "%5C"), query.decode("latin-1")


def _form_token(request: Request) -> str:
    return request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
