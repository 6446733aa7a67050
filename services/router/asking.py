"""How do chosen partners get their referrals, once, and lose them again when the customer has decided meanwhile?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from services.core.codes import PolicyName, RfiState
from services.core.commands import Withdraw
from services.core.creation import asked_at, new_referral
from services.core.engagement import overtaken_command
from services.core.policy import Policy
from services.core.referral import Referral
from services.core.rfi import Chosen, Rfi
from services.core.stores import ReferralStore, RfiStore
from services.router.closing import Closing

log = structlog.get_logger("router")

#: The policy under which each of these profiles (ids) gets referrals.
PolicyNames = Callable[[Sequence[str]], Awaitable[Mapping[str, PolicyName]]]

_OVERTAKEN = frozenset({RfiState.WITHDRAWN, RfiState.CHOSEN})


class Asking:
    """Stores the referrals that routings ask for. Every step may be repeated at any time.

    Args:
        rfis: the requests.
        referrals: the referrals.
        policy_names: policies of profiles, the matcher's or the store's.
        policies: periods of each policy.
        closing: withdraws referrals that a customer's decision has overtaken.
    """

    def __init__(
        self,
        *,
        rfis: RfiStore,
        referrals: ReferralStore,
        policy_names: PolicyNames,
        policies: Mapping[PolicyName, Policy],
        closing: Closing,
    ) -> None:
        self._rfis, self._referrals = rfis, referrals
        self._policy_names, self._policies, self._closing = policy_names, policies, closing

    async def store(self, wanted: Sequence[tuple[Rfi, Chosen]]) -> list[Referral]:
        """The referral of each chosen partner, as it is stored.

        Raises:
            DependencyUnavailable: some may be stored; a repeat finds them.
        """
        if not wanted:
            return []
        names = await self._policy_names(sorted({chosen.profile_id for _, chosen in wanted}))
        referrals = [
            new_referral(
                rfi,
                chosen,
                self._policies[names.get(chosen.profile_id, PolicyName.STANDARD)],
                asked_at(rfi.routing, chosen),
            )
            for rfi, chosen in wanted
            if rfi.routing is not None
        ]
        there = await self._referrals.add(referrals)
        # A profile may have changed since they were stored: what is told is what is there.
        stored = await self._referrals.load(sorted(there)) if there else {}
        return [stored.get(referral.id, referral) for referral in referrals]

    async def close_overtaken(self, rfi_ids: Sequence[str]) -> None:
        """Close the referrals of requests that the customer has withdrawn or settled meanwhile.

        A withdrawal that came between the decision to ask somebody and `store` has found no referral to close.

        Raises:
            DependencyUnavailable: to be done again.
            VersionConflict: as before.
        """
        overtaken = await self._rfis.load(rfi_ids, _OVERTAKEN)
        if not overtaken:
            return

        def command_for(referral: Referral) -> Withdraw | None:
            return overtaken_command(overtaken[referral.rfi_id], referral)

        closed = await self._closing.close(sorted(overtaken), command_for)
        if closed:
            log.info("overtaken_closed", rfis=len(overtaken), referrals=closed)
