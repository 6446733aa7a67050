"""The pages of signing in and out, and of the language."""

from __future__ import annotations

import hmac
from dataclasses import replace
from typing import Annotated

import structlog
from fastapi import APIRouter, BackgroundTasks, Depends, Request, Response
from fastapi.responses import RedirectResponse

from services.core.errors import VersionConflict
from services.core.mail import is_mailbox
from services.core.ports import Change
from services.portal.access import Denied, Forbidden, NotHere, Why, signed_in
from services.portal.doors import address_of, session_cookie
from services.portal.forms import CSRF_FIELD, check_origin, own_path
from services.portal.identity import Identity, IdentityKind
from services.portal.notices import go_on
from services.portal.oidc import OIDC_COOKIE, OIDC_S, NotVouched, OidcClient
from services.portal.pace import Pace
from services.portal.pages.frame import FORM_COOKIE, LANGUAGE_COOKIE, PAGES, frame_of, identity_of, words_for
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.sign_in import SignedIn, SignIn
from services.wording.words import _, languages

log = structlog.get_logger("portal.sign_in")

_YEAR_S = 365 * 24 * 3600
HOME = {IdentityKind.PARTNER: "/inbox", IdentityKind.OPERATOR: "/operator", IdentityKind.CUSTOMER: "/"}


def router(ports: PortalPorts, options: PortalOptions, pace: Pace) -> APIRouter:
    """All routes of signing in."""
    routes = APIRouter(include_in_schema=False)
    sign_in = SignIn(ports, options, pace)
    _add_start(routes, options)
    _add_links(routes, sign_in, options, pace)
    _add_session(routes, ports, sign_in, options)
    if options.oidc is not None:
        _add_oidc(routes, OidcClient(options.oidc, options.base_url, ports.signer), sign_in, options)
    return routes


def _add_start(routes: APIRouter, options: PortalOptions) -> None:
    @routes.get("/")
    async def start(request: Request) -> Response:
        try:
            me = await signed_in(request)
        except Denied:
            return RedirectResponse("/sign-in", 303)
        return RedirectResponse(HOME[me.kind], 303)

    @routes.get("/sign-in")
    async def form(request: Request) -> Response:
        next_path = own_path(request.query_params.get("next"))
        return _form_page(request, options, next_path)


def _form_page(
    request: Request, options: PortalOptions, next_path: str, *, email: str = "", problem: str = "", status: int = 200
) -> Response:
    values = {"next_path": next_path, "email": email, "problem": problem, "oidc": options.oidc}
    return frame_of(request).page(request, "sign_in.html.j2", values, status=status)


async def _anonymous_form(request: Request) -> dict[str, str]:
    """The fields of a form that nobody is signed in for: it carries the token of this browser's cookie.

    Raises:
        Forbidden: it does not; so a scanner that posts to a link changes nothing.
    """
    check_origin(request)
    fields = {key: value for key, value in (await request.form()).items() if isinstance(value, str)}
    cookie = request.cookies.get(FORM_COOKIE, "")
    if not cookie or not hmac.compare_digest(cookie.encode(), fields.get(CSRF_FIELD, "").encode()):
        words = "this page is too old, or your browser refuses cookies: load the page again"
        raise Forbidden(words, why=Why.STALE)
    return fields


