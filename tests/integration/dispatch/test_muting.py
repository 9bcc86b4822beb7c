"""A journey with ``mutes`` keeps promotional messages away from the event that starts it on."""

import asyncio
import os
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import event as sql_events

from sojourn import EMAIL, TRANSACTIONAL, Journey, Message, days, field, hours
from sojourn.dispatch import aliasing, stopping
from sojourn.dispatch.recovery import Recovery
from sojourn.domain.events import CheckoutStarted, Event, OrderCancelled, OrderCompleted
from sojourn.domain.messages import Channel, Delivery, MessageClass, Reason, Receipt
from sojourn.insight import happenings
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.sending.drafting import Claim
from sojourn.store import Store, events, mutes, people, runs
from sojourn.store.tables import EventRow, MuteRow
from tests.integration.dispatch.test_entering import DAY, NOON, Shop
from tests.support.desk import REACHABLE, Desk
from tests.support.project import PROJECT

CARE = days(30)
RACES = int(os.environ.get("SOJOURN_MUTES", "8"))


def caring(**keywords: Any) -> Project:
    """Return a project with one journey, which mutes."""

    async def steps(self: Journey) -> None:
        """Send nothing."""

    body = {
        "steps": steps,
        "sorry": Message(EMAIL, message_class=TRANSACTIONAL, useful_for=hours(1)),
    }
    given = {
        "starts_on": CheckoutStarted,
        "key": "cart_id",
        "goal": OrderCompleted,
        "ends_on": OrderCancelled,
        "mutes": CARE,
        **keywords,
    }
    made = type("Care", (Journey,), body, name="care", **given)
    return replace(PROJECT, journeys=Journeys([made]))


@pytest.fixture
def shop(store: Store, customer_id: str, request: pytest.FixtureRequest) -> Shop:
    return Shop(store, customer_id, caring(**getattr(request, "param", {})))


async def on(shop: Shop) -> list[MuteRow]:
    async with shop.store.reading() as session:
        return list(await mutes.standing(session, shop.customer_id))


async def until(shop: Shop) -> datetime | None:
    """Return the end that the gate reads."""
    async with shop.store.reading() as session:
        return (await people.read(session, shop.customer_id)).in_care_until


def order(shop: Shop, at: timedelta, cart: str | None = "a", **fields: Any) -> Event:
    shop.number += 1
    return OrderCompleted(
        message_id=f"{shop.customer_id}-{shop.number}",
        customer_id=shop.customer_id,
        occurred_at=NOON + at,
        order_id="o",
        cart_id=cart,
        **fields,
    )


async def test_it_begins_with_the_start_and_ends_with_the_goal(shop: Shop) -> None:
    await shop.take(shop.checkout())
    (mute,) = await on(shop)
    assert (mute.journey, mute.key, mute.until) == ("care", "a", NOON + CARE)
    assert mute.workflow_id == f"care:{shop.customer_id}:a"
    assert await until(shop) == NOON + CARE
    await shop.take(order(shop, hours(1)))
    assert await on(shop) == []
    assert await until(shop) is None


async def test_the_end_of_one_key_leaves_the_other(shop: Shop) -> None:
    await shop.take(shop.checkout())
    await shop.take(shop.checkout(DAY, cart="b"))
    await shop.take(order(shop, 2 * DAY, cart="b"))
    assert [mute.key for mute in await on(shop)] == ["a"]
    assert await until(shop) == NOON + CARE
    await shop.take(order(shop, 3 * DAY, cart=None))
    assert await until(shop) is None


async def test_a_further_start_of_the_same_counts_again_and_one_end_ends_both(shop: Shop) -> None:
    await shop.take(shop.checkout())
    await shop.take(shop.checkout(DAY))
    assert await until(shop) == NOON + DAY + CARE
    await shop.take(order(shop, 2 * DAY))
    assert await until(shop) is None


