"""What can a partner take along: the customer as a vCard, the deadline as a calendar entry?"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from icalendar import Alarm, Calendar, Event

from services.core.referral import Referral
from services.core.rfi import Person
from services.wording.words import Words, _

#: What ends a line, or belongs to vCard's own grammar (RFC 6350 section 3.4).
_ESCAPED = re.compile(r"([\\,;])")
_BREAKS = re.compile(r"[\r\n\u2028\u2029]+")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LINE = 75
_WARNED = timedelta(hours=24)


def vcard(person: Person, company: str) -> bytes:
    """A person as vCard 4.0 (RFC 6350)."""
    family, given = _text(person.last_name), _text(person.first_name)
    lines = [
        "BEGIN:VCARD",
        "VERSION:4.0",
        f"FN:{_text(f'{person.first_name} {person.last_name}'.strip())}",
        f"N:{family};{given};;;",
        f"ORG:{_text(company)}",
        f"EMAIL:{_text(person.email)}",
        *([f"TEL;VALUE=uri:tel:{_text(person.phone)}"] if person.phone else []),
        f"LANG:{_text(person.language)}",
        "END:VCARD",
    ]
    return "".join(_folded(line) + "\r\n" for line in lines).encode()


def _text(value: str) -> str:
    return _ESCAPED.sub(r"\\\1", _BREAKS.sub(" ", _CONTROL.sub("", value)))


def _folded(line: str) -> str:
    """Lines of at most 75 octets, never cut within a character."""
    pieces, size = [""], 0
    for char in line:
        octets = len(char.encode())
        if size + octets > _LINE:
            pieces.append(" ")
            size = 1
        pieces[-1] += char
        size += octets
    return "\r\n".join(pieces)


def deadline(referral: Referral, due: datetime, now: datetime, url: str, words: Words) -> bytes:
    """The time to answer as a calendar entry, with a reminder a day before. It names the company, nobody's person."""
    entry = Event()
    entry.add("uid", f"{referral.id}@referrals")
    entry.add("dtstamp", now)
    entry.add("dtstart", due)
    entry.add("dtend", due)
    entry.add("summary", words.say(_("Answer the referral: {title}")).format(title=referral.title))
    entry.add("description", f"{referral.company}\n{url}")
    entry.add("url", url)
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("description", referral.title)
    alarm.add("trigger", -_WARNED)
    entry.add_component(alarm)
    calendar = Calendar()
    calendar.add("prodid", "-//referral exchange//")
    calendar.add("version", "2.0")
    calendar.add_component(entry)
    return bytes(calendar.to_ical())
