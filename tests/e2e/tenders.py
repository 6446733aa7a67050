"""What would their publishers have sent? Rows of the real requests as releases of the Open Contracting Data Standard.

The data lies beside the project and is no part of it (see its README for licences): where it is absent, tests that
want it are skipped. Nothing is mended here: typing errors, broken characters and foreign codes go through as they are.
"""

from __future__ import annotations

import lzma
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

#: Beside the project's root, in a checkout that has it.
DATA = Path(__file__).parent.parent.parent.parent / "shared" / "data"
REQUESTS, SUPPLIERS = DATA / "requests.jsonl.xz", DATA / "suppliers.jsonl.xz"

Row = Mapping[str, Any]


def rows_of(path: Path) -> Iterator[Row]:
    """Every row of a packed file of JSON lines."""
    with lzma.open(path) as lines:
        for line in lines:
            yield orjson.loads(line)


def release_of(row: Row, suppliers: Mapping[str, Row]) -> dict[str, Any]:
    """A request and its awards as a compiled release."""
    awarded = [suppliers[id_] for id_ in row.get("awarded") or []]
    return {
        "ocid": row["id"],
        "id": f"{row['id']}-compiled",
        "date": row["date"],
        "tag": ["compiled"],
        "language": row["language"],
        "buyer": {"id": "buyer", "name": row["buyer"]},
        "tender": _tender(row),
        "parties": [_buyer(row), *(_supplier(s) for s in awarded)],
        "awards": [{"id": "award", "suppliers": [{"id": s["id"], "name": s.get("name")} for s in awarded]}],
    }


def _tender(row: Row) -> dict[str, Any]:
    codes = row.get("classification") or []
    return {
        "id": row["id"],
        "title": row["title"],
        "description": row.get("description"),
        "status": "complete" if row.get("awarded") else "active",
        # Published amounts may lack their currency and the reverse; the importer has to cope.
        "value": {"amount": row.get("value"), "currency": row.get("currency")},
        "items": [
            {"id": str(n), "classification": {"scheme": c["scheme"], "id": c["id"], "description": c.get("label")}}
            for n, c in enumerate(codes)
        ],
    }


def _buyer(row: Row) -> dict[str, Any]:
    # Where the ISO code is not known publishers write the region's name, or a code of another scheme.
    region = row.get("region_code") or row.get("region")
    return {
        "id": "buyer",
        "name": row["buyer"],
        "roles": ["buyer"],
        "address": {
            "countryCode": row["country"],
            "region": region,
            "locality": row.get("place"),
            "postalCode": row.get("postcode"),
        },
    }


def _supplier(supplier: Row) -> dict[str, Any]:
    return {
        "id": supplier["id"],
        "name": supplier.get("name"),
        "roles": ["supplier"],
        "address": {
            "countryCode": supplier["country"],
            "region": supplier.get("region"),
            "locality": supplier.get("place"),
        },
    }
