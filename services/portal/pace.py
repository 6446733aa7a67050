"""May they go on at this pace? Counts requests, in each instance for itself."""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from services.portal.access import TooFast

#: How many times what one person or program may ask all of one partner may ask together.
TOGETHER = 10
#: Wrong tokens, cookies and links that one address may send in a minute before it is told to wait.
WRONG_PER_MINUTE = 60
#: Sign-in mails that one mail address may be sent, and that one network address may ask for.
MAILS_PER_HOUR, ASKED_PER_HOUR = 5, 60
#: Looks at the provider search from one network address; behind a proxy of a company many share one.
SEARCHES_PER_MINUTE = 240
#: Requests sent from the search, by one network address and under one mail address.
SENT_PER_HOUR, SENT_AS_PER_HOUR = 60, 5
#: How often counters that have run out are dropped, seconds.
_SWEPT_EVERY_S = 60.0


class _Counters(MemoryStorage):
    """The library's counters, without its habit of starting a thread at each hit to look for those that have expired.

    A request took as long to start one as to be answered by the database.
    """

    _sweep_at = 0.0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """As the library's; only the event loop's thread counts here, so there is nothing to lock."""
        now = time.time()
        if now >= self._sweep_at:
            self._sweep_at = now + _SWEPT_EVERY_S
            for old in [key for key, until in self.expirations.items() if until <= now]:
                self.clear(old)
        if self.get(key) == 0:
            self.expirations[key] = now + expiry
        self.storage[key] += amount
        return self.storage[key]


class Pace:
    """Limits of the portal; each method raises `TooFast` when it is too much."""

    def __init__(self, requests_per_minute: int) -> None:
        self._requests = RateLimitItemPerMinute(requests_per_minute)
        self._together = RateLimitItemPerMinute(requests_per_minute * TOGETHER)
        self._wrong = RateLimitItemPerMinute(WRONG_PER_MINUTE)
        self._mails, self._asked = RateLimitItemPerHour(MAILS_PER_HOUR), RateLimitItemPerHour(ASKED_PER_HOUR)
        self._searches = RateLimitItemPerMinute(SEARCHES_PER_MINUTE)
        self._sent, self._sent_as = RateLimitItemPerHour(SENT_PER_HOUR), RateLimitItemPerHour(SENT_AS_PER_HOUR)
        self._counter = SlidingWindowCounterRateLimiter(_Counters())

    def request(self, subject: str, partner_id: str | None) -> None:
        """One more request of somebody who is known, and of the partner that this is one of: many share its right."""
        self._count(self._requests, "request", subject)
        if partner_id is not None:
            self._count(self._together, "together", partner_id)

    def wrong(self, address: str) -> None:
        """One more key that nobody has. Only wrong ones are slowed down: behind a proxy many share one address."""
        self._count(self._wrong, "wrong", address)

    def asked(self, address: str) -> None:
        """One more sign-in link asked for from this network address."""
        self._count(self._asked, "asked", address)

    def searched(self, address: str) -> None:
        """One more look at the provider search."""
        self._count(self._searches, "searched", address)

    def sent(self, address: str) -> None:
        """One more form sent from the provider search."""
        self._count(self._sent, "sent", address)

    def may_send(self, email: str) -> bool:
        """Whether one more request may be sent under this mail address, whose owner is mailed about it."""
        return bool(self._counter.hit(self._sent_as, "sent as", email.strip().casefold()))

    def may_mail(self, user_id: str) -> bool:
        """Whether one more sign-in mail may go to this person; told by nothing that the asker sees."""
        return bool(self._counter.hit(self._mails, "mail", user_id))

    def _count(self, limit: RateLimitItem, *who: str) -> None:
        if not self._counter.hit(limit, *who):
            left_s = self._counter.get_window_stats(limit, *who).reset_time - time.time()
            raise TooFast(max(1, math.ceil(left_s)))
