"""Who is calling intake over HTTP, and may they go on at this pace?"""

from __future__ import annotations

import hashlib
import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from services.core.stores import Publisher, PublisherStore

#: Wrong tokens that one address may send in a minute before it is told to wait.
WRONG_TOKENS_PER_MINUTE = 60
#: Longest token looked at.
_TOKEN_LIMIT = 1024


class Denied(Exception):
    """There is no valid token."""


class TooFast(Exception):
    """Too many requests; `retry_after_s` says when to come again."""

    def __init__(self, retry_after_s: int) -> None:
        self.retry_after_s = retry_after_s
        super().__init__(f"too many requests; wait {retry_after_s} seconds")


class Access:
    """Tells publishers by their tokens and counts requests, in each instance for itself."""

    def __init__(self, publishers: PublisherStore, requests_per_minute: int) -> None:
        self._publishers = publishers
        self._limit = RateLimitItemPerMinute(requests_per_minute)
        self._wrong = RateLimitItemPerMinute(WRONG_TOKENS_PER_MINUTE)
        self._counter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def admit(self, authorization: str | None, address: str) -> Publisher:
        """The publisher of this request.

        Raises:
            Denied: no token, or one that nobody has (any more).
            TooFast: this publisher, or this address with wrong tokens, sends too many requests.
            DependencyUnavailable: tokens can't be looked up now.
        """
        scheme, _, token = (authorization or "").partition(" ")
        publisher = None
        if scheme.lower() == "bearer" and 0 < len(token.strip()) <= _TOKEN_LIMIT:
            publisher = await self._publishers.by_token_hash(token_hash(token.strip()))
        if publisher is None:
            # Only wrong tokens are slowed down: behind a proxy many publishers share one address.
            if not self._counter.hit(self._wrong, "wrong-token", address):
                raise TooFast(self._wait(self._wrong, "wrong-token", address))
            raise Denied("send a publisher's token as `Authorization: Bearer <token>`")
        if not self._counter.hit(self._limit, "publisher", publisher.id):
            raise TooFast(self._wait(self._limit, "publisher", publisher.id))
        return publisher

    def _wait(self, limit: RateLimitItemPerMinute, *who: str) -> int:
        return max(1, math.ceil(self._counter.get_window_stats(limit, *who).reset_time - time.time()))


def token_hash(token: str) -> str:
    """How a token is stored. Tokens are long and random, so a plain hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()
