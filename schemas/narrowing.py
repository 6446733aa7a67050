"""In which ways can a value that one schema allows fail another?

Reads the part of JSON Schema that pydantic writes. A keyword that is not known here counts as a failure when the reader
has it and the writer doesn't have the same, so that nothing slips through.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

#: Keyword: +1 when a larger value is narrower, -1 when a smaller one is.
_BOUNDS = {
    "minLength": 1,
    "minItems": 1,
    "minimum": 1,
    "exclusiveMinimum": 1,
    "maxLength": -1,
    "maxItems": -1,
    "maximum": -1,
    "exclusiveMaximum": -1,
}
_WORDS = {"title", "description", "examples", "$id", "$schema", "$defs", "default", "deprecated"}
_COMPARED = {"type", "enum", "const", "anyOf", "properties", "required", "additionalProperties", "items", *_BOUNDS}


def resolved(schema: Schema, root: Schema) -> Schema:
    """The schema with its reference into `$defs` followed."""
    while "$ref" in schema:
        name = str(schema["$ref"]).removeprefix("#/$defs/")
        schema = {**root["$defs"][name], **{key: value for key, value in schema.items() if key != "$ref"}}
    return schema


class Comparison:
    """In which ways can a value that `writer` allows fail `reader`?"""

    def __init__(self, writer: Schema, reader: Schema, prefix: str) -> None:
        self._writer, self._reader, self._prefix = writer, reader, prefix

    def differences(self) -> list[str]:
        """All of them, as `<JSON pointer>: <prefix><what>`."""
        return [f"{at}: {self._prefix}{what}" for at, what in self._narrowed(self._writer, self._reader, "")]

    def _narrowed(self, writer: Schema, reader: Schema, at: str) -> Iterator[tuple[str, str]]:
        writer, reader = resolved(writer, self._writer), resolved(reader, self._reader)
        if "anyOf" in writer or "anyOf" in reader:
            yield from self._branches(writer, reader, at)
            return
        yield from self._values(writer, reader, at)
        yield from self._bounds(writer, reader, at)
        yield from self._fields(writer, reader, at)
        if "items" in reader:
            yield from self._narrowed(writer.get("items", {}), reader["items"], f"{at}/*")
        for word in sorted((writer.keys() | reader.keys()) - _WORDS - _COMPARED):
            if word in reader and writer.get(word) != reader[word]:
                yield at, f"{word} {reader[word]} is asked for, not {writer.get(word, 'anything')}"

    def _branches(self, writer: Schema, reader: Schema, at: str) -> Iterator[tuple[str, str]]:
        choices = reader.get("anyOf", [reader])
        for branch in writer.get("anyOf", [writer]):
            answers = [list(self._narrowed(branch, choice, at)) for choice in choices]
            if all(answers):
                kind = resolved(branch, self._writer).get("type")
                same = [
                    a for a, c in zip(answers, choices, strict=True) if resolved(c, self._reader).get("type") == kind
                ]
                yield from min(same or [[(at, f"{_shown(branch, self._writer)} is not allowed")]], key=len)

    def _values(self, writer: Schema, reader: Schema, at: str) -> Iterator[tuple[str, str]]:
        written, read = writer.get("type"), reader.get("type")
        if read is not None and written != read and (written, read) != ("integer", "number"):
            yield at, f"the type is {read}, not {written or 'anything'}"
        if (allowed := _choices(reader)) is not None:
            sent = _choices(writer)
            if sent is None:
                yield at, f"only {', '.join(map(str, allowed))} may stand here"
            elif gone := [str(value) for value in sent if value not in allowed]:
                yield at, f"{', '.join(gone)} may not stand here"

    def _bounds(self, writer: Schema, reader: Schema, at: str) -> Iterator[tuple[str, str]]:
        if _choices(writer) is not None:
            return
        for keyword, sign in _BOUNDS.items():
            bound, before = reader.get(keyword), writer.get(keyword)
            if bound is not None and (before is None or (bound - before) * sign > 0):
                yield at, f"{keyword} is {bound}, not {'unbounded' if before is None else before}"

    def _fields(self, writer: Schema, reader: Schema, at: str) -> Iterator[tuple[str, str]]:
        written, read = writer.get("properties", {}), reader.get("properties", {})
        always = set(writer.get("required", ()))
        for name in reader.get("required", ()):
            if name not in always:
                yield f"{at}/{name}", "the field is required"
        for name, field in read.items():
            if name in written:
                yield from self._narrowed(written[name], field, f"{at}/{name}")
        if isinstance(others := reader.get("additionalProperties"), Mapping) and others != writer.get(
            "additionalProperties"
        ):
            yield at, "other fields are bound to another schema"
        if others is False:
            for name in written.keys() - read.keys():
                yield f"{at}/{name}", "the field is not known, and unknown fields are refused"
            if written and writer.get("additionalProperties") is not False:
                yield at, "unknown fields are refused"


def _choices(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _shown(schema: Schema, root: Schema) -> str:
    return str(resolved(schema, root).get("type", "this"))
