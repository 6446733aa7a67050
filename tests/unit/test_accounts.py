"""Who of a partner may sign in, as its data says?"""

from __future__ import annotations

from services.core.accounts import Role, people_of
from services.core.ids import user_id
from tests.builders import make_location, make_partner, make_person, make_profile


def test_the_admin_and_the_contacts_of_locations_may_sign_in_each_once() -> None:
    partner = make_partner(1, admin=make_person(email="Adam@Partner1.example", language="es"))
    same = make_location(2, contact=make_person(email="adam@partner1.example"))
    found = people_of(partner, [make_profile(1), make_profile(1, country="FR", locations=(make_location(1), same))])
    assert [(user.email, user.role) for user in found] == [
        ("adam@partner1.example", Role.ADMIN),
        ("sales@partner1.example", Role.MEMBER),
    ]
    assert {user.partner_id for user in found} == {partner.id}
    assert found[0].id == user_id("ADAM@partner1.example")
    assert found[0].language == "es"
