"""What can be read of something sent whose shape is wrong? The same without what is wrong in it, in a right shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from pydantic import BaseModel

#: Where an error lies beneath a thing, as pydantic says it: names and numbers.
Place = tuple[str | int, ...]


def as_readable(model: type[BaseModel], sent: Any, wrong: Sequence[Place]) -> dict[str, Any]:
    """What was sent for a model, without the fields that are `wrong`.

    Args:
        model: its `stand_ins` (see `v1.wire`) have a value for each field that it can't be without.
        sent: parsed JSON; what is no object reads as empty.
        wrong: places beneath `sent`. A wrong item of a list is left out, but an object in it keeps its number.
    """
    given: Mapping[str, Any] = sent if isinstance(sent, Mapping) and () not in wrong else {}
    made: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        wire = field.alias or name
        beneath = [place[1:] for place in wrong if place[:1] == (wire,)]
        there = wire if wire in given else name
        if there in given and () not in beneath:
            made[wire] = _value(given[there], model_in(field.annotation), beneath)
        elif field.is_required():
            made[wire] = _stand_in(model, name)
    return made


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model that an annotation speaks of: by itself, in a list, or None besides."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in get_args(annotation) if (found := model_in(each)) is not None), None)


def _value(value: Any, inner: type[BaseModel] | None, wrong: Sequence[Place]) -> Any:
    if not wrong:
        return value
    if isinstance(value, list):
        beneath = {number: [place[1:] for place in wrong if place[:1] == (number,)] for number in range(len(value))}
        if inner is None:
            return [each for number, each in enumerate(value) if not beneath[number]]
        return [as_readable(inner, each, beneath[number]) for number, each in enumerate(value)]
    return value if inner is None else as_readable(inner, value, wrong)


def _stand_in(model: type[BaseModel], name: str) -> Any:
    stand_ins: Mapping[str, Any] = getattr(model, "stand_ins", {})
    inner = model_in(model.model_fields[name].annotation)
    return stand_ins[name] if name in stand_ins or inner is None else as_readable(inner, {}, ())
