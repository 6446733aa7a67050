"""What a program sends in a wrong shape is told: every problem at once, at its place, in plain words."""

from __future__ import annotations

import pytest

from tests.builders import make_partner
from tests.portal.world import Browser, PortalWorld

JSON = {"content-type": "application/json"}


@pytest.fixture
async def crm(world: PortalWorld) -> Browser:
    await world.stores.partners.put_partners([make_partner(1)])
    return await world.program(1, ("users.write", "profiles.write"))


@pytest.mark.parametrize(
    ("body", "status", "pointer", "words"),
    [
        (b'{"name": }', 400, "", "no JSON: look at character 9"),
        (b"[]", 422, "", "send a JSON object"),
        (b"null", 422, "", "send a JSON object"),
        (b'{"name": "\\ud800", "email": "a@b.example"}', 422, "/name", "half a character"),
        (b'{"name": "B", "email": ["a@b.example"]}', 422, "/email", "must be a text"),
        (b'{"name": "B", "email": "a@b.example", "a/b~": 1}', 422, "/a~1b~0", "no such field"),
        (b'{"name": "B"}', 422, "/email", "is needed"),
        (
            b'{"name": "B", "email": "a@b.example", "role": "boss"}',
            422,
            "/role",
            "must be 'admin', 'member' or 'viewer'",
        ),
        (b'{"name": "' + b"B" * 300 + b'", "email": "a@b.example"}', 422, "/name", "must have at most 200 characters"),
    ],
)
async def test_a_wrong_shape_is_told_at_its_place(
    crm: Browser, body: bytes, status: int, pointer: str, words: str
) -> None:
    answer = await crm.post("/v1/users", content=body, headers=JSON)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    (told,) = answer.json()["errors"]
    assert told["pointer"] == pointer
    assert words in told["detail"]


async def test_every_wrong_shape_is_told_at_once(crm: Browser) -> None:
    place = {"country": "ES", "city": 5}
    given = {"serves": [place], "locations": {}, "capacity": 0, "pausedUntil": 7, "active": "yes", "more": 1}
    answer = await crm.put("/v1/profiles/ES", json=given)
    told = {each["pointer"]: each["detail"] for each in answer.json()["errors"]}
    assert told == {
        "/serves/0/city": "must be a text",
        "/locations": "must be a list",
        "/capacity": "must be greater than or equal to 1",
        "/pausedUntil": "write an instant with its offset, for example 2026-12-31T18:00:00Z",
        "/active": "must be true or false",
        "/more": "there is no such field",
    }
