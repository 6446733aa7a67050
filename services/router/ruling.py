"""Which rules does this router match by, and what happens when others are published?

A router takes the published rules up when it starts and keeps them: one process, one version. When it sees that others
hold, it ends itself, and whoever supervises it starts it anew with them. In between two routers may match by two
versions; each routing says which, and what is stored wins.
"""

from __future__ import annotations

import structlog

from services.core.errors import Fatal
from services.core.rules import DEFAULT_RULES, Rules, RuleStore
from services.matching.matcher import Matcher

log = structlog.get_logger("router")


class RulesChanged(Fatal):
    """Others were published: the process must start anew."""


class Ruling:
    """Rules of one router.

    Args:
        rules: where published ones are.
        matcher: ranks by them.
    """

    def __init__(self, rules: RuleStore, matcher: Matcher) -> None:
        self._rules, self._matcher = rules, matcher
        self._taken: Rules | None = None

    async def take_up(self) -> None:
        """Take the rules that hold now; before the first profile. May be repeated.

        Raises:
            DependencyUnavailable: the store does not answer; nothing is taken.
            RulesChanged: others hold than those that were taken.
        """
        if self._taken is not None:
            await self.look()
            return
        rules = await self._in_force()
        self._matcher.take_rules(rules)
        self._taken = rules
        log.info("rules_taken", version=rules.version)

    async def look(self) -> None:
        """See whether the rules still hold; to be repeated every few seconds.

        Raises:
            DependencyUnavailable: the store does not answer; the rules stay.
            RulesChanged: they don't; the process must start anew.
        """
        rules = await self._in_force()
        if self._taken is not None and rules != self._taken:
            raise RulesChanged(f"the rules {rules.version} hold now, {self._taken.version} no longer: starting anew")

    async def _in_force(self) -> Rules:
        published = await self._rules.current()
        return published.rules if published else DEFAULT_RULES
