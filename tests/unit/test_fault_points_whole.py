"""Is there a fault point at every write? What writes is found in the adapters' own source, so none can be forgotten."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from textwrap import dedent
from types import FunctionType, ModuleType
from typing import Any

import services.adapters.mongo as package
from services.adapters.fault_points import WRITES
from services.adapters.kafka.producer import KafkaPublisher
from services.adapters.kafka.submitted import KafkaSubmittedLog
from services.adapters.mail.smtp import SmtpMailer
from services.adapters.mongo.driver import Collection
from services.adapters.mongo.stores import MongoStores, stores_of
from services.adapters.webhook_http import HttpWebhookCaller

#: What `Collection` offers and what of it only reads; whatever else it has, or will have, is a write.
READING = {
    *("get", "by_ids", "naive_by_ids", "find", "find_encoded", "count", "count_keys", "distinct", "aggregate"),
    *("name", "ensure"),  # Indexes are made at the start, before there is work.
}
WRITING = {name for name in vars(Collection) if not name.startswith("_")} - READING

#: The ports that are no stores, and what each of their methods does.
OTHERS: dict[str, tuple[type, dict[str, bool]]] = {
    "publisher": (KafkaPublisher, {"start": False, "publish": True, "stop": False}),
    "submitted": (KafkaSubmittedLog, {"ends": False, "delete_before": True}),
    "mailer": (SmtpMailer, {"send": True, "close": False}),
    "caller": (HttpWebhookCaller, {"post": True, "close": False}),
}


class _NoDatabase:
    def collection(self, _name: str) -> object:
        return object()


def stores() -> dict[str, type]:
    made = stores_of(_NoDatabase())  # type: ignore[arg-type]
    return {each.name: type(getattr(made, each.name)) for each in fields(MongoStores)}


def public(kind: type) -> dict[str, FunctionType]:
    found = inspect.getmembers(kind, inspect.isfunction)
    return {name: function for name, function in found if not name.startswith("_")}


@cache
def writes(function: FunctionType, of: type | None) -> bool:
    """Whether the function, or anything of our own that it calls, calls what writes."""
    module = inspect.getmodule(function)
    assert module is not None
    called = list(_calls(function))
    if any(name in WRITING for _, name in called):
        return True
    return any(
        writes(other, of)
        for owner, name in called
        if (other := _ours(module, of, owner, name)) is not None and other is not function
    )


def _calls(function: FunctionType) -> Iterator[tuple[str, str]]:
    """What is called: whose it is ("" for a plain function), and its name."""
    for node in ast.walk(ast.parse(dedent(inspect.getsource(function)))):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield ast.unparse(node.func.value), node.func.attr
            else:
                yield "", ast.unparse(node.func)


def _ours(module: ModuleType, of: type | None, owner: str, name: str) -> FunctionType | None:
    found: Any = None
    if owner == "self":
        found = getattr(of, name, None)
    elif owner == "":
        found = getattr(module, name, None)
    elif isinstance(other := getattr(module, owner, None), ModuleType):
        found = getattr(other, name, None)
    ours = inspect.isfunction(found) and found.__module__.startswith(package.__name__)
    return found if ours else None


def test_every_method_of_a_store_that_writes_has_its_points_and_no_other() -> None:
    found = {name: {each for each, it in public(kind).items() if writes(it, kind)} for name, kind in stores().items()}
    wanted = {name: set(points) for name, points in WRITES.items() if name not in OTHERS}
    assert {name: each for name, each in found.items() if each} == wanted


def test_every_method_of_the_other_ports_is_known() -> None:
    for name, (kind, methods) in OTHERS.items():
        assert set(public(kind)) == set(methods), name
        assert WRITES[name] == {each for each, writing in methods.items() if writing}, name


def test_writes_are_found_behind_functions_and_in_private_methods() -> None:
    kinds = stores()
    assert writes(public(kinds["rfis"])["save"], kinds["rfis"]), "through guarded.save"
    assert writes(public(kinds["jobs"])["claim"], kinds["jobs"]), "through its own _take"
    assert not writes(public(kinds["rfis"])["load"], kinds["rfis"])
