"""Is what version 0.1.0 wrote read by this one, and does what this one writes keep what 0.1.0 must find?

The files under tests/golden were written by 0.1.0 itself, from whole lives in memory; they are never made anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bson import json_util
from jsonschema import Draft202012Validator

from schemas.registry import MESSAGES
from services.adapters.mongo.documents import JOBS, PARTNERS, PROFILES, REFERRALS, RFIS, Codec, through_bson
from services.adapters.wire import event_of, profile_of, tick_of
from services.core.ports import Record
from tests.builders import START

ROOT = Path(__file__).parent.parent
GOLDEN = ROOT / "golden"
RELEASED = ROOT.parent / "schemas" / "released"
VERSION = "0.1.0"

CODECS: dict[str, Codec[Any]] = {
    "rfis": RFIS,
    "referrals": REFERRALS,
    "send_jobs": JOBS,
    "partners": PARTNERS,
    "profiles": PROFILES,
}
READERS = {
    "rfi.accepted": event_of,
    "engagement.events": event_of,
    "referral.events": event_of,
    "partner.profiles": profile_of,
    "clock.ticks": tick_of,
}
OPTIONS = json_util.JSONOptions(json_mode=json_util.JSONMode.RELAXED, tz_aware=True)

Doc = dict[str, Any]


def documents(collection: str) -> list[Doc]:
    text = (GOLDEN / "documents" / VERSION / f"{collection}.json").read_text("utf-8")
    docs: list[Doc] = json_util.loads(text, json_options=OPTIONS)
    return [through_bson(doc) for doc in docs]


def records(topic: str) -> list[Record]:
    rows = json.loads((GOLDEN / "messages" / VERSION / f"{topic}.json").read_text("utf-8"))
    return [
        Record(
            topic=topic,
            partition=0,
            offset=number,
            timestamp=START,
            key=row["key"].encode(),
            value=json.dumps(row["value"]).encode(),
            headers=tuple((name, value.encode()) for name, value in row["headers"].items()),
        )
        for number, row in enumerate(rows)
    ]


def kept(old: Any, new: Any) -> Any:
    """Of the new value what the old one has too: fields that came since are left out, so that 0.1.0 reads the rest."""
    if isinstance(old, dict) and isinstance(new, dict):
        return {name: kept(old[name], new[name]) for name in old if name in new}
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return [kept(before, after) for before, after in zip(old, new, strict=True)]
    return new


@pytest.mark.parametrize("collection", CODECS)
def test_documents_of_the_version_before_are_read_and_written_back_whole(collection: str) -> None:
    codec = CODECS[collection]
    docs = documents(collection)
    assert docs
    for doc in docs:
        again = through_bson(codec.to_doc(codec.from_doc(doc)))
        assert kept(doc, again) == doc


@pytest.mark.parametrize("collection", CODECS)
def test_a_field_that_only_a_newer_version_knows_is_no_hindrance(collection: str) -> None:
    for doc in documents(collection):
        CODECS[collection].from_doc({**doc, "invented_later": {"a": 1}})


@pytest.mark.parametrize("topic", READERS)
def test_messages_of_the_version_before_are_read(topic: str) -> None:
    found = records(topic)
    assert found
    for record in found:
        assert READERS[topic](record) is not None


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.name)
def test_what_is_written_today_keeps_to_the_released_schema(message: Any) -> None:
    released = RELEASED / f"{message.name}.v{message.version}.schema.json"
    if not released.exists():
        return  # A message that 0.1.0 did not have.
    validator = Draft202012Validator(json.loads(released.read_text("utf-8")))
    for path in message.examples():
        assert not list(validator.iter_errors(json.loads(path.read_text("utf-8"))))


def test_examples_of_the_version_before_still_validate() -> None:
    examples = json.loads((GOLDEN / "messages" / VERSION / "examples.json").read_text("utf-8"))
    by_name = {f"{message.name}.v{message.version}": message for message in MESSAGES}
    assert examples
    for name, example in examples.items():
        stem = name.partition(".v")[0] + ".v" + name.partition(".v")[2].split(".")[0]
        by_name[stem].model.model_validate_json(json.dumps(example))
