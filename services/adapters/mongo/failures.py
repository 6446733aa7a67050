"""What does an error of the database mean for us: wait, mend the configuration, or a bug?

Everything after which the same operation may work later is `DependencyUnavailable`; whether a write happened is then
not known. What is left over (a malformed query, say) is a bug of ours and passes through as it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    ConnectionFailure,
    DocumentTooLarge,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)

from services.core.errors import DependencyUnavailable, Invalid, Misconfigured

MONGO = "mongo"
DUPLICATE_KEY = 11000

#: Not authorised, authentication failed.
_NOT_ALLOWED = frozenset({13, 18})

#: Server is shutting down, not primary, stepped down, out of disk, time limits: it may answer the next time.
_PASSING = frozenset(
    {6, 7, 43, 50, 63, 64, 79, 89, 91, 133, 134, 189, 202, 262, 9001, 10058, 10107, 11600, 11601, 11602, 13388, 13435}
    | {13436, 14031, 46841}
    # Too much at once: a lock that was not had in time, a conflict of writes, a cache that is full.
    | {24, 112, 365}
)


@contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours.

    Raises:
        DependencyUnavailable: no answer, or one that says "not now".
        Misconfigured: the credentials or the address are wrong.
        Invalid: a document is larger than the database takes.
    """
    try:
        yield
    except DocumentTooLarge as error:
        raise Invalid("a document is larger than the database takes (16 MB)") from error
    except PyMongoError as error:
        if isinstance(error, ConfigurationError):
            raise Misconfigured("the address of MongoDB is not valid: check REFERRALS_MONGO") from error
        code = error.code if isinstance(error, OperationFailure) else None
        if code in _NOT_ALLOWED:
            raise Misconfigured("MongoDB refuses these credentials: check REFERRALS_MONGO") from error
        if is_passing(error):
            raise DependencyUnavailable(MONGO, f"does not answer ({type(error).__name__})") from error
        raise


def is_passing(error: PyMongoError) -> bool:
    """Whether the same operation may work later."""
    if isinstance(error, BulkWriteError):
        details = error.details or {}
        codes = {int(entry.get("code", 0)) for entry in details.get("writeErrors", ())}
        return bool(details.get("writeConcernErrors")) or bool(codes & _PASSING)
    if isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError) or error.timeout:
        return True
    return isinstance(error, OperationFailure) and (
        error.code in _PASSING or error.has_error_label("RetryableWriteError")
    )


def duplicates(error: BulkWriteError) -> set[str] | None:
    """The ids that were there already, when that is all that went wrong; None when there is more."""
    details = error.details or {}
    if details.get("writeConcernErrors"):
        return None
    found: set[str] = set()
    for entry in details.get("writeErrors", ()):
        if entry.get("code") != DUPLICATE_KEY or list(entry.get("keyPattern", ())) != ["_id"]:
            return None
        found.add(str(entry["keyValue"]["_id"]))
    return found
