"""A journey in shadow: it runs beside the live ones, and nobody outside of it can tell."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlmodel import SQLModel, func, select

from sojourn import ONCE, Journey, Settings
from sojourn.dispatch import Sojourn
from sojourn.events import (
    OrderCompleted,
    ProductAdded,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.store import Store, cards, events, runs
from sojourn.store.tables import (
    AttemptRow,
    EventRow,
    ExposureRow,
    TaskRow,
    TicketRow,
)
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines import in_process
from tests.integration.in_memory.test_same_in_memory import collected, row_of
from tests.support.project import PROJECT
from tests.support.shadows import Gentler
from tests.support.stories import BEGIN, Story, difference, tell
from tests.support.stories import PROJECT as PROJECT_OF_STORIES
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BOTH = (AbandonedCart, Gentler, Onboarding)


def project(*, shadow: Iterable[str] = (), off: Iterable[str] = ()) -> Project:
    return replace(PROJECT, journeys=Journeys(BOTH, [*off], [*shadow]), policy=None)


@pytest.fixture(scope="module")
def journey_project() -> Project:
    return project(shadow=["abandoned-cart-gentler"])


async def rows(journey: JourneyTest) -> list[tuple[str, str, str, str | None]]:
    return [(r.journey, r.step, r.state.value, r.would) for r in await journey.messages()]


async def number_of(journey: JourneyTest, table: type[SQLModel]) -> int:
    async with journey.store.reading() as session:
        query = select(func.count()).select_from(table)
        return (await session.exec(query)).one()


async def deploy(journey: JourneyTest, changed: Project) -> None:
    """Have the dispatcher go by another setting from now on; runs that are open go on."""
    before = await journey._ready()
    journey._sojourn = Sojourn(
        journey._engine.client,
        journey.store,
        journey.settings,
        changed,
        task_queue=journey._task_queue,
        now=lambda: datetime.max.replace(tzinfo=UTC),
        clock=before.clock,
        teller=journey._engine.teller,
        present=lambda: journey._present,
    )


OLD_LADDER = [
    ("abandoned-cart", "reminder", "sent", None),
    ("abandoned-cart", "nudge", "sent", None),
    ("abandoned-cart", "offer", "sent", None),
]
IN_SHADOW = [
    ("abandoned-cart-gentler", "reminder", "shadow", "sent"),
    ("abandoned-cart-gentler", "offer", "shadow", "sent"),
]


async def _has_no_effect(journey: JourneyTest) -> None:
    await journey.publish(ProductAdded, cart_id="cart7")
    await journey.after(9 * DAY)
    found = await rows(journey)
    assert [row for row in found if row[2] != "shadow"] == OLD_LADDER
    assert [row for row in found if row[2] == "shadow"] == IN_SHADOW
    assert journey.of(Gentler).outcome == "exhausted"
    assert journey.of(Gentler).sent == []
    assert await number_of(journey, AttemptRow) == 3, "no provider was asked for those in shadow"
    for table in (TaskRow, TicketRow, ExposureRow):
        assert await number_of(journey, table) == 0
    async with journey.store.reading() as session:
        told = set((await session.exec(select(EventRow.name))).all())
        noted = {
            (run.journey, run.shadow)
            for run in await runs.of_customer(session, journey.customer_id)
        }
        card = await cards.find(session, journey.customer_id)
    assert card is not None
    assert "Product Viewed" not in told, "nobody hears what it tells"
    assert noted == {("abandoned-cart", False), ("abandoned-cart-gentler", True)}
    assert "reminded_gently" not in card.attributes


async def test_it_runs_to_its_end_and_nothing_leaves(journey: JourneyTest) -> None:
    await _has_no_effect(journey)


@pytest.mark.temporal
async def test_it_runs_so_on_temporal(journey: JourneyTest) -> None:
    await _has_no_effect(journey)


async def test_a_purchase_ends_both_and_what_would_be_held(journey: JourneyTest) -> None:
    await journey.publish(ProductAdded, cart_id="cart7")
    await journey.after(7 * HOUR)
    await journey.publish(OrderCompleted, cart_id="cart7")
    assert (journey.of(AbandonedCart).outcome, journey.of(Gentler).outcome) == ("converted",) * 2
    assert await rows(journey) == [IN_SHADOW[0]]


# ---- one setting makes it live -------------------------------------------------------------

SHADOWED = project(shadow=["abandoned-cart-gentler"])
LIVE = project()


async def left(journey: JourneyTest) -> list[tuple[str, str]]:
    """Return what left: the journey and the step."""
    return [(row.journey, row.step) for row in await journey.messages() if row.state == "sent"]


async def test_live_it_is_in_the_place_of_the_old_one(journey: JourneyTest) -> None:
    await deploy(journey, LIVE)
    await journey.publish(ProductAdded, cart_id="cart7")
    await journey.after(9 * DAY)
    assert await left(journey) == [
        ("abandoned-cart-gentler", "reminder"), ("abandoned-cart-gentler", "offer"),
    ]  # fmt: skip
    assert journey.of(AbandonedCart).outcomes == []


async def test_who_was_in_the_old_one_at_the_switch_gets_its_ladder_and_no_other(
    journey: JourneyTest,
) -> None:
    await journey.publish(ProductAdded, cart_id="cart7")
    await journey.after(2 * DAY)
    await deploy(journey, LIVE)
    # one more product: the old run begins again, and the new one goes on in shadow beside it
    await journey.publish(ProductAdded, cart_id="cart7", product_id="second")
    # another cart is the new one's
    await journey.publish(ProductAdded, cart_id="cart8")
    await journey.after(9 * DAY)
    sent = await left(journey)
    assert [one for one in sent if one[0] == "abandoned-cart"] == [
        ("abandoned-cart", step) for step in ("reminder", "reminder", "nudge", "offer")
    ]
    by_cart = [
        (r.workflow_id.rpartition(":")[2], r.step, r.state.value)
        for r in await journey.messages()
        if r.journey == "abandoned-cart-gentler"
    ]
    assert {one for one in by_cart if one[2] == "sent"} == {
        ("cart8", "reminder", "sent"), ("cart8", "offer", "sent"),
    }  # fmt: skip
    assert {cart for cart, _, state in by_cart if state == "shadow"} == {"cart7"}


async def test_a_run_that_began_in_shadow_ends_in_shadow_and_the_next_one_is_live(
    journey: JourneyTest,
) -> None:
    alone = replace(SHADOWED, journeys=Journeys([Gentler], shadow=[Gentler.name]))
    await deploy(journey, alone)
    await journey.publish(ProductAdded, cart_id="cart7")
    await deploy(journey, replace(LIVE, journeys=Journeys([Gentler])))
    await journey.after(9 * DAY)
    assert await left(journey) == [], "nobody gets the middle of a ladder that never began"
    await journey.publish(ProductAdded, cart_id="cart7", product_id="second")
    await journey.after(9 * DAY)
    assert [step for _, step in await left(journey)] == ["reminder", "offer"]


async def test_an_open_run_in_shadow_leaves_the_old_one_in_charge(journey: JourneyTest) -> None:
    alone = replace(SHADOWED, journeys=Journeys([Gentler], shadow=[Gentler.name]))
    await deploy(journey, alone)
    await journey.publish(ProductAdded, cart_id="cart7")
    await journey.after(7 * HOUR)
    await deploy(journey, LIVE)
    await journey.publish(ProductAdded, cart_id="cart7", product_id="second")
    await journey.after(9 * DAY)
    assert [name for name, _ in await left(journey)] == ["abandoned-cart"] * 3


async def test_who_is_through_with_the_old_one_gets_the_new_one(journey: JourneyTest) -> None:
    await journey.publish(ProductAdded, cart_id="cart7")
    await journey.after(9 * DAY)
    before = await left(journey)
    await deploy(journey, LIVE)
    # the store has a run of the old one that may be open, for all it knows: it is looked up
    await journey.publish(ProductAdded, cart_id="cart7", product_id="second")
    await journey.after(9 * DAY)
    assert (await left(journey))[len(before) :] == [
        ("abandoned-cart-gentler", "reminder"), ("abandoned-cart-gentler", "offer"),
    ]  # fmt: skip


async def test_back_in_shadow_its_live_runs_go_on_and_the_old_one_begins_none_of_them(
    journey: JourneyTest,
) -> None:
    await deploy(journey, LIVE)
    await journey.publish(ProductAdded, cart_id="cart7")
    await journey.after(7 * HOUR)
    await deploy(journey, SHADOWED)
    await journey.publish(ProductAdded, cart_id="cart7", product_id="second")
    await journey.publish(ProductAdded, cart_id="cart8")
    await journey.after(9 * DAY)
    assert {
        (r.journey, r.workflow_id.rpartition(":")[2])
        for r in await journey.messages()
        if r.state == "sent"
    } == {("abandoned-cart-gentler", "cart7"), ("abandoned-cart", "cart8")}


# ---- what it counts, and what counts for others --------------------------------------------


class Once(AbandonedCart, name="once", again=ONCE, at_most=1, instead_of=AbandonedCart):
    """A customer enters once, and has one run at a time."""


class Caring(AbandonedCart, name="caring", mutes=timedelta(days=30), instead_of=AbandonedCart):
    """Nothing promotional leaves while it is on."""


class Other(Journey, name="other", starts_on=OrderCompleted, goal=ProductAdded, key="order_id"):
    """An event that starts runs of others ends its runs."""

    async def steps(self) -> None:
        """Say nothing."""


class Renewing(Renewal, name="renewing", instead_of=Renewal):
    """It goes on by itself, from one renewal to the next."""


@pytest_asyncio.fixture(loop_scope="session")
async def three(
    migrated_database: Path, tmp_path: Path
) -> AsyncIterator[Callable[[Project], Awaitable[JourneyTest]]]:
    """Yield a way to a customer on an engine with these three, by the setting of a project."""
    async with AsyncExitStack() as stack:
        settings = settings_in(tmp_path, migrated_database)
        store = await stack.enter_async_context(await Store.open(settings.store_url))

        async def on(begun: Project) -> JourneyTest:
            engine = await stack.enter_async_context(in_process.serving(store, settings, begun))
            return JourneyTest(engine, store, settings, "", "c-3", project=begun)

        yield on


def settings_in(home: Path, migrated_database: Path) -> Settings:
    shutil.copy(migrated_database, home / "journey.db")
    return Settings(home=home, database_url=f"sqlite:///{home / 'journey.db'}", track_clicks=False)


Three = Callable[[Project], Awaitable[JourneyTest]]


async def test_who_entered_in_shadow_has_not_entered(three: Three) -> None:
    alone = replace(PROJECT, journeys=Journeys([Once], shadow=["once"]), policy=None)
    journey = await three(alone)
    await journey.publish(ProductAdded, cart_id="cart7")
    await journey.publish(ProductAdded, cart_id="cart8")
    assert journey.of(Once).outcomes == ["open"], "in shadow, too, nobody enters twice"
    assert await left(journey) == []
    await deploy(journey, replace(alone, journeys=Journeys([Once])))
    await journey.publish(ProductAdded, cart_id="cart9")
    await journey.publish(ProductAdded, cart_id="cart10")
    await journey.after(9 * DAY)
    live = {row.workflow_id for row in await journey.messages() if row.state != "shadow"}
    assert live == {f"once:{journey.customer_id}:cart9"}


async def test_a_journey_in_shadow_mutes_nobody(three: Three) -> None:
    both = Journeys([Caring, AbandonedCart], shadow=["caring"])
    journey = await three(replace(PROJECT, journeys=both, policy=None))
    await journey.publish(ProductAdded, cart_id="cart7")
    await journey.after(9 * DAY)
    assert await left(journey) == [row[:2] for row in OLD_LADDER]


async def test_a_run_that_goes_on_by_itself_is_live_from_its_next_enrolment_on(
    three: Three,
) -> None:
    alone = replace(PROJECT, journeys=Journeys([Renewing], shadow=["renewing"]), policy=None)
    journey = await three(alone)
    end = await journey.now() + 10 * DAY
    await journey.publish(SubscriptionStarted, subscription_id="s1", expires_at=end)
    await journey.after(9 * DAY)
    assert await left(journey) == []
    assert await rows(journey), "it would have reminded"
    await deploy(journey, replace(alone, journeys=Journeys([Renewing])))
    await journey.publish(SubscriptionRenewed, subscription_id="s1", expires_at=end + 30 * DAY)
    await journey.after(30 * DAY)
    assert journey.of(Renewing).outcomes[0] == "converted"
    assert {name for name, _ in await left(journey)} == {"renewing"}


def test_events_are_read_as_if_it_were_not_there() -> None:
    ours = PROJECT.journeys.values()
    beside = replace(PROJECT, journeys=Journeys([*ours, Other], shadow=["other"]))
    assert beside.events.use == PROJECT.events.use
    assert replace(PROJECT, journeys=Journeys([*ours, Other])).events.use != PROJECT.events.use


# ---- beside it, everything else is as it was -----------------------------------------------

SEVERAL = 8


def version_of(journey: type[Journey]) -> type[Journey]:
    """Return a new version of a journey that does what the former one does."""
    made: type[Journey] = type(
        f"New{journey.__name__}",
        (journey,),
        {"__module__": journey.__module__, "__doc__": journey.__doc__},
        name=f"{journey.name}-new",
        topic=journey.topic,
        instead_of=journey,
    )
    return made


async def outcome_of(
    story: Story, played: Project, settings: Settings, customer_id: str
) -> tuple[list[Any], dict[str, list[str]], list[str], list[Any]]:
    """Return the rows that are not in shadow, the ends of real runs, what was carried, the rest."""
    async with (
        await Store.open(settings.store_url) as store,
        in_process.serving(store, settings, played) as engine,
    ):
        test = JourneyTest(engine, store, settings, "", customer_id, project=played)
        test.begin_at(BEGIN)
        test._under_test = story[0].name  # whose run a stop of the story stops
        await tell(story, test)
        every = await test.messages()
        async with store.reading() as session:
            carried = list((await session.exec(select(AttemptRow.state))).all())
            facts = [
                row.name
                for row in await events.of_customer(session, customer_id)
                if "-new:" not in str(row.properties.get("run"))  # told to a run in shadow alone
            ]
        return (
            sorted((row_of(row) for row in every if row.state != "shadow"), key=str),
            {name: test.of(one).outcomes for name, one in PROJECT_OF_STORIES.journeys.items()},
            [*map(str, carried), *facts],
            sorted((row_of(row) for row in every if row.state == "shadow"), key=str),
        )


async def test_real_runs_are_the_same_with_a_journey_in_shadow_beside_them(
    migrated_database: Path, tmp_path: Path
) -> None:
    differ: list[str] = []
    would: list[Any] = []
    for story in collected(SEVERAL):
        new = version_of(story[0])
        ours = PROJECT_OF_STORIES.journeys
        beside = Journeys([*ours.values(), new], shadow=[new.name])
        seen = []
        for played in (PROJECT_OF_STORIES, replace(PROJECT_OF_STORIES, journeys=beside)):
            home = tmp_path / uuid4().hex
            home.mkdir()
            settings = settings_in(home, migrated_database)
            seen.append(await outcome_of(story, played, settings, "c-1"))
        (rows, ends, told, _), (rows_2, ends_2, told_2, supposed) = seen
        would += supposed
        if (rows, ends, told) != (rows_2, ends_2, told_2):
            lines = difference(rows, rows_2, ("without", "beside it"))
            differ.append(f"{story[0].name}: {story[1]}\n{lines}\n{ends} {ends_2}")
    assert not differ, "\n\n".join([f"{len(differ)} of {SEVERAL}", *differ])
    assert would, "they were in shadow at all"
