"""The generated documents: up to date, well formed, and without a break of what was released."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas import generate
from schemas.asyncapi import asyncapi
from schemas.registry import FLOWS, MESSAGES, wire_type
from schemas.topics import TOPICS


def test_what_is_committed_is_what_the_models_say() -> None:
    assert generate.stale(generate.documents(generate.HERE), generate.HERE) == []


def test_nothing_that_was_released_is_broken() -> None:
    assert generate.breaks(generate.HERE) == []


def test_every_message_is_released_or_new_and_every_schema_is_a_schema() -> None:
    for message in MESSAGES:
        Draft202012Validator.check_schema(generate.schema_of(message))
    names = {f"{message.stem}.schema.json" for message in MESSAGES}
    assert {path.name for path in generate.HERE.released.glob("*.schema.json")} <= names


@pytest.fixture
def elsewhere(tmp_path: Path) -> generate.Places:
    return generate.Places(tmp_path / "generated", tmp_path / "released", tmp_path / "docs" / "events.md")


def test_check_names_what_is_stale_missing_or_left_over(
    elsewhere: generate.Places, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main([], elsewhere) == 0
    assert generate.main(["--check"], elsewhere) == 0
    (elsewhere.generated / "asyncapi.json").write_text("{}")
    (elsewhere.generated / "old.v1.schema.json").write_text("{}")
    elsewhere.events_page.unlink()
    capsys.readouterr()
    assert generate.main(["--check"], elsewhere) == 1
    told = capsys.readouterr().err
    assert all(name in told for name in ("asyncapi.json", "old.v1.schema.json", "events.md"))
    assert generate.main([], elsewhere) == 0
    assert generate.main(["--check"], elsewhere) == 0
    assert not (elsewhere.generated / "old.v1.schema.json").exists()


def test_a_break_of_a_released_message_fails_the_check_and_is_not_released(
    elsewhere: generate.Places, capsys: pytest.CaptureFixture[str]
) -> None:
    assert generate.main(["--release"], elsewhere) == 0
    path = elsewhere.released / "clock.tick.v1.schema.json"
    schema = json.loads(path.read_text())
    schema["properties"]["zone"] = {"type": "string"}
    path.write_text(json.dumps(schema))
    (elsewhere.released / "gone.v1.schema.json").write_text("{}")
    assert generate.main(["--check"], elsewhere) == 1
    told = capsys.readouterr().err
    assert "clock.tick.v1.schema.json /zone: the field was removed" in told
    assert "gone.v1.schema.json: the message was removed" in told
    assert generate.main(["--release"], elsewhere) == 1
    assert "zone" in path.read_text()


def references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*(references(value) for value in node.values()))
    return set().union(*map(references, node)) if isinstance(node, list) else set()


def at(document: Any, reference: str) -> Any:
    for step in reference.removeprefix("#/").split("/"):
        document = document[step]
    return document


def test_the_asyncapi_document_has_every_topic_message_and_operation_and_no_dangling_reference() -> None:
    document = asyncapi()
    assert document["asyncapi"] == "3.0.0"
    assert set(document["channels"]) == {spec.topic.value for spec in TOPICS}
    told = {message["name"] for message in document["components"]["messages"].values()}
    assert told == {wire_type(message) for message in MESSAGES if message.topic is not None}
    assert len(document["operations"]) == sum(len(flow.senders) + len(flow.readers) for flow in FLOWS.values())
    for operation in document["operations"].values():
        channel = at(document, operation["channel"]["$ref"])
        allowed = {f"{operation['channel']['$ref']}/messages/{name}" for name in channel["messages"]}
        assert {message["$ref"] for message in operation["messages"]} == allowed
    for reference in references(document):
        assert at(document, reference) is not None


def test_the_payloads_of_the_asyncapi_document_accept_its_examples() -> None:
    document = asyncapi()
    for message in document["components"]["messages"].values():
        schema = {**message["payload"], "components": document["components"]}
        for example in message["examples"]:
            Draft202012Validator(schema).validate(example["payload"])
