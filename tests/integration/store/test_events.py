"""Events are kept once, and found by key and moment."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlmodel import select

from sojourn.domain.events import SHIPPED, Event, OrderCompleted
from sojourn.domain.keys import Reach
from sojourn.store import (
    Store,
    events,
    histories,
    people,
)
from sojourn.store.tables import EventRow
from tests.support.rows import HOUR, NOON, event_row, keep


async def _events_of(store: Store, customer_id: str) -> list[EventRow]:
    async with store.reading() as session:
        query = select(EventRow).where(EventRow.customer_id == customer_id)
        return list(await session.exec(query))


async def test_an_event_sent_twenty_times_at_once_is_one_row(
    store: Store, customer_id: str
) -> None:
    message_id = str(uuid4())
    kept = await asyncio.gather(
        *(keep(store, event_row(customer_id, message_id=message_id)) for _ in range(20))
    )
    assert sum(new for _, new in kept) == 1
    assert len({row.seq for row, _ in kept}) == 1
    assert len(await _events_of(store, customer_id)) == 1


async def test_one_id_for_two_customers_at_once_keeps_both(store: Store, customer_id: str) -> None:
    message_id, other = str(uuid4()), f"{customer_id}-other"
    kept = await asyncio.gather(
        *(keep(store, event_row(who, message_id=message_id)) for who in [customer_id, other] * 5)
    )
    assert sum(new for _, new in kept) == 2
    assert len(await _events_of(store, customer_id)) == len(await _events_of(store, other)) == 1


async def test_one_id_for_two_events_keeps_the_purchase(store: Store, customer_id: str) -> None:
    message_id = str(uuid4())
    order = {"order_id": "o", "cart_id": "c"}
    await keep(store, event_row(customer_id, message_id=message_id))
    for new in (True, False):
        row = event_row(
            customer_id, message_id=message_id, name="Order Completed", properties=order
        )
        kept, stored = await keep(store, row)
        assert stored is new
        assert isinstance(events.typed(kept, SHIPPED), OrderCompleted)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"cart_id": "k1"}, {"cart_id": "k2"}, id="another cart"),
        pytest.param({"order_id": "o1"}, {"order_id": "o2"}, id="another order"),
        pytest.param({"cart_id": "k1", "order_id": "o1"}, {"order_id": "o2"}, id="no cart"),
    ],
)
async def test_one_id_for_two_purchases_keeps_both(
    store: Store, customer_id: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    message_id = str(uuid4())

    async def buy(properties: dict[str, Any]) -> tuple[EventRow, bool]:
        given = {"order_id": "o", **properties}
        row = event_row(
            customer_id, message_id=message_id, name="Order Completed", properties=given
        )
        return await keep(store, row)

    assert [(await buy(properties))[1] for properties in (first, second)] == [True, True]
    again = [await buy(properties) for properties in (first, second, first)]
    assert [stored for _, stored in again] == [False, False, False]
    assert [row.properties for row, _ in again] == [
        {"order_id": "o", **first}, {"order_id": "o", **second}, {"order_id": "o", **first},
    ]  # fmt: skip
    assert len(await _events_of(store, customer_id)) == 2
    # a third, and each of them is found again
    third = {"cart_id": "k3", "order_id": "o3"}
    assert (await buy(third))[1]
    assert not (await buy(third))[1]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param({"cart_id": "k"}, {"cart_id": "k?key=secret"}, id="the cart by another name"),
        pytest.param({"cart_id": 12}, {"cart_id": "12.0"}, id="the number by another name"),
        pytest.param({"cart_id": "k"}, {}, id="a cart left out"),
        pytest.param({}, {"cart_id": "k"}, id="a cart told later"),
        pytest.param({"total": 1}, {"total": 2}, id="another total"),
        pytest.param({"request_id": "1"}, {"request_id": "2"}, id="an id that is no field"),
    ],
)
async def test_one_id_for_one_purchase_keeps_one(
    store: Store, customer_id: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    message_id = str(uuid4())
    for properties, new in ((first, True), (second, False)):
        row = event_row(
            customer_id,
            message_id=message_id,
            name="Order Completed",
            properties={"order_id": "o", **properties},
        )
        assert (await keep(store, row))[1] is new


async def test_an_id_that_had_to_be_lengthened_still_is_an_id(store: Store) -> None:
    longest = uuid4().hex + "x" * 168
    await keep(store, event_row(longest, message_id=longest))
    order = {"order_id": "o", "cart_id": "c"}
    row = event_row(longest, message_id=longest, name="Order Completed", properties=order)
    kept, stored = await keep(store, row)
    assert stored
    assert events.typed(kept, SHIPPED).message_id == kept.message_id
    assert not (await keep(store, row.model_copy(update={"message_id": longest})))[1]


@pytest.mark.parametrize("key", [7, "7", 7.5, 0])
async def test_a_key_that_was_sent_as_a_number_is_that_key(
    store: Store, customer_id: str, key: Any
) -> None:
    order = {"order_id": "o", "cart_id": key}
    await keep(store, event_row(customer_id, name="Order Completed", properties=order))
    async with store.reading() as session:
        for asked, expected in ((str(key), 1), ("another", 0)):
            found = await events.newer(
                session,
                customer_id,
                ["Order Completed"],
                than=(NOON - HOUR, 0),
                reach=Reach("cart_id"),
                key=asked,
                known=SHIPPED,
            )
            assert len(found) == expected


async def test_newer_means_later_in_time_or_after_it_at_the_same_moment(
    store: Store, customer_id: str
) -> None:
    first, _ = await keep(store, event_row(customer_id))
    second, _ = await keep(store, event_row(customer_id))
    earlier, _ = await keep(store, event_row(customer_id, at=NOON - timedelta(microseconds=1)))
    assert first.seq is not None

    async def after(at: datetime, seq: int) -> list[str]:
        async with store.reading() as session:
            found = await events.newer(
                session,
                customer_id,
                ["Product Added"],
                than=(at, seq),
                reach=Reach(""),
                key="",
                known=SHIPPED,
            )
        return [event.id for event in found]

    assert await after(NOON, first.seq) == [second.message_id]
    assert await after(NOON - HOUR, 0) == [earlier.message_id, first.message_id, second.message_id]


async def test_newer_goes_back_by_the_tolerance_for_what_arrived_later(
    store: Store, customer_id: str
) -> None:
    before, _ = await keep(store, event_row(customer_id, at=NOON - timedelta(minutes=1)))
    start, _ = await keep(store, event_row(customer_id))
    late, _ = await keep(store, event_row(customer_id, at=NOON - timedelta(minutes=5)))
    older, _ = await keep(store, event_row(customer_id, at=NOON - timedelta(minutes=6)))
    assert start.seq is not None
    async with store.reading() as session:
        found = await events.newer(
            session,
            customer_id,
            ["Product Added"],
            than=(NOON, start.seq),
            reach=Reach(""),
            key="",
            known=SHIPPED,
            within=timedelta(minutes=5),
        )
    assert [event.id for event in found] == [late.message_id]
    assert {before.message_id, older.message_id}.isdisjoint(event.id for event in found)


async def _history(
    store: Store, customer_id: str, start: EventRow, folded: Collection[str] = ()
) -> list[Event]:
    assert start.seq is not None
    async with store.reading() as session:
        told = await histories.history(
            session,
            customer_id,
            reach=Reach(field="cart_id"),
            key="c",
            since_goal=["Order Completed"],
            before=(start.occurred_at, start.seq),
            known=SHIPPED,
            folded=folded,
        )
    return told.own


MANY = histories.LIMIT + 5


async def _keep_many(
    store: Store, customer_id: str, hours: int, name: str, **properties: Any
) -> None:
    """Keep more events than a template sees, a second apart."""
    rows = [
        event_row(
            customer_id,
            at=NOON + hours * HOUR + timedelta(seconds=second),
            name=name,
            properties=properties,
        )
        for second in range(MANY)
    ]
    async with store.transaction() as session:
        await people.lock(session, customer_id)
        await events.add_all(session, rows)


async def test_no_kind_and_no_other_key_pushes_an_event_out_of_the_history(
    store: Store, customer_id: str
) -> None:
    start, _ = await keep(store, event_row(customer_id))
    removed = event_row(
        customer_id,
        at=NOON + HOUR,
        name="Product Removed",
        properties={"product_id": "p", "cart_id": "c"},
    )
    await keep(store, removed)
    await _keep_many(store, customer_id, 2, "Feature Used", feature="search")
    await _keep_many(store, customer_id, 3, "Product Removed", product_id="p", cart_id="another")
    found = await _history(store, customer_id, start)
    assert [event.message_id for event in found][:2] == [start.message_id, removed.message_id]
    names = [event.event_name for event in found]
    assert names.count("Product Removed") == 1
    assert names.count("Feature Used") == histories.LIMIT


async def test_the_newest_of_a_kind_are_the_ones_that_a_template_sees(
    store: Store, customer_id: str
) -> None:
    start, _ = await keep(store, event_row(customer_id))
    await _keep_many(store, customer_id, 1, "Feature Used", feature="x")
    newest = event_row(
        customer_id, at=NOON + 9 * HOUR, name="Feature Used", properties={"feature": "y"}
    )
    await keep(store, newest)
    found = await _history(store, customer_id, start)
    assert found[-1].message_id == newest.message_id
    assert found[1].occurred_at == NOON + HOUR + timedelta(seconds=6)


async def test_a_kind_that_templates_fold_is_there_to_the_last_event(
    store: Store, customer_id: str
) -> None:
    start, _ = await keep(store, event_row(customer_id))
    await _keep_many(store, customer_id, 1, "Product Added", product_id="q", cart_id="c")
    found = await _history(store, customer_id, start, ["Product Added", "Product Removed"])
    assert len(found) == MANY + 1
    assert found[0].message_id == start.message_id


async def test_history_is_of_the_key_or_of_none_and_begins_after_the_last_goal(
    store: Store, customer_id: str
) -> None:
    async def add(hours: int, name: str = "Product Added", **properties: Any) -> EventRow:
        given = {"product_id": "p", "order_id": "o", **properties}
        row = event_row(customer_id, at=NOON + hours * HOUR, name=name, properties=given)
        return (await keep(store, row))[0]

    await add(0, cart_id="c")  # bought
    await add(1, "Order Completed", cart_id="c")
    start = await add(2, cart_id="c")
    other = await add(3, "Order Completed", cart_id="another")
    anywhere = await add(4)
    await add(5, "Something Else", cart_id="c")
    late = await add(6, "Order Completed", cart_id="c")  # this run's own goal
    found = [event.message_id for event in await _history(store, customer_id, start)]
    assert found == [start.message_id, anywhere.message_id, late.message_id]
    assert other.message_id not in found


async def test_a_batch_of_customers_with_unrouted_events_names_each_once(
    store: Store, customer_id: str
) -> None:
    for _ in range(3):
        await keep(store, event_row(customer_id))
    async with store.reading() as session:
        found = await events.left_unrouted(session, before=NOON + HOUR, limit=500)
        assert [each.customer_id for each in found].count(customer_id) == 1
        early = await events.left_unrouted(session, before=NOON, limit=500)
        assert customer_id not in [each.customer_id for each in early]
        waiting = (await events.unrouted(session, [customer_id]))[customer_id]
    async with store.transaction() as session:
        await events.mark_routed(session, [row.seq for row in waiting if row.seq], NOON)
        assert await events.unrouted(session, [customer_id]) == {}
