"""What stands in the menu of whom? Add your page's line here; referrals stand first in every partner's."""

from __future__ import annotations

from dataclasses import dataclass

from services.portal.identity import Identity, IdentityKind, Role
from services.wording.words import _


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuItem:
    """One line of the menu; the title is translated when it is shown."""

    path: str
    title: str
    kind: IdentityKind
    role: Role | None = None
    #: Whose of a partner it is; None for everybody's.
    exact: bool = False
    #: Whether pages below this path belong to other lines.

    def current(self, path: str) -> bool:
        """Whether the page at this path belongs to this line."""
        return path == self.path or (not self.exact and path.startswith(self.path))

    def shown(self, me: Identity) -> bool:
        """Whether it stands in this person's menu."""
        return me.kind is self.kind and self.role in (None, me.role)


MENU: tuple[MenuItem, ...] = (
    MenuItem(path="/insights", title=_("Insights"), kind=IdentityKind.PARTNER),
    MenuItem(path="/profiles", title=_("Business profiles"), kind=IdentityKind.PARTNER),
    MenuItem(path="/team", title=_("Team"), kind=IdentityKind.PARTNER),
    MenuItem(path="/programs", title=_("Programs"), kind=IdentityKind.PARTNER, role=Role.ADMIN),
    MenuItem(path="/operator", title=_("Operation"), kind=IdentityKind.OPERATOR, exact=True),
    MenuItem(path="/operator/refused", title=_("Refused"), kind=IdentityKind.OPERATOR),
    MenuItem(path="/operator/letters", title=_("Dead letters"), kind=IdentityKind.OPERATOR),
    MenuItem(path="/operator/parked", title=_("Parked"), kind=IdentityKind.OPERATOR),
    MenuItem(path="/operator/partners", title=_("Partners"), kind=IdentityKind.OPERATOR),
    MenuItem(path="/operator/rules", title=_("Rules"), kind=IdentityKind.OPERATOR),
    MenuItem(path="/operator/audit", title=_("Audit"), kind=IdentityKind.OPERATOR),
    MenuItem(path="/operator/erasure", title=_("Erasure"), kind=IdentityKind.OPERATOR),
)
