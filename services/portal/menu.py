"""What stands in the menu of whom? Add your page's line here; referrals stand first in every partner's."""

from __future__ import annotations

from dataclasses import dataclass

from services.portal.identity import Identity, IdentityKind


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem:
    """One line of the menu; the title is translated when it is shown."""

    path: str
    title: str
    kind: IdentityKind

    def shown(self, me: Identity) -> bool:
        """Whether it stands in this person's menu."""
        return me.kind is self.kind


MENU: tuple[MenuItem, ...] = ()
#: For example: MenuItem(path="/profiles", title=_("Business profiles"), kind=IdentityKind.PARTNER)
