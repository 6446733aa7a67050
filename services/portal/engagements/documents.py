"""What does the OpenAPI document say of parameters and bodies that are read by hand, so that every problem is told?"""

from __future__ import annotations

from typing import Any

from services.core.codes import CompanySize
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

SHEET_PARAMETERS = [each for each in LIST_PARAMETERS if each["name"] in {"$filter", "$orderby"}]
CSV: dict[str, Any] = {"text/csv": {"schema": {"type": "string"}}}

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


_CODES = {"type": "array", "items": _SOLUTION, "maxItems": 50}
_NAMED = {"type": "string", "minLength": 1, "maxLength": 100}
_POST = {
    "type": "object",
    "required": ["name", "customerProfile", "consent"],
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 300},
        "externalReferenceId": {**_CLEARABLE, "description": "Yours; makes a repeated request the same"},
        "customerProfile": {
            "type": "object",
            "required": ["name", "address", "team"],
            "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 200},
                "size": {"enum": [*(size.value for size in CompanySize), None]},
                "address": {
                    "type": "object",
                    "required": ["country"],
                    "properties": {"country": {"type": "string", "examples": ["ES", "Spain"]}, "state": _CLEARABLE},
                },
                "team": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "required": ["firstName", "lastName", "email"],
                        "properties": {
                            "firstName": _NAMED,
                            "lastName": _NAMED,
                            "email": {"type": "string", "format": "email"},
                            "phoneNumber": _CLEARABLE,
                        },
                    },
                },
            },
        },
        "details": {
            "type": "object",
            "properties": {
                "notes": _CLEARABLE,
                "dealValue": {"type": ["number", "string", "null"]},
                "currency": _CLEARABLE,
                "customerRequestedContact": {"type": ["boolean", "null"]},
                "requirements": {
                    "type": "object",
                    "properties": dict.fromkeys(("industries", "products", "services"), _CODES),
                },
            },
        },
        "consent": {
            "type": "object",
            "required": ["consentToContact", "consentToToShareInfoWithOthers"],
            "properties": {
                "consentToContact": {"const": True},
                "consentToToShareInfoWithOthers": {"const": True},
            },
        },
        "target": {**_CODES, "maxItems": 20, "description": "Partners it is for; none: the best-fitting ones"},
    },
}


def _json(schema: dict[str, Any], *types: str) -> dict[str, Any]:
    return {"required": True, "content": {each: {"schema": schema} for each in types}}


BODIES = {
    "patch": _json(_PATCH, "application/json-patch+json", "application/json"),
    "post": _json(_POST, "application/json"),
    "put": _json(_PUT, "application/json"),
}
