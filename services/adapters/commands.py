"""What happens when a person asks something of a referral or a request: load, decide, save, publish.

The conditional save decides every race. Who loses one decides again on what won, and is told by a typed refusal what
that was. Used by the command line, and by whatever else people answer through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from services.adapters.outbox import OutboxRelay
from services.core.codes import PolicyName
from services.core.commands import Command
from services.core.engagement import RfiCommand, decide_rfi
from services.core.errors import DependencyUnavailable, NotFound, Outdated, VersionConflict
from services.core.lifecycle import decide
from services.core.policy import POLICIES, Policy
from services.core.ports import Change, Clock
from services.core.referral import Referral
from services.core.rfi import Rfi
from services.core.stores import ReferralStore, RfiStore

log = structlog.get_logger("commands")

#: How often a command is decided anew when others keep changing the document.
ATTEMPTS = 8


class ReferralCommands:
    """Use cases over the ports: each one change of one document."""

    def __init__(
        self,
        *,
        rfis: RfiStore,
        referrals: ReferralStore,
        relay: OutboxRelay,
        clock: Clock,
        policies: Mapping[PolicyName, Policy] = POLICIES,
    ) -> None:
        self._rfis, self._referrals, self._relay = rfis, referrals, relay
        self._clock, self._policies = clock, policies

    async def execute(
        self,
        referral_id: str,
        command: Command,
        *,
        partner_id: str | None = None,
        by: str | None = None,
        expected: int | None = None,
    ) -> Referral:
        """Carry out a command; returns the referral as it is then.

        Args:
            referral_id: which referral.
            command: what is asked.
            partner_id: of the partner who asks; a referral of another partner is not found. None: an operator asks.
            by: the actor, if another than the command names.
            expected: the version on which the caller decided; with another nothing happens.

        Raises:
            NotFound: there is no such referral, or it is not this partner's.
            TransitionRefused: its state forbids the command, perhaps because somebody else was quicker.
            UndoRefused: there is nothing to undo, or no longer.
            CommandInvalid: the command lacks something.
            Outdated: the referral has another version than the expected one.
            DependencyUnavailable: the database is away; the command may or may not have been carried out.
            VersionConflict: others kept changing it.
        """
        if by is not None:
            command = replace(command, by=by)
        for _ in range(ATTEMPTS):
            referral = await self._referral(referral_id, partner_id)
            if expected not in (None, referral.version):
                raise Outdated(f"referral {referral_id}", referral.version)
            changed = decide(referral, command, self._clock.now(), self._policies[referral.policy])
            if changed is referral:
                return referral
            if (await self._referrals.save([Change(changed, referral.version)])).written:
                await self._tell(changed)
                return changed
        raise VersionConflict(f"referral {referral_id} is being changed by others: try again")

    async def _referral(self, referral_id: str, partner_id: str | None) -> Referral:
        referral = (await self._referrals.load([referral_id], partner_id=partner_id)).get(referral_id)
        # The same answer for a foreign referral as for none: ids tell nothing.
        if referral is None:
            raise NotFound(f"there is no referral {referral_id}")
        return referral

    async def execute_rfi(self, rfi_id: str, command: RfiCommand) -> Rfi:
        """Carry out a customer's decision on the whole request; its referrals follow from the event.

        Raises:
            NotFound: there is no such request.
            TransitionRefused: it was withdrawn, or another partner was chosen, before.
            CommandInvalid: the chosen partner does not have this request.
            DependencyUnavailable: the database is away; the command may or may not have been carried out.
            VersionConflict: others kept changing it.
        """
        for _ in range(ATTEMPTS):
            rfi = (await self._rfis.load([rfi_id])).get(rfi_id)
            if rfi is None:
                raise NotFound(f"there is no request {rfi_id}")
            changed = decide_rfi(rfi, command, self._clock.now())
            if changed is rfi:
                return rfi
            if (await self._rfis.save([Change(changed, rfi.version)])).written:
                await self._tell(changed)
                return changed
        raise VersionConflict(f"request {rfi_id} is being changed by others: try again")

    async def _tell(self, document: Rfi | Referral) -> None:
        """Publish at once. If that fails the command stands all the same: the events lie in the outbox for a sweep."""
        try:
            await self._relay.publish_and_clear([document])
        except DependencyUnavailable as error:
            log.warning("events_left_to_the_relay", document_id=document.id, reason=str(error))
