"""What does a mail that a server sent back say? Reads delivery status notifications (RFC 3464); opens nothing.

Only who it was returned to, and what became of it, are taken: the text for people, and the mail itself, may hold names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import Message
from email.utils import getaddresses

#: Longest message looked at, bytes: a report quotes a mail of ours, which is much shorter.
LONGEST = 4 * 1024 * 1024

#: Headers in which mail servers say whom a mail was for; the envelope is gone by the time that we see it.
_RECIPIENTS = ("to", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A delivery status notification."""

    returned_to: tuple[str, ...]
    #: The addresses that it came to: one of them names the mail.
    failed: bool
    #: Not delivered, and tried no more. Else it was delayed, relayed or delivered.
    status: str
    #: Enhanced status code (RFC 3463).


def read_report(raw: bytes) -> Report | None:
    """The report in a mail; None when it is some other mail, which a person must read."""
    if len(raw) > LONGEST:
        return None
    try:
        mail = message_from_bytes(raw, policy=policy.compat32)
        blocks = _blocks(mail)
        failed = [block for block in blocks if str(block.get("action", "")).strip().lower() == "failed"]
    except (MessageError, ValueError, LookupError):
        return None
    if not blocks:
        return None
    found = _STATUS.search(str((failed or blocks)[0].get("status", "")))
    # Not every server knows the codes; that it failed for good is said by the action.
    status = found.group() if found else "5.0.0" if failed else "4.0.0"
    return Report(returned_to=_addresses(mail), failed=bool(failed), status=status)


def _blocks(mail: Message) -> list[Message]:
    """What the report says of each recipient; the block before them is about the server."""
    for part in mail.walk():
        content = part.get_payload()
        if part.get_content_type() == "message/delivery-status" and isinstance(content, list):
            return [block for block in content if isinstance(block, Message) and "action" in block]
    return []


def _addresses(mail: Message) -> tuple[str, ...]:
    said = [str(value) for name in _RECIPIENTS for value in mail.get_all(name, [])]
    return tuple(dict.fromkeys(address.lower() for _, address in getaddresses(said) if address))
