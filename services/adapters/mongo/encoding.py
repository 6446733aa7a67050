"""How do values become BSON, and what comes back?"""

from __future__ import annotations

from datetime import UTC, date
from decimal import Decimal
from typing import Any, TypeAlias

import bson
from bson.codec_options import CodecOptions, TypeRegistry

Doc: TypeAlias = dict[str, Any]


def _plain(value: object) -> str:
    """BSON has no decimal fraction that is exact to any length and no date without a time: both as ISO text."""
    if isinstance(value, Decimal | date):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be stored")


#: How values become BSON: aware datetimes in UTC both ways, `Decimal` and `date` as text.
CODECS: CodecOptions[Doc] = CodecOptions(
    tz_aware=True, tzinfo=UTC, uuid_representation=4, type_registry=TypeRegistry(fallback_encoder=_plain)
)
#: The same, but instants are read without their zone: a referral in a third of the time. `Codec` adds the zone.
NAIVE: CodecOptions[Doc] = CODECS.with_options(tz_aware=False, tzinfo=None)


def decoded(doc: bytes) -> Doc:
    """The document of some bytes; its instants (UTC) lack the zone."""
    return bson.decode(doc, NAIVE)
