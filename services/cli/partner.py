"""Commands on partners: what their answers and misses suggest, and what their past has taught."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from services.adapters.regions import parent_of
from services.bootstrap import World
from services.cli.console import console, plain_errors, table
from services.cli.session import with_world
from services.core.errors import NotFound
from services.core.ids import profile_id
from services.core.partner import Partner, Profile
from services.core.standing import Standing
from services.matching.pasts import standing_in
from services.matching.suggested import Suggestion, SuggestionCode, applied
from services.matching.suggesting import Suggesting

app = typer.Typer(help="Partners: suggested changes of their profiles, and what their past has taught.")

#: Learned terms shown, the strongest first.
TERMS_SHOWN = 12

_SAID = {
    SuggestionCode.REMOVE_REGION: "no longer serve {value}",
    SuggestionCode.NARROW_REGION: "name the parts that are wanted: requests from {value} are declined",
    SuggestionCode.ADD_REGION: "serve {value}",
    SuggestionCode.REMOVE_WORDS: "no longer offer “{value}”",
    SuggestionCode.ADD_KEYWORD: "add the keyword “{value}”",
    SuggestionCode.EXCLUDE_SIZE: "leave out companies of {value}",
    SuggestionCode.INCLUDE_SIZE: "take companies of {value}",
    SuggestionCode.SET_CAPACITY: "set the capacity to {value}",
    SuggestionCode.RAISE_CAPACITY: "raise the capacity to {value}",
    SuggestionCode.END_PAUSE: "end the pause, now until {value}",
}

PartnerId = Annotated[str, typer.Argument(metavar="PARTNER", help="The partner's id.")]


def said(suggestion: Suggestion) -> str:
    """A suggestion in words."""
    return _SAID[suggestion.code].format(value=suggestion.value)


async def _partner(world: World, id_: str) -> Partner:
    found = (await world.stores.partners.load_partners([id_])).get(id_)
    if found is None:
        raise NotFound(f"there is no partner {id_}")
    return found


@app.command("suggestions")
def suggestions_command(
    partner: PartnerId,
    apply: Annotated[int | None, typer.Option(help="Make the change with this number.")] = None,
) -> None:
    """Changes of its profiles that a partner's own decline reasons and near misses of 90 days suggest."""

    async def work(world: World) -> None:
        name = (await _partner(world, partner)).name
        stores = world.stores
        suggesting = Suggesting(
            rfis=stores.rfis, referrals=stores.referrals, partners=stores.partners, parent_of=parent_of
        )
        found = await suggesting.of_partner(partner, world.clock.now())
        rows = [(n, said(each), each.count, each.profile_id, each.rfi_ids[0]) for n, each in enumerate(found, 1)]
        console.print(table(f"Suggestions for {name}", ["no#", "change", "requests#", "profile", "for example"], rows))
        if apply is None:
            return
        if not 1 <= apply <= len(found):
            raise NotFound(f"there is no suggestion {apply}; there are {len(found)}")
        await _apply(world, found[apply - 1])

    with plain_errors():
        with_world(work)


async def _apply(world: World, suggestion: Suggestion) -> None:
    profile: Profile = (await world.stores.partners.load_profiles([suggestion.profile_id]))[suggestion.profile_id]
    changed = applied(profile, suggestion)
    if changed is None:
        console.print("This change needs more than a click: edit the profile.")
        return
    await world.put_profiles([changed])
    console.print(f"Done: {escape(said(suggestion))}. The routers hear of it at once.")


@app.command("standing")
def standing_command(
    partner: PartnerId, country: Annotated[str, typer.Argument(help="The profile's country: two letters.")]
) -> None:
    """What the outcomes of a partner's referrals have taught of one of its profiles."""

    async def work(world: World) -> None:
        name = (await _partner(world, partner)).name
        id_ = profile_id(partner, country.upper())
        kept = (await world.stores.pasts.load([id_])).get(id_)
        standing = standing_in(kept) if kept is not None else None
        if standing is None:
            console.print(f"Nothing yet: no referral of this profile of {escape(name)} has come to an end.")
            return
        _show(name, standing)

    with plain_errors():
        with_world(work)


def _show(name: str, standing: Standing) -> None:
    counts = standing.counts
    rows: list[tuple[str, object]] = [
        ("how well it does, 0 to 1", f"{standing.prior:.3f}"),
        ("median time to an answer", standing.response or "never answered"),
        *((each, getattr(counts, each)) for each in ("received", "accepted", "declined", "expired", "won", "lost")),
    ]
    console.print(table(f"{name}, as of {standing.at:%Y-%m-%d %H:%M} UTC", ["what", ""], rows))
    strongest = sorted(standing.terms.items(), key=lambda term: (-abs(term[1]), term[0]))[:TERMS_SHOWN]
    console.print(table("Learned", ["sign", "weight#"], [(key, f"{weight:+.2f}") for key, weight in strongest]))
