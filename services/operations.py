"""What an operator sets right from the portal: refused RFIs and dead letters given again.

Part of the composition root: the portal knows the port `Operations`; intake and the adapters know how.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.adapters.replaying import OnError, Replayer
from services.bootstrap import World
from services.core.aside import AsideStore
from services.core.ports import Clock, Publisher
from services.core.stores import DeadLetterStore, Refusal, RefusalStore
from services.intake.replay import replay


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorActions:
    """Port `Operations` of the portal."""

    refusals: RefusalStore
    letters: DeadLetterStore
    aside: AsideStore
    publisher: Publisher
    clock: Clock

    async def replay_refusal(self, refusal: Refusal, mended: bytes | None) -> None:
        """Published first, then noted: a crash in between leaves it to be done again, which makes no second RFI."""
        await self.publisher.publish([replay(refusal, mended)])
        await self.refusals.mark_replayed(refusal.id, self.clock.now())

    async def replay_letters(self, ids: Sequence[str]) -> list[tuple[str, str]]:
        """Each to the group that failed, in this order."""
        replayer = Replayer(
            letters=self.letters,
            aside=self.aside,
            publisher=self.publisher,
            now=self.clock.real_now,
            on_error=OnError.CONTINUE,
        )
        return (await replayer.run(ids, lambda _: None)).failed


def operator_actions(world: World) -> OperatorActions:
    """The port over the open world."""
    stores = world.stores
    return OperatorActions(
        refusals=stores.refusals,
        letters=stores.dead_letters,
        aside=stores.aside,
        publisher=world.publisher,
        clock=world.clock,
    )
