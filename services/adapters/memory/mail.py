"""How would mails be sent if there were no server? The twin of port `Mailer`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.core.mail import Delivery, Envelope, Outcome


class MemoryMailer:
    """Keeps accepted envelopes in `accepted`; `answer` decides the outcome of each (default: sent).

    An UNKNOWN outcome is kept as accepted if `keeps_unknown`, as servers do when only the answer is lost.
    """

    def __init__(self, answer: Callable[[Envelope], Outcome] | None = None, *, keeps_unknown: bool = True) -> None:
        self.accepted: list[Envelope] = []
        self.answer: Callable[[Envelope], Outcome] = answer or (lambda _: Outcome.SENT)
        self.keeps_unknown = keeps_unknown

    async def send(self, envelopes: Sequence[Envelope]) -> Sequence[Delivery]:
        """As the port says."""
        return [self._take(each) for each in envelopes]

    def _take(self, envelope: Envelope) -> Delivery:
        outcome = self.answer(envelope)
        if outcome is Outcome.SENT or (outcome is Outcome.UNKNOWN and self.keeps_unknown):
            self.accepted.append(envelope)
        return Delivery(job_id=envelope.job_id, outcome=outcome, detail=f"twin says {outcome}")
