"""What the database's errors mean: wait, mend the configuration, or a bug of ours."""

from __future__ import annotations

from typing import Any

import pytest
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    ConfigurationError,
    DocumentTooLarge,
    ExecutionTimeout,
    NetworkTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
    WaitQueueTimeoutError,
    WriteConcernError,
    WTimeoutError,
)

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.failures import duplicates, translated
from services.core.errors import DependencyUnavailable, Invalid, Misconfigured

PASSING: list[PyMongoError] = [
    AutoReconnect("gone"),
    ServerSelectionTimeoutError("nobody"),
    NetworkTimeout("slow"),
    NotPrimaryError("not me"),
    WaitQueueTimeoutError("full"),
    ExecutionTimeout("slow", 50),
    WTimeoutError("slow", 64),
    WriteConcernError("later", 91),
    OperationFailure("shutting down", 11600),
    OperationFailure("disk full", 14031),
    BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64, "errmsg": "slow"}]}),
    BulkWriteError({"writeErrors": [{"code": 10107, "errmsg": "not primary"}], "writeConcernErrors": []}),
    BulkWriteError({"writeErrors": [{"code": 365, "errmsg": "cache full"}], "writeConcernErrors": []}),
    OperationFailure("conflict", 112),
    OperationFailure("lock", 24),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: f"{type(error).__name__}-{error}"[:40])
def test_what_may_work_later_is_unavailability(error: PyMongoError) -> None:
    with pytest.raises(DependencyUnavailable, match="mongo") as raised, translated():
        raise error
    assert raised.value.dependency == "mongo"


@pytest.mark.parametrize("error", [OperationFailure("auth", 18), OperationFailure("no", 13), ConfigurationError("uri")])
def test_what_an_operator_must_mend_says_where(error: PyMongoError) -> None:
    with pytest.raises(Misconfigured, match="REFERRALS_MONGO"), translated():
        raise error


def test_a_document_that_is_too_large_is_invalid() -> None:
    with pytest.raises(Invalid, match="16 MB"), translated():
        raise DocumentTooLarge("20 MB")


def test_what_is_left_is_a_bug_and_passes_as_it_is() -> None:
    with pytest.raises(OperationFailure, match="bad query"), translated():
        raise OperationFailure("bad query", 2)


def taken(key: str = "_id") -> dict[str, Any]:
    return {"code": 11000, "keyPattern": {key: 1}, "keyValue": {key: "x"}}


def test_only_taken_ids_count_as_duplicates() -> None:
    assert duplicates(BulkWriteError({"writeErrors": [taken()]})) == {"x"}
    assert duplicates(BulkWriteError({"writeErrors": [taken(), taken("token_hash")]})) is None
    assert duplicates(BulkWriteError({"writeErrors": [taken(), {"code": 121}]})) is None
    assert duplicates(BulkWriteError({"writeErrors": [taken()], "writeConcernErrors": [{"code": 64}]})) is None


@pytest.mark.parametrize("uri", ["mongodb://user:secret@", "http://secret", "mongodb://h/?w=secret&nonsense"])
def test_a_wrong_address_is_a_configuration_error_without_the_secret_in_it(uri: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        Mongo(uri, "referrals").close()
    assert "secret" not in str(raised.value)
