"""How does a partner's program say where events are posted, and get again what was given up?

A repeated POST makes a second webhook, which the list shows: its secret is told once, so it can't be told again.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Path, Response
from starlette.exceptions import HTTPException

from services.core.errors import CommandInvalid, Problem, VersionConflict
from services.core.listing import Cursor
from services.core.webhook_addresses import url_problems
from services.core.webhooks import ROTATION, WEBHOOK_LIMIT, Webhook, WebhookStore
from services.portal.access import NotHere, partner, scoped
from services.portal.identity import Identity
from services.portal.judging import judged_by
from services.portal.pages.places import read_place, written
from services.portal.ports import PortalOptions, PortalPorts
from services.portal.v1 import webhook_models as m
from services.portal.v1.paging import USUAL_LIMIT, CursorText, Limit, Pager
from services.portal.v1.route import V1Route, errors, name_methods
from services.portal.v1.wire import IfMatch, answer, check_match, versioned

PATH, DELIVERIES = "/v1/webhooks", "/v1/webhook-deliveries"
#: Bytes of a secret; the specification asks for 24 to 64.
_SECRET_BYTES = 32


async def hook_keeper(
    me: Annotated[Identity, Depends(partner)], _scope: Annotated[Identity, Depends(scoped("webhooks.write"))]
) -> Identity:
    """An admin of a partner, or a program of it with this scope."""
    return me


Me = Annotated[Identity, Depends(hook_keeper)]
WebhookId = Annotated[str, Path(max_length=64)]
DeliveryId = Annotated[str, Path(max_length=64)]


def new_secret() -> str:
    """A secret in the form of the specification."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def router(ports: PortalPorts, options: PortalOptions) -> APIRouter:
    """Routes of webhooks and their deliveries."""
    routes = APIRouter(route_class=V1Route, tags=["webhooks"])
    _add_reading(routes, ports)
    _add_making(routes, ports, options)
    _add_changing(routes, ports, options)
    _add_deliveries(routes, ports, Pager(ports.signer, "deliveries", f"{options.base_url}{DELIVERIES}"))
    return name_methods(routes)


def _add_reading(routes: APIRouter, ports: PortalPorts) -> None:
    @routes.get(PATH, responses=errors(), response_model=m.WebhookListV1, summary="Your webhooks")
    async def listed(me: Me) -> Response:
        found = await ports.webhooks.webhooks_of([_partner(me)])
        return answer(m.WebhookListV1(value=[m.told(each) for each in found]))

    @routes.get(
        f"{PATH}/{{webhook_id}}",
        responses=versioned(200) | errors(404, 422),
        response_model=m.WebhookV1,
        summary="One webhook",
    )
    async def one(webhook_id: WebhookId, me: Me) -> Response:
        return _one(await _own(ports.webhooks, me, webhook_id))


def _add_making(routes: APIRouter, ports: PortalPorts, options: PortalOptions) -> None:
    fit = _judge(options)

    @routes.post(
        PATH,
        status_code=201,
        responses=versioned(201) | errors(409, 413, 422),
        response_model=m.WebhookWithSecretV1,
        summary="Have events posted to an address; the answer holds the secret, once",
    )
    @judged_by(fit)
    async def make(given: m.WebhookGivenV1, me: Me) -> Response:
        await fit(given)
        if len(await ports.webhooks.webhooks_of([_partner(me)])) >= WEBHOOK_LIMIT:
            raise HTTPException(409, f"you have {WEBHOOK_LIMIT} webhooks: remove one first")
        webhook = Webhook(
            id=str(uuid4()),
            partner_id=_partner(me),
            url=given.url,
            events=tuple(dict.fromkeys(given.events)),
            description=given.description,
            secret=new_secret(),
            active=given.active,
            created_at=ports.clock.real_now(),
        )
        await ports.webhooks.put_webhook(webhook)
        address = f"{options.base_url}{PATH}/{webhook.id}"
        return answer(m.told_once(webhook), 201, version=webhook.version, location=address)


