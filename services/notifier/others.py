"""Whom else of a partner can a mail be offered to, when its contact can't receive it?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from services.core.mail import is_copy
from services.core.partner import Partner, Profile
from services.notifier.letter import Matter
from services.notifier.plan import partner_contacts


def others_of(matter: Matter, profiles: Mapping[str, Profile], partners: Mapping[str, Partner]) -> list[Matter]:
    """The same mail to each of the partner's other people, best first."""
    if matter.referral is None or is_copy(matter.job):
        return []
    profile, partner = profiles.get(matter.referral.profile_id), partners.get(matter.referral.partner_id)
    people = partner_contacts(matter.referral.location_id, profile, partner)
    return [
        replace(
            matter,
            job=replace(
                matter.job,
                address=person.email,
                name=f"{person.first_name} {person.last_name}".strip(),
                language=person.language,
                time_zone=person.time_zone,
            ),
        )
        for person in people
        if person.email.casefold() != matter.job.address.casefold()
    ]
