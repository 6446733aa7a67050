"""Is every command, at every place of both policies, allowed or refused exactly as the product says?"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from services.core.codes import PolicyName
from services.core.commands import Command
from services.core.errors import TransitionRefused, UndoRefused
from services.core.transitions import TABLE
from tests.journeys import COMMANDS, JOURNEYS, at, do

# One row for each place, one column for each command. `.` is refused, `=` changes nothing, `!` makes it final;
# a letter names the state it leads to (below). Written out from product.md, not from the table under test.
STANDARD = """
                open interest no_thanks accept decline edit add_contact win lose withdraw error undo
pending         R    .        .         A      D       .    .           .   .    X        E     .
received        =    .        .         A      D       .    .           .   .    X        E     .
accepted+undo   =    .        .         .      .       A    A           W   L    X        E     R
accepted        =    .        .         .      .       A    A           W   L    X        E     .
declined+undo   =    .        .         .      .       .    .           .   .    !        .     R
declined        =    .        .         .      .       .    .           .   .    .        .     .
won+undo        =    .        .         .      .       .    .           .   .    !        .     A
won             =    .        .         .      .       .    .           .   .    .        .     .
lost+undo       =    .        .         .      .       .    .           .   .    !        .     A
lost            =    .        .         .      .       .    .           .   .    .        .     .
expired         =    .        .         .      .       .    .           .   .    .        .     .
withdrawn       =    .        .         .      .       .    .           .   .    =        .     .
error           =    .        .         .      .       .    .           .   .    .        .     .
"""
CLASSIC = """
                open interest no_thanks accept decline edit add_contact win lose withdraw error undo
pending         R    V        D         .      D       .    .           .   .    X        E     .
received        =    V        D         .      D       .    .           .   .    X        E     .
evaluating      =    =        .         A      D       .    .           .   .    X        E     .
accepted+undo   =    .        .         .      .       A    A           W   L    X        E     V
accepted        =    .        .         .      .       A    A           W   L    X        E     .
declined+undo   =    .        .         .      .       .    .           .   .    !        .     R
declined        =    .        .         .      .       .    .           .   .    .        .     .
won+undo        =    .        .         .      .       .    .           .   .    !        .     A
won             =    .        .         .      .       .    .           .   .    .        .     .
lost+undo       =    .        .         .      .       .    .           .   .    !        .     A
lost            =    .        .         .      .       .    .           .   .    .        .     .
expired         =    .        .         .      .       .    .           .   .    .        .     .
withdrawn       =    .        .         .      .       .    .           .   .    =        .     .
error           =    .        .         .      .       .    .           .   .    .        .     .
"""
STATES = {
    "R": "New/Received/New",
    "V": "New/Received/Evaluating",
    "A": "Active/Accepted/Active",
    "D": "Closed/Declined/Archived",
    "W": "Closed/Won/Archived",
    "L": "Closed/Lost/Archived",
    "X": "Closed/Withdrawn/Archived",
    "E": "Closed/Error/Archived",
}
GRIDS = {PolicyName.STANDARD: STANDARD, PolicyName.CLASSIC: CLASSIC}


def cells() -> Iterator[tuple[PolicyName, str, str, str]]:
    for policy, grid in GRIDS.items():
        head, *rows = grid.strip().splitlines()
        for row in rows:
            place, *signs = row.split()
            yield from ((policy, place, name, sign) for name, sign in zip(head.split(), signs, strict=True))


CELLS = [pytest.param(*cell, id=f"{cell[0]}-{cell[1]}-{cell[2]}") for cell in cells()]


@pytest.mark.parametrize(("policy", "place", "name", "sign"), CELLS)
def test_each_command_at_each_place(policy: PolicyName, place: str, name: str, sign: str) -> None:
    referral = at(policy, place)
    if sign == ".":
        with pytest.raises(UndoRefused if name == "undo" else TransitionRefused):
            do(referral, name)
        return
    after = do(referral, name)
    if sign == "=":
        assert after is referral
        return
    assert after.version == referral.version + 1
    if sign == "!":
        assert (after.status, after.substatus, after.undo) == (referral.status, referral.substatus, None)
        assert after.timers.next_due() is None
        return
    assert f"{after.status}/{after.substatus}/{after.stage}" == STATES[sign]


def test_the_matrix_names_every_place_and_every_command() -> None:
    seen = list(cells())
    assert {name for _, _, name, _ in seen} == set(COMMANDS)
    for policy, journeys in JOURNEYS.items():
        assert {place for of, place, _, _ in seen if of is policy} == set(journeys)
    kinds: set[type[Command]] = {type(command) for command in COMMANDS.values()}
    assert kinds == set(TABLE)


def test_a_refusal_says_what_stands_since_when_and_what_to_do_instead() -> None:
    referral = at(PolicyName.STANDARD, "accepted")
    with pytest.raises(TransitionRefused) as refusal:
        do(referral, "decline")
    error = refusal.value
    assert (error.command, error.status, error.substatus) == ("decline", "Active", "Accepted")
    assert error.since == referral.accepted_at
    assert str(error).endswith("; report it as lost")


def test_a_classic_partner_is_told_to_show_interest_before_accepting() -> None:
    with pytest.raises(TransitionRefused, match="show interest first"):
        do(at(PolicyName.CLASSIC, "received"), "accept")