async def test_the_same_event_twice_mutes_once(shop: Shop) -> None:
    event = shop.checkout()
    await shop.take(event)
    await shop.take(order(shop, hours(1)))
    await shop.take(event)
    assert await until(shop) is None


async def test_an_end_that_arrived_before_its_start_counts(shop: Shop) -> None:
    await shop.take(order(shop, hours(2)))
    await shop.take(shop.checkout())
    assert await until(shop) is None


async def test_an_end_of_before_the_start_does_not(shop: Shop) -> None:
    await shop.take(shop.checkout())
    await shop.take(order(shop, -DAY))
    assert await until(shop) == NOON + CARE


@pytest.mark.parametrize("shop", [{"enters_if": field("value") >= 20}], indirect=True)
async def test_a_refused_entry_mutes_nothing(shop: Shop) -> None:
    await shop.take(shop.checkout(value=3))
    assert await until(shop) is None
    await shop.take(shop.checkout(hours(1), value=30))
    assert await until(shop) == NOON + hours(1) + CARE


@pytest.mark.parametrize("shop", [{"at_most": 1}], indirect=True)
async def test_a_start_that_proves_too_many_is_taken_back(shop: Shop) -> None:
    await shop.take(shop.checkout())
    await shop.take(shop.checkout(DAY, cart="b"))
    assert [mute.key for mute in await on(shop)] == ["a"]
    assert await until(shop) == NOON + CARE


async def test_an_operators_stop_ends_it(shop: Shop) -> None:
    await shop.take(shop.checkout())
    await stopping.note(
        shop.store, f"care:{shop.customer_id}:a", because="settled by phone", at=NOON + DAY
    )
    assert await until(shop) is None


async def test_joined_ids_are_one_customer_and_an_end_of_either_counts(shop: Shop) -> None:
    other = Shop(shop.store, f"{shop.customer_id}-2", shop.project)
    await shop.take(shop.checkout())
    join = aliasing.join
    await join(
        shop.store, shop.customer_id, other.customer_id, shop.project,
        at=NOON, timezone="UTC", within=timedelta(minutes=5),
    )  # fmt: skip
    assert await until(other) == NOON + CARE
    third = Shop(shop.store, f"{shop.customer_id}-3", shop.project)
    await third.take(order(third, DAY))
    await join(
        shop.store, third.customer_id, other.customer_id, shop.project,
        at=NOON, timezone="UTC", within=timedelta(minutes=5),
    )  # fmt: skip
    assert await until(other) is None


async def test_explain_tells_its_beginning_and_what_ended_it(shop: Shop) -> None:
    start, end = shop.checkout(), order(shop, hours(1))
    await shop.take(start)
    await shop.take(end)
    async with shop.store.reading() as session:
        (mute,) = await mutes.of_customer(session, shop.customer_id)
    begun, over = happenings.cared(mute)
    run = f"care:{shop.customer_id}:a"
    until = "until 2024-02-07 12:00 UTC at the latest"
    assert begun.text == f"{run}: in care, no promotional message {until}"
    assert (begun.at, begun.message_id, begun.ended) == (NOON, start.message_id, False)
    assert (over.text, over.at) == (f"{run}: in care no more", NOON + hours(1))
    assert (over.message_id, over.ended) == (end.message_id, True)


async def test_a_recovery_mutes_for_a_run_that_began_without_it(shop: Shop) -> None:
    event = shop.checkout()
    before = Shop(shop.store, shop.customer_id, caring(mutes=None))
    await before.take(event)
    assert await on(shop) == []
    async with shop.store.reading() as session:
        (run,) = await runs.of_customer(session, shop.customer_id)
    settings = SimpleNamespace(clock_skew=timedelta(minutes=5))
    connected: Any = SimpleNamespace(store=shop.store, project=shop.project, settings=settings)
    await Recovery(connected, since=None, dry=True)._mute(run)
    assert await on(shop) == []
    await Recovery(connected, since=None, dry=False)._mute(run)
    assert [mute.workflow_id for mute in await on(shop)] == [run.workflow_id]
    await shop.take(order(shop, hours(1)))
    await Recovery(connected, since=None, dry=False)._mute(run)
    assert await on(shop) == [], "what has ended stays so"


