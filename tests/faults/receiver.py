"""A partner's program that webhooks call: a real HTTP server that keeps what it gets, and misbehaves on order."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook as Signer
from standardwebhooks import WebhookVerificationError

from services.engines.locations import LOOPBACK

#: What signs the calls of every webhook of a site.
SECRET = "whsec_" + "c2VjcmV0LW9mLWZhdWx0cw==" * 2


@dataclass(slots=True)
class Receiver:
    """`calls` counts, by `webhook-id`, what arrived whole; `forged` are those whose signature is not ours."""

    port: int = 0
    #: What it answers; None hangs up without a word.
    status: int | None = 204
    calls: Counter[str] = field(default_factory=Counter)
    forged: list[str] = field(default_factory=list)
    #: Answers wait until this is set.
    answers: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def took(self, headers: dict[str, str], body: bytes) -> int | None:
        """Keep a call; the status to answer."""
        id_ = headers.get("webhook-id", "")
        with self._lock:
            self.calls[id_] += 1
            try:
                Signer(SECRET).verify(body, headers)
            except WebhookVerificationError:
                self.forged.append(id_)
        self.answers.wait(60)
        return self.status

    def heal(self) -> None:
        """Answer at once, and well."""
        self.status = 204
        self.answers.set()


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver for as long as the block lasts."""
    receiver = Receiver()
    receiver.heal()

    class Handler(BaseHTTPRequestHandler):
        """One call."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = receiver.took({name.lower(): value for name, value in self.headers.items()}, body)
            if status is None:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Nothing to say."""

        def handle(self) -> None:
            """Callers that are killed hang up in the middle."""
            try:
                super().handle()
            except ConnectionError:
                self.close_connection = True

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    server.daemon_threads = True
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, name="receiver of webhooks", daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.heal()
        server.shutdown()
        server.server_close()
        thread.join(10)
