"""The OpenAPI document follows the code, and a change that breaks a client is found out."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from services.openapi import CURRENT, RELEASED, breaks, current, main

LIST = "/v1.0/engagements/referrals"
ONE = f"{LIST}/{{referral_id}}"


@pytest.fixture(scope="module")
def released() -> dict[str, Any]:
    return current()


def test_what_lies_in_docs_follows_from_the_code_and_breaks_nothing() -> None:
    assert main(["--check"]) == 0


def test_a_stale_document_and_a_broken_release_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], tmp_path) == 1
    assert "stale" in capsys.readouterr().err
    assert main(["--release"], tmp_path) == 0
    assert main(["--check"], tmp_path) == 0
    older = json.loads((tmp_path / RELEASED).read_text())
    older["paths"]["/v1/gone"] = {"get": {"responses": {}}}
    (tmp_path / RELEASED).write_text(json.dumps(older))
    assert main(["--check"], tmp_path) == 1
    assert "GET /v1/gone: the operation was removed" in capsys.readouterr().err
    before = (tmp_path / RELEASED).read_text()
    assert main(["--release"], tmp_path) == 1
    assert (tmp_path / RELEASED).read_text() == before
    assert (tmp_path / CURRENT).exists()


def test_only_programs_operations_are_told_and_each_says_who_may_ask(released: dict[str, Any]) -> None:
    assert all(path.startswith(("/v1/", "/v1.0/", "/oauth/")) for path in released["paths"])
    for path, operations in released["paths"].items():
        for operation in operations.values():
            assert path.startswith("/oauth/") or operation["security"] == [{"bearer": []}]
    assert "HTTPValidationError" not in json.dumps(released)


def test_an_addition_breaks_nobody(released: dict[str, Any]) -> None:
    new = copy.deepcopy(released)
    new["paths"]["/v1/new"] = {"get": {"responses": {}}}
    new["paths"][LIST]["get"]["parameters"].append({"in": "query", "name": "more"})
    new["components"]["schemas"]["ReferralV1"]["properties"]["more"] = {"type": "string"}
    assert list(breaks(released, new)) == []


def test_each_way_to_break_a_client_is_found(released: dict[str, Any]) -> None:
    new = copy.deepcopy(released)
    listing, patch = new["paths"][LIST]["get"], new["paths"][ONE]["patch"]
    listing["parameters"] = [each for each in listing["parameters"] if each["name"] != "$top"]
    listing["parameters"].append({"in": "header", "name": "X-New", "required": True})
    del patch["responses"]["204"]
    del patch["requestBody"]["content"]["application/json-patch+json"]
    del new["components"]["schemas"]["ReferralV1"]["properties"]["eTag"]
    found = "\n".join(breaks(released, new))
    for expected in (
        f"GET {LIST} query $top: the parameter was removed",
        f"GET {LIST} header X-New: a new parameter is required",
        f"PATCH {ONE} 204: the answer was removed",
        f"PATCH {ONE} request application/json-patch+json: is not spoken any more",
        f"GET {ONE} 200 /eTag: the field was removed",
    ):
        assert expected in found
