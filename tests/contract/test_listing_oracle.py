"""Any question gets the same answer from MongoDB as from the rules of the core, page by page."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.adapters.mongo.driver import Mongo
from services.adapters.mongo.indexes import ensure_indexes
from services.adapters.mongo.stores import MongoStores, stores_of
from services.core import commands as c
from services.core.codes import Channel, CloseReason, CompanySize, ErrorReason, Flame, PolicyName
from services.core.ids import customer_key
from services.core.lifecycle import decide
from services.core.listing import AllOf, AnyOf, Comparison, Condition, Field, ListingQuery, Op, Section, Sort
from services.core.listing_rules import belongs, order_key
from services.core.policy import POLICIES
from services.core.referral import Referral
from services.core.rfi import Money, Place
from services.core.visibility import contact_visible
from tests.builders import START, make_partner, make_person, make_referral

MINE = make_partner(1).id
BY = "partner:ana"
REGIONS = ("ES", "ES-AN", "PE", "ES-MD")
TEXTS = ("migrate", "ES", "marketing", "|es|", "sur", "a", "ñandú", "51to250employees")
STEPS: tuple[tuple[c.Command, ...], ...] = (
    (),
    (c.Open(by=BY),),
    (c.ShowInterest(by=BY),),
    (c.Accept(by=BY, engagement_name="Ñandú", deal_value=Money(amount=Decimal(7), currency="USD"), crm_id="X|ES|"),),
    (c.Decline(by=BY, reason=CloseReason.BUDGET),),
    (c.CloseAsError(by=BY, reason=ErrorReason.TEST_REFERRAL),),
    (c.Withdraw(by="customer"),),
)


def population() -> list[Referral]:
    """Some hundred referrals that differ in everything lists ask for, a tenth of them another partner's."""
    made = []
    for n in range(140):
        policy = PolicyName.CLASSIC if n % 3 == 0 else PolicyName.STANDARD
        place = Place(country="PE") if n % 4 == 0 else Place(country="ES", subdivision=REGIONS[1 + n % 2 * 2])
        referral = make_referral(
            n,
            partner=2 if n % 10 == 9 else 1,
            policy=policy,
            place=place,
            size=[None, *CompanySize][n % 9],
            channel=[None, *Channel][n % 4],
            flame=Flame.RAISED if n % 5 == 0 else Flame.NONE,
            budget=Money(amount=Decimal(n) * 10, currency="EUR") if n % 6 else None,
            created_at=START + timedelta(minutes=n // 3),
            updated_at=START + timedelta(minutes=-n // 2),
            expires_at=START + timedelta(minutes=n % 11),
            title=("Migrate", "Ñandú | sur", "51to250employees marketing")[n % 3],
        )
        for step in STEPS[n % len(STEPS)]:
            command = replace(step, closing_date=START.date()) if isinstance(step, c.Accept) else step
            if policy is PolicyName.CLASSIC and isinstance(command, c.Accept):
                referral = decide(referral, c.ShowInterest(by=BY), START, POLICIES[policy])
            if policy is PolicyName.CLASSIC or not isinstance(command, c.ShowInterest):
                referral = decide(referral, command, START + timedelta(minutes=n % 7), POLICIES[policy])
        made.append(referral)
    return made


INSTANTS = st.integers(-30, 60).map(lambda minutes: START + timedelta(minutes=minutes))
EQUAL = st.sampled_from([Op.EQ, Op.NE])
KEYS = st.sampled_from([customer_key(MINE, make_person().email), customer_key(MINE, "x@y.example")])
COMPARISONS = st.one_of(
    st.builds(Comparison, st.sampled_from([Field.CREATED, Field.UPDATED]), st.sampled_from(Op), INSTANTS),
    st.builds(Comparison, st.just(Field.STATUS), EQUAL, st.sampled_from(["New", "Active", "Closed"])),
    st.builds(Comparison, st.just(Field.SUBSTATUS), EQUAL, st.sampled_from(["Pending", "Declined", "Withdrawn"])),
    st.builds(Comparison, st.just(Field.ACCEPTED), EQUAL, st.sampled_from(["yes", "no"])),
    st.builds(Comparison, st.just(Field.CUSTOMER), EQUAL, KEYS),
    st.builds(Comparison, st.just(Field.RFI), EQUAL, st.sampled_from([make_referral(n).rfi_id for n in (0, 1, 9)])),
)


def _several(inner: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    parts = st.lists(inner, min_size=1, max_size=3).map(tuple)
    return parts.map(AllOf) | parts.map(AnyOf)


@st.composite
def queries(draw: st.DrawFn) -> ListingQuery:
    section = draw(st.none() | st.sampled_from(Section))
    runs = section in {Section.NEW, Section.EVALUATING}
    amounts = st.none() | st.integers(0, 1400).map(Decimal)
    return ListingQuery(
        partner_id=MINE,
        section=section,
        condition=draw(st.none() | st.recursive(COMPARISONS, _several, max_leaves=5)),
        region=draw(st.none() | st.sampled_from(REGIONS)),
        size=draw(st.none() | st.sampled_from(CompanySize)),
        channel=draw(st.none() | st.sampled_from(Channel)),
        flame=draw(st.sampled_from([False, False, True])),
        worth_from=draw(amounts),
        worth_to=draw(amounts),
        currency=draw(st.none() | st.sampled_from(["EUR", "USD"])),
        text=draw(st.sampled_from(["", "", "", *TEXTS])),
        sort=draw(st.sampled_from(Sort) if runs else st.sampled_from([Sort.CREATED, Sort.UPDATED])),
        descending=draw(st.booleans()),
        limit=draw(st.sampled_from([3, 20, 100])),
    )


def expected(referrals: list[Referral], query: ListingQuery) -> list[str]:
    found = [each for each in referrals if belongs(each, query, lambda one: contact_visible(one, POLICIES[one.policy]))]
    return [each.id for each in sorted(found, key=lambda each: order_key(each, query), reverse=query.descending)]


async def answered(stores: MongoStores, query: ListingQuery) -> list[str]:
    ids: list[str] = []
    while True:
        page = await stores.listing.page(query)
        ids += [each.id for each in page.referrals]
        if page.next is None:
            return ids
        query = replace(query, after=page.next)


def test_any_question_gets_the_answer_of_the_rules(mongo_server: str, mongo_database: str) -> None:
    referrals = population()
    with asyncio.Runner() as runner, Mongo(mongo_server, mongo_database) as mongo:
        stores = stores_of(mongo)
        runner.run(ensure_indexes(mongo))
        runner.run(stores.referrals.add(referrals))

        @settings(
            max_examples=150,
            deadline=None,
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow],
        )
        @given(queries())
        def compare(query: ListingQuery) -> None:
            assert runner.run(answered(stores, query)) == expected(referrals, query)

        compare()
