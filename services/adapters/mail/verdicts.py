"""What does a server's answer mean for a mail: sent, try again, never to this address?"""

from __future__ import annotations

import re
from typing import Literal

from services.adapters.mail.replies import Reply
from services.core.mail import Delivery, Envelope, Outcome, is_mailbox

At = Literal["mail", "rcpt", "data", "dot"]

_ADDRESS_IN_TEXT = re.compile(r"<?[^\s<>]+@[^\s<>]+>?")
_LONGEST_DETAIL = 200
#: 5xx codes that speak of the session or of us, not of the recipient.
_NOT_ABOUT_THE_RECIPIENT = frozenset({500, 502, 503, 530, 534, 535, 538})
_PERMANENT = 500


def unusable(envelope: Envelope, *, utf8: bool) -> Delivery | None:
    """A refusal if the address can't be given to this server, else None."""
    if not is_mailbox(envelope.recipient):
        return Delivery(job_id=envelope.job_id, outcome=Outcome.REFUSED, detail="not a usable mail address")
    if not utf8 and not envelope.recipient.isascii():
        detail = "the relay does not take internationalised addresses (SMTPUTF8)"
        return Delivery(job_id=envelope.job_id, outcome=Outcome.REFUSED, detail=detail)
    return None


def delivered(envelope: Envelope) -> Delivery:
    """The server has taken responsibility."""
    return Delivery(job_id=envelope.job_id, outcome=Outcome.SENT, code=250)


def unknown(envelope: Envelope, why: str) -> Delivery:
    """No answer to the final dot."""
    return Delivery(job_id=envelope.job_id, outcome=Outcome.UNKNOWN, detail=why)


def refusal(envelope: Envelope, reply: Reply, *, at: At) -> Delivery:
    """RETRY or REFUSED by the server's answer at that point.

    A refused sender (MAIL) or session is for the operator to mend and says nothing of the recipient: RETRY.
    """
    permanent = reply.code >= _PERMANENT and at != "mail" and reply.code not in _NOT_ABOUT_THE_RECIPIENT
    words = _ADDRESS_IN_TEXT.sub("<address>", reply.text)[:_LONGEST_DETAIL]
    return Delivery(
        job_id=envelope.job_id,
        outcome=Outcome.REFUSED if permanent else Outcome.RETRY,
        code=reply.code,
        detail=f"{at}: {words}",
    )