def _add_changing(routes: APIRouter, ports: PortalPorts, options: PortalOptions) -> None:
    store, fit = ports.webhooks, _judge(options)

    @routes.put(
        f"{PATH}/{{webhook_id}}",
        responses=versioned(200) | errors(404, 409, 412, 413, 422),
        response_model=m.WebhookV1,
        summary="Change a webhook; one that was switched off goes on when `active` is true",
    )
    @judged_by(fit)
    async def change(webhook_id: WebhookId, given: m.WebhookGivenV1, me: Me, if_match: IfMatch = None) -> Response:
        found = await _own(store, me, webhook_id, if_match)
        await fit(given)
        changed = replace(
            found,
            url=given.url,
            events=tuple(dict.fromkeys(given.events)),
            description=given.description,
            active=given.active,
            disabled_because=None if given.active else found.disabled_because,
            # Somebody looked after it: no need to wait.
            paused_until=None,
            version=found.version + 1,
        )
        return _one(await _put(store, changed))

    @routes.post(
        f"{PATH}/{{webhook_id}}/secret",
        responses=versioned(200) | errors(404, 409, 412, 422),
        response_model=m.WebhookWithSecretV1,
        summary="A new secret; for a day the old one signs too",
    )
    async def rotate(webhook_id: WebhookId, me: Me, if_match: IfMatch = None) -> Response:
        found = await _own(store, me, webhook_id, if_match)
        until = ports.clock.real_now() + ROTATION
        changed = replace(
            found,
            secret=new_secret(),
            old_secret=found.secret,
            old_secret_until=until,
            version=found.version + 1,
        )
        done = await _put(store, changed)
        return answer(m.told_once(done), version=done.version)

    @routes.delete(
        f"{PATH}/{{webhook_id}}", status_code=204, responses=errors(404, 422), summary="Post nothing there any more"
    )
    async def remove(webhook_id: WebhookId, me: Me) -> Response:
        await _own(store, me, webhook_id)
        await store.remove_webhook(webhook_id, _partner(me))
        return Response(status_code=204)


def _add_deliveries(routes: APIRouter, ports: PortalPorts, pager: Pager) -> None:
    @routes.get(
        DELIVERIES,
        responses=errors(422) | {200: {"headers": _NEXT}},
        response_model=m.DeliveryListV1,
        summary="Deliveries that were given up",
    )
    @judged_by(pager.judge)
    async def parked(me: Me, limit: Limit = USUAL_LIMIT, cursor: CursorText = None) -> Response:
        after = read_place(pager.after(cursor))
        found = await ports.webhooks.parked_deliveries(_partner(me), limit + 1, after)
        page, next_ = pager.cut(found, limit, lambda each: written(Cursor(each.at, each.id)))
        response = answer(m.DeliveryListV1(value=[m.delivery_told(each) for each in page]))
        if next_ is not None:
            response.headers["link"] = f'<{next_}>; rel="next"'
        return response

    @routes.post(
        f"{DELIVERIES}/{{delivery_id}}/replay",
        status_code=202,
        responses=errors(404, 409, 422),
        response_model=m.DeliveryV1,
        summary="Try one again that was given up, under its id",
    )
    async def replay(delivery_id: DeliveryId, me: Me) -> Response:
        found = (await ports.webhooks.deliveries([delivery_id], partner_id=_partner(me))).get(delivery_id)
        if found is None:
            raise NotHere("there is no such delivery among yours")
        if not await ports.webhooks.replay_deliveries([delivery_id], _partner(me), ports.clock.real_now()):
            raise HTTPException(409, f"this delivery is {found.state.value}: only one that was given up is replayed")
        now = (await ports.webhooks.deliveries([delivery_id], partner_id=_partner(me))).get(delivery_id, found)
        return answer(m.delivery_told(now), 202)


#: Readers of the first version refuse fields that they do not know, so the next page stands beside the answer.
_NEXT = {"Link": {"description": "The next page, if there is one (`rel=next`)", "schema": {"type": "string"}}}


def _partner(me: Identity) -> str:
    return me.partner_id or ""


def _judge(options: PortalOptions) -> Callable[[m.WebhookGivenV1], Awaitable[None]]:
    """What tells whether a webhook may be as it was sent."""

    async def fit(given: m.WebhookGivenV1) -> None:
        problems: list[Problem] = url_problems(given.url, private=options.webhook_private_addresses)
        if problems:
            raise CommandInvalid(problems)

    return fit


async def _own(store: WebhookStore, me: Identity, id_: str, if_match: str | None = None) -> Webhook:
    """The webhook.

    Raises:
        NotHere: there is none, or it is another partner's.
        HTTPException: 412, it has changed since it was read.
    """
    found = (await store.webhooks([id_], partner_id=_partner(me))).get(id_)
    if found is None:
        raise NotHere("there is no such webhook among yours")
    check_match(if_match, found.version)
    return found


async def _put(store: WebhookStore, changed: Webhook) -> Webhook:
    if not await store.put_webhook(changed):
        raise VersionConflict("it was changed at the same moment: read it again, then repeat your change")
    return changed


def _one(webhook: Webhook) -> Response:
    return answer(m.told(webhook), version=webhook.version)
