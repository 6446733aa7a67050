"""What do all wire models have in common: spelling, strictness, instants, and how open they are?"""

from __future__ import annotations

from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic.json_schema import GenerateJsonSchema


class Wire(BaseModel):
    """Base of every wire model: frozen, camelCase, no unknown fields, no guessing of types."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
        # Most processes never need most models: their fast paths read and write plain JSON.
        defer_build=True,
    )


class SchemaWithoutFieldTitles(GenerateJsonSchema):
    """JSON Schema without a title for each field, which would only spell its name once more."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - the same for every field
        """Never."""
        return False


class Told(Wire):
    """Base of what the exchange tells: unknown facts are ignored, so that old readers survive a rolling upgrade."""

    model_config = ConfigDict(extra="ignore")


#: Id of a document or event of the exchange: a UUID, derived, lower case.
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]

#: An instant with its offset from UTC, RFC 3339.
Instant = Annotated[AwareDatetime, Field(strict=False)]

#: How often a document had been written when this was told; grows by one each time.
Version = Annotated[int, Field(ge=1)]
