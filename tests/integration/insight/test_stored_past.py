"""The past in the store is enough to play it once more: the ledger is the same.

`tests/long/test_stored_past.py` tries more stories than the few of this file.
"""

import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sojourn.dispatch.calls import Track
from sojourn.domain.events import EARLIEST
from sojourn.domain.messages import Channel
from sojourn.domain.prices import Prices
from sojourn.insight.backtesting.besides import changes_of
from sojourn.insight.backtesting.comparing import compare
from sojourn.insight.backtesting.ledgered import ledgered
from sojourn.insight.backtesting.playing import Arrival, Span, feed, play, world_of
from sojourn.insight.backtesting.remembering import remember
from sojourn.insight.backtesting.side import Side
from sojourn.insight.backtesting.stored import Stored, read_stored
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, past
from sojourn.store.tables import AddressRow, CustomerRow, DeviceRow, SuppressionRow
from sojourn.testkit.engines import in_process
from tests.integration.in_memory.test_same_in_memory import collected, row_of
from tests.support.baskets import BEGIN as BASKETS_BEGIN
from tests.support.baskets import (
    Shop,
    a_past,
    becomes_another,
    bounces,
    buys,
    buys_as_another,
    open_shop,
    refuses_by_link,
    takes_a_break,
)
from tests.support.dated import Dated
from tests.support.own_project import OwnProject
from tests.support.postgres import Postgres
from tests.support.project import WHOLE
from tests.support.stories import BEGIN, Story, difference, tell

STORIES = 6
NewDatabase = Callable[[Path], Awaitable[str]]


async def told(story: Story, url: str, settings: Settings, project: Project) -> list[Any]:
    """Have a story happen in a store; return its ledger."""
    customer_id = f"c-{uuid4().hex[:12]}"
    async with (
        await Store.open(url) as store,
        in_process.serving(store, settings, project) as engine,
    ):
        test = Dated(engine, store, settings, "", customer_id, project=project)
        test.begin_at(BEGIN)
        await tell(story, test)
        return sorted(map(row_of, await test.messages()), key=str)


async def again(url: str, settings: Settings, project: Project) -> tuple[list[Any], Stored]:
    """Play what a store has in memory; return the ledger, and what was read."""
    stored, until = Stored(), BEGIN + timedelta(days=400)
    async with await Store.open(url) as store:
        async for page in past.pages(store, since=EARLIEST, until=until):
            stored.add(page, project.events, since=EARLIEST, until=until)
    calls = sorted(stored.calls, key=lambda call: call.at)
    world = world_of(project, settings, calls[0].at)
    feed(world, calls)
    world.advance(calls[-1].at + timedelta(days=40))
    people = {id(person): person for person in world.registry.people.values()}
    return sorted((row_of(row) for one in people.values() for row in one.rows), key=str), stored


async def differing(
    stories: list[Story], project: Project, new_database: NewDatabase, folder: Path
) -> tuple[list[str], int]:
    """Return the stories whose ledgers differ, and of how many the store knows everything."""
    found, whole = [], 0
    for story in stories:
        home = folder / uuid4().hex
        home.mkdir()
        url = await new_database(home)
        settings = Settings(home=home, database_url=url, track_clicks=False)
        if story[0].name not in world_of(project, settings, BEGIN).left_out:
            stored = await told(story, url, settings, project)
            here, read = await again(url, settings, project)
            whole += not read.gaps["replaced"]
            if here != stored and not read.gaps["replaced"]:
                rows = difference(here, stored, ("played", "in the store"))
                found.append(f"{story[0].name}: {story[1]}\n{rows}")
        shutil.rmtree(home)
    return found, whole


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, migrated_database: Path) -> NewDatabase:
    """Return a function that makes a migrated database for a story."""

    async def sqlite(home: Path) -> str:
        shutil.copy(migrated_database, home / "journey.db")
        return f"sqlite:///{home / 'journey.db'}"

    async def postgresql(_: Path) -> str:
        return await server.create(like=migrated)

    if request.param == "sqlite":
        return sqlite
    server: Postgres = request.getfixturevalue("postgres")
    migrated: str = request.getfixturevalue("migrated_postgresql")
    return postgresql