def _add_links(routes: APIRouter, sign_in: SignIn, options: PortalOptions, pace: Pace) -> None:
    @routes.post("/sign-in")
    async def ask(request: Request, after: BackgroundTasks) -> Response:
        fields = await _anonymous_form(request)
        pace.asked(address_of(request))
        email, next_path = fields.get("email", "").strip()[:320], own_path(fields.get("next"))
        if not is_mailbox(email):
            words = words_for(request).say(_("Enter your mail address, for example name@company.example."))
            return _form_page(request, options, next_path, email=email, problem=words, status=422)
        # After the answer, which so takes the same time for addresses that nobody has.
        after.add_task(sign_in.mail_link, email, next_path)
        values = {"email": email, "minutes": int(options.sign_in_link.total_seconds() // 60)}
        answer = frame_of(request).page(request, "sign_in_sent.html.j2", values)
        answer.background = after
        return answer

    @routes.get("/sign-in/link/{token}")
    async def look(request: Request, token: str) -> Response:
        good = await sign_in.link(token) is not None
        return frame_of(request).page(request, "sign_in_link.html.j2", {"good": good}, status=200 if good else 410)

    @routes.post("/sign-in/link/{token}")
    async def use(request: Request, token: str) -> Response:
        await _anonymous_form(request)
        made = await sign_in.use_link(token)
        if made is None:
            return frame_of(request).page(request, "sign_in_link.html.j2", {"good": False}, status=410)
        return _with_session(made, options)


def _with_session(made: SignedIn, options: PortalOptions) -> Response:
    response = go_on(made.next_path)
    response.set_cookie(
        session_cookie(options),
        made.cookie,
        max_age=int(options.session.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=options.secure,
    )
    response.delete_cookie(FORM_COOKIE)
    return response


def _add_session(routes: APIRouter, ports: PortalPorts, sign_in: SignIn, options: PortalOptions) -> None:
    @routes.post("/sign-out")
    async def sign_out(me: Annotated[Identity, Depends(signed_in)]) -> Response:
        if me.session_id is None:
            raise NotHere("only browsers have sessions")
        await sign_in.end_session(me.session_id)
        response = go_on("/sign-in", "signed-out")
        response.delete_cookie(session_cookie(options), secure=options.secure, httponly=True, samesite="lax")
        return response

    @routes.post("/language")
    async def choose(request: Request) -> Response:
        check_origin(request)
        form = await request.form()
        language, back = str(form.get("language", "")), own_path(str(form.get("next", "")))
        if language not in languages(PAGES):
            raise NotHere("there is no such language")
        try:
            await signed_in(request)
        except Denied:
            log.debug("language_of_nobody")
        await _keep_language(ports, identity_of(request), language)
        response = go_on(back)
        response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR_S, samesite="lax", httponly=True)
        return response


async def _keep_language(ports: PortalPorts, me: Identity | None, language: str) -> None:
    """Write a user's language down; of two changes at once the other one stands, and the person sees which."""
    if me is None or me.session_id is None:
        return
    user = (await ports.users.load([me.subject])).get(me.subject)
    if user is None or user.language == language:
        return
    changed = replace(user, language=language, version=user.version + 1)
    if (await ports.users.save([Change(changed, user.version)])).conflicts:
        raise VersionConflict("somebody changed your settings at the same moment: try again")


def _add_oidc(routes: APIRouter, oidc: OidcClient, sign_in: SignIn, options: PortalOptions) -> None:
    @routes.get("/sign-in/oidc")
    async def go(request: Request) -> Response:
        # Only to this browser's cookie is anything written; what the provider answers is what counts.
        next_path = own_path(request.query_params.get("next"))
        going = await oidc.go(next_path if len(next_path) < 500 else "/")  # noqa: PLR2004 - a cookie holds 4 KB
        response = RedirectResponse(going.url, 303)
        response.set_cookie(
            OIDC_COOKIE,
            going.cookie,
            max_age=OIDC_S,
            httponly=True,
            samesite="lax",
            secure=options.secure,
            path="/sign-in/oidc",
        )
        return response

    @routes.get("/sign-in/oidc/callback")
    async def come_back(request: Request) -> Response:
        state, cookie = request.query_params.get("state", ""), request.cookies.get(OIDC_COOKIE, "")
        say = words_for(request).say
        try:
            email, next_path = await oidc.come_back(request.url.query, state, cookie)
        except NotVouched as error:
            log.info("oidc_not_vouched", reason=str(error))
            words = say(_("The sign-in was not completed. Try again, or ask for a link by mail."))
            return _form_page(request, options, "/", problem=words, status=401)
        user = await sign_in.user(email)
        if user is None:
            words = say(_("This address is not known here. Ask an admin of your team to add you."))
            return _form_page(request, options, "/", problem=words, status=403)
        response = _with_session(SignedIn(await sign_in.open_session(user), own_path(next_path)), options)
        response.delete_cookie(OIDC_COOKIE, path="/sign-in/oidc")
        return response
