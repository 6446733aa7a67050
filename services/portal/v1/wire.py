"""What do bodies of /v1 share: their spelling, how answers are written, and how a change says what it was made of?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, ClassVar

from fastapi import Header, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.exceptions import HTTPException

from services.portal.conditions import names

_STALE = "it has changed since you read it: read it again, then repeat your change"
_UNSAID = "send the ETag that you read as If-Match, so that no change of others gets lost; `*` changes it as it is"


class Wire(BaseModel):
    """What callers send: camelCase, and nothing that the document does not name.

    `stand_ins` has a value for each field that is needed (a model's own come from it): it is read in its place when the
    field's shape is wrong, so that the rest can be judged, and must make nothing else a problem. See `judging`.
    """

    stand_ins: ClassVar[Mapping[str, Any]] = {}
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


class Told(BaseModel):
    """What callers are told: camelCase; later versions may tell more."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


def _written(value: Any) -> Any:
    # The framework would take numbers for seconds since 1970.
    if isinstance(value, int | float):
        raise ValueError("write an instant with its offset, for example 2026-12-31T18:00:00Z")  # noqa: TRY004 - theirs
    return value


#: An instant that somebody sends; none that arithmetic would fail on.
Instant = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), le=datetime(2200, 1, 1, tzinfo=UTC)),
    BeforeValidator(_written, json_schema_input_type=AwareDatetime),
]
IfMatch = Annotated[str | None, Header(alias="If-Match", max_length=100, description="The ETag of what was read")]


def entity_tag(version: int) -> str:
    """The entity tag of a version."""
    return f'"{version}"'


def check_match(if_match: str | None, version: int, *, needed: bool = False) -> None:
    """Refuse a change that was made of another version than this one.

    Raises:
        HTTPException: 412, it has another version; 428, nothing was said though it is `needed`.
    """
    if if_match is None and needed:
        raise HTTPException(428, _UNSAID)
    if if_match is not None and not names(if_match, entity_tag(version)):
        raise HTTPException(412, _STALE)


def answer(body: BaseModel, status: int = 200, *, version: int | None = None, location: str = "") -> Response:
    """A body as JSON, with the entity tag of a version and the address of what was made."""
    headers = {} if version is None else {"etag": entity_tag(version)}
    if location:
        headers["location"] = location
    text = body.model_dump_json(by_alias=True, exclude_none=True)
    return Response(text, status_code=status, media_type="application/json", headers=headers)


def versioned(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What an operation documents of answers that come with an entity tag."""
    header = {"ETag": {"description": "For the next If-Match", "schema": {"type": "string"}}}
    return {status: {"headers": header} for status in statuses}
