"""What does the OpenAPI document say of parameters and bodies that are read by hand, so that every problem is told?"""

from __future__ import annotations

from typing import Any

from services.core.listing import PAGE_LIMIT
from services.portal.engagements.bodies import OPERATIONS
from services.portal.engagements.filters import LENGTH
from services.portal.engagements.wanted import FIELDS, TEXT_LIMIT

LIST_PARAMETERS: list[dict[str, Any]] = [
    {
        "name": "$filter",
        "in": "query",
        "description": "OData: engagementId, status, substatus, updatedDateTime, createdDateTime and "
        "customerProfile/team/any(t: t/email eq '...') with eq, ne, gt, ge, lt, le, and, or, brackets",
        "schema": {"type": "string", "maxLength": LENGTH},
        "example": "status eq 'New' and updatedDateTime ge 2026-03-02T09:00:00Z",
    },
    {
        "name": "$orderby",
        "in": "query",
        "description": "The newest first unless said otherwise",
        "schema": {
            "type": "string",
            "enum": [
                f"{name}{way}" for name in ("createdDateTime", "updatedDateTime") for way in ("", " asc", " desc")
            ],
        },
    },
    {
        "name": "$top",
        "in": "query",
        "description": f"Referrals on a page, {PAGE_LIMIT} at most; the link to the next one keeps it",
        "schema": {"type": "integer", "minimum": 1},
    },
    {
        "name": "$skiptoken",
        "in": "query",
        "description": "Stands in @odata.nextLink; taken as it is",
        "schema": {"type": "string", "maxLength": 200},
    },
]

_TEXT = {"type": "string", "maxLength": TEXT_LIMIT}
_CLEARABLE = {"type": ["string", "null"], "maxLength": TEXT_LIMIT}
_PERSON = {
    "type": "object",
    "properties": {
        "firstName": _TEXT,
        "lastName": _TEXT,
        "email": _TEXT,
        "phoneNumber": _CLEARABLE,
        "contactPreference": {"type": ["object", "null"], "properties": {"locale": {"type": ["string", "null"]}}},
    },
    "required": ["firstName", "lastName", "email"],
}
_PEOPLE = {"type": "array", "items": _PERSON}
_SOLUTION = {"anyOf": [_TEXT, {"type": "object", "properties": {"id": _TEXT}, "required": ["id"]}]}
_AMOUNT = {"type": ["number", "string"]}
_REASON = {"type": ["string", "integer"], "description": "A code of ours, or Partner Center's number of the reason"}

_PATCH = {
    "type": "array",
    "minItems": 1,
    "maxItems": OPERATIONS,
    "items": {
        "type": "object",
        "required": ["op", "path", "value"],
        "properties": {"op": {"enum": ["add", "replace"]}, "path": {"enum": list(FIELDS)}, "value": {}},
    },
    "examples": [
        [
            {"op": "replace", "path": "/status", "value": "Active"},
            {"op": "replace", "path": "/details/dealValue", "value": 10000},
            {"op": "replace", "path": "/details/currency", "value": "EUR"},
            {"op": "replace", "path": "/details/closingDateTime", "value": "2026-05-01T00:00:00Z"},
        ]
    ],
}
_PUT = {
    "type": "object",
    "description": "The referral as it was read, with changes. Other fields than these are ignored.",
    "properties": {
        "status": {"enum": ["New", "Active", "Closed", None]},
        "substatus": _CLEARABLE,
        "statusReason": {"type": [*_REASON["type"], "null"]},
        "name": _CLEARABLE,
        "externalReferenceId": _CLEARABLE,
        "campaignId": _CLEARABLE,
        "referralProgram": _CLEARABLE,
        "salesStage": {"enum": ["Qualify", "Develop", "Propose", "Close", None]},
        "favorite": {"type": ["boolean", "null"]},
        "team": {"type": ["array", "null"], "items": _PERSON},
        "customerProfile": {
            "type": ["object", "null"],
            "properties": {"team": {"type": ["array", "null"], "items": _PERSON}},
        },
        "details": {
            "type": ["object", "null"],
            "properties": {
                "notes": _CLEARABLE,
                "dealValue": {"type": [*_AMOUNT["type"], "null"]},
                "currency": _CLEARABLE,
                "closingDateTime": _CLEARABLE,
                "requirements": {
                    "type": ["object", "null"],
                    "properties": {"solutions": {"type": ["array", "null"], "items": _SOLUTION}},
                },
            },
        },
        "consent": {
            "type": ["object", "null"],
            "properties": {"consentToShareReferralWithMicrosoftSellers": {"type": ["boolean", "null"]}},
        },
    },
}


def _json(schema: dict[str, Any], *types: str) -> dict[str, Any]:
    return {"required": True, "content": {each: {"schema": schema} for each in types}}


BODIES = {
    "patch": _json(_PATCH, "application/json-patch+json", "application/json"),
    "put": _json(_PUT, "application/json"),
}
