"""Events of an order that comes in parcels, as the store keeps and finds them."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from sojourn.domain.events import SHIPPED, ParcelEvent
from sojourn.domain.keys import Reach
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.store import Store, events, histories, people
from sojourn.store.tables import EventRow
from tests.support.rows import HOUR, NOON, event_row
from workflows.delivery import Delivery

REACH = Delivery.terms.reach
KNOWN = Project(journeys=Journeys({Delivery})).events


def status(customer_id: str, parcel: str | None, hours: int = 0, **fields: Any) -> EventRow:
    given = {"order_id": "o1", "tracking_number": parcel, **fields}
    return event_row(customer_id, at=NOON + hours * HOUR, name="Order Shipped", properties=given)


async def keep(store: Store, *rows: EventRow) -> list[tuple[EventRow, bool]]:
    async with store.transaction() as session:
        await people.lock(session, rows[0].customer_id)
        return [await events.add(session, row, KNOWN) for row in rows]


async def test_one_id_for_two_parcels_keeps_both(store: Store, customer_id: str) -> None:
    """A sender may make ids of the order and the status."""
    ids = [str(uuid4())] * 3
    rows = [status(customer_id, parcel) for parcel in ("T1", "T2", "T1 ")]
    for row, message_id in zip(rows, ids, strict=True):
        row.message_id = message_id
    kept = await keep(store, *rows)
    assert [new for _, new in kept] == [True, True, False]
    assert len({row.message_id for row, _ in kept}) == 2


async def history(store: Store, start: EventRow, key: str, reach: Reach = REACH) -> histories.Told:
    assert start.seq is not None
    async with store.reading() as session:
        return await histories.history(
            session,
            start.customer_id,
            reach=reach,
            key=key,
            since_goal=[],
            before=(start.occurred_at, start.seq),
            known=SHIPPED,
        )


def numbers(told: list[Any]) -> list[str | None]:
    return [one.tracking_number for one in told if isinstance(one, ParcelEvent)]


async def test_a_parcel_has_its_events_and_those_of_the_whole_order(
    store: Store, customer_id: str
) -> None:
    rows = [
        status(customer_id, "T1", 3),
        status(customer_id, None, 2),
        status(customer_id, "T2", 1),
        status(customer_id, "T3", 0, order_id="o2"),
    ]
    kept = await keep(store, *rows)
    told = await history(store, kept[0][0], "o1//T1")
    assert numbers(told.own) == [None, "T1"], "as they happened"
    assert numbers(list(told.arrived)) == ["T1", None, "T2"], "as they arrived"
    told = await history(store, kept[0][0], "o1")
    assert numbers(told.own) == [None]
    assert numbers(list(told.arrived)) == ["T1", None, "T2"]
    told = await history(store, kept[0][0], "o1", Reach(field="order_id"))
    assert numbers(told.own) == ["T2", None, "T1"]
    assert list(told.arrived) == []


async def test_no_parcel_pushes_the_events_of_another_one_out(
    store: Store, customer_id: str
) -> None:
    first = status(customer_id, "T1")
    later = timedelta(seconds=1)
    crowd = [status(customer_id, "T2", 1) for _ in range(histories.LIMIT + 1)]
    for number, row in enumerate(crowd):
        row.occurred_at += number * later
    ((kept, _), *_) = await keep(store, first)
    async with store.transaction() as session:
        await people.lock(session, customer_id)
        await events.add_all(session, crowd)
    assert numbers((await history(store, kept, "o1//T1")).own) == ["T1"]


async def test_the_orders_that_a_customer_has_had_are_known_by_their_parcels(
    store: Store, customer_id: str
) -> None:
    kept = await keep(
        store, status(customer_id, "T2"), status(customer_id, "T1"), status(customer_id, None)
    )
    rows = [row for row, _ in kept]
    async with store.reading() as session:
        had = await events.keys_had(session, [customer_id], REACH)
    assert had == events.keys_in(rows, REACH) == {"o1": rows[0].seq}
