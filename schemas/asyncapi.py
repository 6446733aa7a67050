"""The AsyncAPI 3 document: every topic, every message with headers and payload, and which process sends or reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from schemas.base import SchemaWithoutFieldTitles
from schemas.registry import FLOWS, GROUPS, MESSAGES, Message, schema_id, wire_type
from schemas.topics import TOPICS, Topic, TopicSpec

Json = dict[str, Any]

_TEXT = {"type": "string", "minLength": 1}
_HEADERS: Json = {
    "type": "object",
    "description": "CloudEvents 1.0 in Kafka's binary mode. Structured mode and plain JSON are read as well.",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type"],
    "properties": {
        "content-type": {"type": "string", "const": "application/json"},
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {
            **_TEXT,
            "description": "together with ce_source the same for the same event, however often it is sent",
        },
        "ce_source": {**_TEXT, "examples": ["urn:referral-exchange"]},
        "ce_type": _TEXT,
        "ce_subject": {**_TEXT, "description": "id of the document it happened to"},
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_dataschema": _TEXT,
        "ce_correlationid": {**_TEXT, "description": "id of the RFI that all of it follows from"},
        "ce_sequence": {**_TEXT, "description": "version of the document, ten digits; grows within one subject"},
        "ce_traceparent": {**_TEXT, "description": "W3C trace context"},
    },
}


def asyncapi() -> Json:
    """The whole document, in a stable order."""
    messages = [message for message in MESSAGES if message.topic is not None]
    models = {message.model for message in messages}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, definitions = models_json_schema(
        [(model, "validation") for model in ordered],
        ref_template="#/components/schemas/{model}",
        schema_generator=SchemaWithoutFieldTitles,
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Referral exchange",
            "version": "1.0.0",
            "description": "RFIs in, the right partners asked, everyone told. Delivery is at least once: "
            "the same event may come again under the same id.",
        },
        "defaultContentType": "application/json",
        "servers": {"local": {"host": "localhost:9092", "protocol": "kafka", "description": "your own Kafka"}},
        "channels": {spec.topic.value: _channel(spec) for spec in TOPICS},
        "operations": dict(_operations()),
        "components": {
            "messages": {message.stem: _message(message) for message in messages},
            "schemas": {"CloudEventHeaders": _HEADERS, **dict(sorted(definitions.get("$defs", {}).items()))},
        },
    }


def _of(topic: Topic) -> Iterable[Message]:
    return (message for message in MESSAGES if message.topic is topic)


def _channel(spec: TopicSpec) -> Json:
    if spec.retention is None:
        configuration: Json = {"cleanup.policy": ["compact"]}
    else:
        milliseconds = int(spec.retention.total_seconds() * 1000)
        configuration = {"cleanup.policy": ["delete"], "retention.ms": milliseconds}
    kafka = {"partitions": spec.partitions, "topicConfiguration": configuration, "bindingVersion": "0.5.0"}
    return {
        "address": spec.topic.value,
        "description": f"{spec.purpose}. Key: {spec.key}.",
        "messages": {m.stem: {"$ref": f"#/components/messages/{m.stem}"} for m in _of(spec.topic)},
        "bindings": {"kafka": kafka},
    }


def _message(message: Message) -> Json:
    headers = {"type": "object", "properties": {"ce_type": {"const": wire_type(message)}}}
    if message.topic is not Topic.RFI_SUBMITTED:
        headers["properties"]["ce_dataschema"] = {"const": schema_id(message)}  # type: ignore[index]
    return {
        "name": wire_type(message),
        "title": message.name,
        "summary": message.summary,
        "contentType": "application/json",
        "headers": {"allOf": [{"$ref": "#/components/schemas/CloudEventHeaders"}, headers]},
        "payload": {"$ref": f"#/components/schemas/{message.model.__name__}"},
        "examples": [
            {"name": path.name.removesuffix(".json"), "payload": json.loads(path.read_text())}
            for path in message.examples()
        ],
    }


def _operations() -> Iterable[tuple[str, Json]]:
    for topic, flow in FLOWS.items():
        for process in flow.senders:
            yield f"{process}.sends.{topic.value}", _operation("send", process, topic)
        for process in flow.readers:
            yield f"{process}.receives.{topic.value}", _operation("receive", process, topic)


def _operation(action: str, process: str, topic: Topic) -> Json:
    operation: Json = {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.value}"},
        "tags": [{"name": process}],
        "messages": [{"$ref": f"#/channels/{topic.value}/messages/{message.stem}"} for message in _of(topic)],
    }
    if action == "receive" and (group := GROUPS.get((process, topic))):
        operation["bindings"] = {"kafka": {"groupId": {"type": "string", "const": group.value}}}
    return operation