async def test_a_story_is_played_again_from_the_store(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    differ, whole = await differing(collected(STORIES), WHOLE, new_database, tmp_path)
    assert not differ, "\n\n".join([f"{len(differ)} of {STORIES}", *differ])
    assert whole >= STORIES / 2, "of most stories the store knows everything"


async def test_a_time_is_read_in_pages_and_played_as_the_ledger_has_it(
    own_project: OwnProject, migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_shop(own_project)
    span = {"since": BASKETS_BEGIN, "until": BASKETS_BEGIN + timedelta(days=30)}
    async with await Store.open(migrated_url) as store:
        await a_past(store, own_project.folder, migrated_url)
        shop = Shop(store, own_project.folder, migrated_url)
        await shop.lives("guest", BASKETS_BEGIN + timedelta(hours=3), becomes_another)
        whole = await read_stored(store, shop.project.events, **span)
        monkeypatch.setattr(past, "PAGE", 2)
        paged = await read_stored(store, shop.project.events, **span)
        real = await ledgered(store, prices=Prices(), **span)
    assert paged.gaps == whole.gaps
    assert sorted(map(repr, paged.calls)) == sorted(map(repr, whole.calls))
    assert {gap: number for gap, number in paged.gaps.items() if number} == {
        "joined": 1,
        "open_runs": 1,
    }
    here = play(
        paged.calls,
        shop.project,
        shop.settings,
        led_on=timedelta(0),
        span=Span(**span, begin=lambda world: remember(world, paged.before)),
    )
    found = compare(real, here)
    assert found.changes == [], "the guest's messages are under the id that she has now"
    assert [line.customer_id for line in here.lines if line.key.startswith("basket:home:")] == [
        "home",
        "home",
    ]
    assert here.entered == real.entered == {"basket": 4}


async def test_older_things_are_known_and_begin_nothing(
    own_project: OwnProject, migrated_database: Path, tmp_path: Path
) -> None:
    open_shop(own_project)
    shutil.copy(migrated_database, tmp_path / "test.db")
    url = f"sqlite:///{tmp_path}/test.db"
    since = BASKETS_BEGIN + timedelta(days=20)
    async with await Store.open(url) as store:
        shop = Shop(store, own_project.folder, url)
        await shop.lives("ada", BASKETS_BEGIN, buys)
        await shop.lives("ada", since + timedelta(days=1))
        stored = await read_stored(
            store, shop.project.events, since=since, until=since + timedelta(days=30)
        )
    world = world_of(shop.project, shop.settings, since)
    remember(world, stored.before)
    person = world.registry.person("ada")
    assert [one.name for one in person.events] == ["Product Added", "Order Completed"]
    assert [(row.step, str(row.state)) for row in person.rows] == [("hello", "sent")]
    assert [begun.key for _, begun in person.begun["basket"]] == ["k-ada"]
    assert world.registry.every_run == []
    feed(world, sorted(stored.calls, key=lambda call: call.at))
    world.advance(since + timedelta(days=10))
    assert [noted.workflow_id for noted in world.registry.every_run] == ["basket:ada:k-ada"]
    assert [row.step for row in person.rows] == ["hello", "hello", "again"]


async def test_an_order_of_another_id_ends_the_guests_run_once_more(
    own_project: OwnProject, migrated_database: Path, tmp_path: Path
) -> None:
    open_shop(own_project)
    shutil.copy(migrated_database, tmp_path / "test.db")
    url = f"sqlite:///{tmp_path}/test.db"
    span = {"since": BASKETS_BEGIN, "until": BASKETS_BEGIN + timedelta(days=30)}
    async with await Store.open(url) as store:
        shop = Shop(store, own_project.folder, url)
        await shop.lives("guest", BASKETS_BEGIN, buys_as_another)
        every = await read_stored(store, shop.project.events, **span)
        async with store.reading() as session:
            one = await past.read(session, ["guest"], until=span["until"])
    (order,) = (
        call.call
        for call in every.calls
        if isinstance(call, Arrival) and isinstance(call.call, Track) and call.call.also
    )
    assert (order.customer_id, order.also) == ("home", ("guest",))
    alone = Stored()  # the other id is not read: the copy is an event of the guest's own
    alone.add(one, shop.project.events, since=EARLIEST, until=span["until"])
    for stored in (every, alone):
        side = play(
            stored.calls,
            shop.project,
            shop.settings,
            span=Span(**span, begin=lambda world: None),
        )
        assert side.outcomes == {"basket": {"converted": 1}}


async def test_breaks_dead_addresses_and_refusals_by_link_are_played(
    own_project: OwnProject, migrated_database: Path, tmp_path: Path
) -> None:
    open_shop(own_project)
    shutil.copy(migrated_database, tmp_path / "test.db")
    url = f"sqlite:///{tmp_path}/test.db"
    span = {"since": BASKETS_BEGIN, "until": BASKETS_BEGIN + timedelta(days=30)}
    async with await Store.open(url) as store:
        shop = Shop(store, own_project.folder, url)
        await shop.lives("eva", BASKETS_BEGIN, takes_a_break)
        await shop.lives("finn", BASKETS_BEGIN + timedelta(hours=1), bounces)
        await shop.lives("hana", BASKETS_BEGIN + timedelta(hours=2), refuses_by_link)
        stored = await read_stored(store, shop.project.events, **span)
        real = await ledgered(store, prices=Prices(), **span)
    here = play(
        stored.calls,
        shop.project,
        shop.settings,
        led_on=timedelta(0),
        span=Span(**span, begin=lambda world: None),
    )

    def fates(side: Side) -> list[tuple[Any, ...]]:
        told = [(one.key, one.state, one.reason, one.held, one.decided) for one in side.lines]
        return sorted((*fate, at.replace(second=0, microsecond=0)) for *fate, at in told)

    assert fates(here) == fates(real)
    assert {(state, reason, held) for _, state, reason, held, _ in fates(here)} == {
        ("sent", "", False),
        ("sent", "", True),
        ("skipped", "suppressed", False),
        ("skipped", "no_consent", False),
    }


def test_devices_and_lifted_suppressions_change_with_their_moments() -> None:
    at = [BASKETS_BEGIN + n * timedelta(hours=1) for n in range(6)]
    ada = CustomerRow(customer_id="ada", push_token="card")
    phone, tablet = (
        DeviceRow(customer_id="ada", token=token, since=at[n], used_at=at[5 - n], source="x")
        for n, token in ((1, "phone"), (2, "tablet"))
    )
    tablet.gone_at = at[4]
    on_card = AddressRow(customer_id="ada", kind="push_token", value="card", at=at[0], source="x")
    dead = SuppressionRow(
        channel="push", address="phone", because="gone", at=at[3], source="x", lifted_at=at[5]
    )
    told = list(
        changes_of(
            past.Past(
                [ada],
                devices=[phone, tablet],
                addresses=[on_card],
                suppressed=[("ada", Channel.PUSH, "phone", dead)],
            )
        )
    )
    devices = [one for one in told if "devices" in one.besides]
    assert [(one.at, [device.token for device in one.besides["devices"]]) for one in devices] == [
        (at[0], ["card"]),
        (at[1], ["phone", "card"]),
        (at[2], ["phone", "tablet", "card"]),
        (at[4], ["phone", "card"]),
    ]
    assert [(one.at, one.dead) for one in told if one.dead is not None] == [
        (at[3], frozenset({(Channel.PUSH, "phone")})),
        (at[5], frozenset()),
    ]
