"""Where does an undeliverable mail come back to, and who is not mailed any more? A mailer around the mailer.

Each mail gets a return address of its own, `bounces+<job><proof>@…`. The proof follows from the job, the recipient and
a key of ours: whoever gets a mail can send back that one, and nobody can have others taken from the list of those we
mail. Hexadecimal, because servers change the case of addresses; 56 characters of the 64 that RFC 5321 allows.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from hmac import compare_digest
from uuid import UUID

import structlog

from services.core.account_stores import LinkSigner
from services.core.errors import Transient
from services.core.ids import suppression_id
from services.core.mail import Delivery, Envelope, Mailer, Outcome
from services.core.suppressions import Suppression, SuppressionStore

log = structlog.get_logger("notifier")

#: What the keys sign: a purpose of its own, so that no link is such a proof.
_PURPOSE = "returned mail"
_PROOF = 16
_NAMED = re.compile(r"[0-9a-f]{32}[0-9a-f]{16}")


class ReturnPaths:
    """Return addresses, made and recognised.

    Args:
        base: the address that the mail server delivers with anything after a `+`; None: there are none.
        signer: its newest key makes the proofs; what older ones made is not recognised.
    """

    def __init__(self, base: str | None, signer: LinkSigner) -> None:
        local, _, domain = (base or "").rpartition("@")
        self._local, self._domain, self._signer = local.lower(), domain.lower(), signer

    def of(self, job_id: str, recipient: str) -> str | None:
        """The return address of a mail, or None where there are none."""
        if not self._local:
            return None
        return f"{self._local}+{UUID(job_id).hex}{self._proof(job_id, recipient)}@{self._domain}"

    def named(self, addresses: Collection[str]) -> Iterator[tuple[str, str]]:
        """Job id and proof of those of the addresses that look like ours."""
        for address in addresses:
            local, _, domain = address.lower().rpartition("@")
            before, _, named = local.rpartition("+")
            if before == self._local and domain == self._domain and _NAMED.fullmatch(named):
                yield str(UUID(named[:32])), named[32:]

    def proves(self, job_id: str, recipient: str, proof: str) -> bool:
        """Whether we mailed the recipient under this proof."""
        return compare_digest(self._proof(job_id, recipient), proof)

    def _proof(self, job_id: str, recipient: str) -> str:
        signed = self._signer.sign(_PURPOSE, f"{job_id}|{recipient.casefold()}")
        return sha256(signed.encode()).hexdigest()[:_PROOF]


class CarefulMailer:
    """Port `Mailer`: mails nobody whose mails came back, and gives each mail its return address."""

    def __init__(self, mailer: Mailer, suppressions: SuppressionStore, paths: ReturnPaths) -> None:
        self._mailer, self._suppressions, self._paths = mailer, suppressions, paths

    async def send(self, envelopes: Sequence[Envelope]) -> Sequence[Delivery]:
        """Refuse those on the list as a server would; the others go on."""
        keys = {envelope.job_id: suppression_id(envelope.recipient) for envelope in envelopes}
        try:
            known = await self._suppressions.among(set(keys.values()))
        except Transient as error:
            # Nothing has gone out, so waiting doubles nothing.
            log.warning("mail_list_unavailable", mails=len(envelopes), error=str(error))
            detail = "the list of addresses that are mailed no more does not answer"
            return [Delivery(job_id=each.job_id, outcome=Outcome.RETRY, detail=detail) for each in envelopes]
        refused = [_refusal(id_, known[key]) for id_, key in keys.items() if key in known]
        wanted = [self._returning(each) for each in envelopes if keys[each.job_id] not in known]
        return [*refused, *(await self._mailer.send(wanted) if wanted else ())]

    def _returning(self, envelope: Envelope) -> Envelope:
        path = self._paths.of(envelope.job_id, envelope.recipient)
        return envelope if path is None else replace(envelope, sender=path)


def _refusal(job_id: str, suppression: Suppression) -> Delivery:
    return Delivery(
        job_id=job_id, outcome=Outcome.REFUSED, detail=f"mails to this address come back ({suppression.why})"
    )
