"""How would webhooks be posted if there were no network? The twin of port `WebhookCaller`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from services.core.webhooks import Answer

TAKEN = Answer(status=204)


@dataclass(frozen=True, slots=True)
class Post:
    """One attempt, as it was asked for."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class MemoryWebhookCaller:
    """Receivers answer as `answers` says by URL, and 204 where it says nothing; every attempt is kept in `posts`."""

    def __init__(self) -> None:
        self.posts: list[Post] = []
        self.answers: dict[str, Answer] = {}

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """As the port says."""
        self.posts.append(Post(url, dict(headers), body))
        return self.answers.get(url, TAKEN)

    @property
    def arrived(self) -> list[Post]:
        """The attempts that a receiver got: where none answers, none is."""
        return [each for each in self.posts if self.answers.get(each.url, TAKEN).status is not None]
