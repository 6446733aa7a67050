"""How processes tell what they do: events as JSON lines on standard output; nothing personal, ever."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from pathlib import PurePath
from typing import Any, Literal

import structlog

from services.core.errors import ExchangeError

#: Keys that may hold personal data or secrets; their values never reach a log.
_MASKED = frozenset({"email", "phone", "address", "recipient", "first_name", "last_name", "token", "password", "body"})

#: Frames told of each error, the innermost ones.
_FRAMES = 12


def _mask(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in _MASKED & event.keys():
        event[key] = "***"
    return event


def faults_without_words(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put `exception` in the place of `exc_info`: each error of the chain, by kind and by where it was raised.

    Only our own errors keep their words. Those of others may quote the record they choked on: the database's quote
    whole documents.
    """
    found = event.pop("exc_info", None)
    if found:
        error = found if isinstance(found, BaseException) else sys.exc_info()[1]
        if isinstance(found, tuple):
            error = found[1]
        if error is not None:
            event["exception"] = "\n".join(_told(error))
    return event


def _told(error: BaseException) -> Iterator[str]:
    words = f": {error}" if isinstance(error, ExchangeError) else ""
    yield f"{type(error).__name__}{words}"
    for frame in traceback.extract_tb(error.__traceback__)[-_FRAMES:]:
        yield f"  {PurePath(frame.filename).name}:{frame.lineno} {frame.name}"
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _told(each)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield "caused by:"
        yield from _told(cause)


def configure_logging(process: str, instance: str, *, form: Literal["json", "console"], level: str) -> None:
    """Send structlog's and the libraries' records to standard output in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _mask,
    ]
    last = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _mask,
            faults_without_words,
            last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stdout),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process, instance=instance)
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                faults_without_words,
                last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Libraries speak up only when something is wrong; our own events carry the story.
    root.setLevel(logging.WARNING)