@pytest.mark.parametrize("ended", [True, False])
async def test_it_costs_nothing_where_nobody_is_muted(
    store: Store, customer_id: str, *, ended: bool
) -> None:
    """An event that may end it asks nothing more of a customer who is not in care."""
    costs = []
    for name, mute in (("plain", None), ("muting", CARE)):
        shop = Shop(store, f"{customer_id}-{name}", caring(mutes=mute))
        await shop.take(shop.checkout())
        if ended:
            await shop.take(order(shop, hours(1)))
        with counted(store) as said:
            await shop.take(order(shop, hours(2)))
        costs.append(len(said))
    without, with_it = costs
    assert (with_it == without) is ended


@contextmanager
def counted(store: Store) -> Any:
    said: list[str] = []

    def note(*given: object) -> None:
        said.append(str(given[2]))

    engine = store.engine.sync_engine
    sql_events.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        sql_events.remove(engine, "before_cursor_execute", note)


# ---- with the gate ------------------------------------------------------------------------------


@pytest.fixture
async def desk(shop: Shop) -> Desk:
    desk = Desk(shop.store, shop.customer_id)
    await desk.identify(**REACHABLE)
    desk.start = await desk.add()
    return desk


def promotional(desk: Desk, **changes: Any) -> Delivery:
    given: dict[str, Any] = {"goals": (), "restarts": (), "ends": (), **changes}
    return desk.delivery(**given)


async def test_a_held_message_asks_again_when_it_ends(shop: Shop, desk: Desk) -> None:
    await shop.take(shop.checkout())
    held = promotional(desk, useful_until=NOON + 2 * CARE)
    answer = await desk.gate.pass_or_refuse(held, NOON + DAY)
    assert isinstance(answer, Receipt)
    assert (answer.reason, answer.until) == (Reason.IN_CARE, NOON + CARE)
    await shop.take(order(shop, 2 * DAY))
    async with shop.store.reading() as session:
        rows: list[EventRow] = list(await events.of_customer(session, shop.customer_id))
    (woken,) = (row for row in rows if row.name == "Hold Ended")
    assert woken.properties["run"] == held.workflow_id
    assert isinstance(await desk.gate.pass_or_refuse(held, NOON + 2 * DAY), Claim)


async def test_its_own_transactional_message_passes(shop: Shop, desk: Desk) -> None:
    await shop.take(shop.checkout())
    said = promotional(desk, message_class=MessageClass.TRANSACTIONAL, channels=(Channel.EMAIL,))
    assert isinstance(await desk.gate.pass_or_refuse(said, NOON + DAY), Claim)


async def test_no_claim_follows_an_acknowledged_start(store: Store, customer_id: str) -> None:
    for number in range(RACES):
        shop = Shop(store, f"{customer_id}-{number}", caring())
        desk = Desk(store, shop.customer_id)
        await desk.identify(**REACHABLE, hours=-1)
        desk.start = await desk.add()
        acknowledged = asyncio.Event()

        async def complain(shop: Shop = shop, told: Callable[[], None] = acknowledged.set) -> None:
            await shop.take(shop.checkout())
            told()

        task = asyncio.create_task(complain())
        late, n = 0, 0
        while late < 3:
            n += 1
            began_after = acknowledged.is_set()
            answer = await desk.gate.pass_or_refuse(
                promotional(desk, n=n, step=f"s{n}"), NOON + DAY
            )
            if began_after:
                late += 1
                assert isinstance(answer, Receipt)
                assert answer.reason is Reason.IN_CARE
            await asyncio.sleep(0)
        await task


def test_a_time_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match=r"Care mutes for no time: write mutes=days\(30\)"):
        caring(mutes=days(0))
