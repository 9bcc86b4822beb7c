"""A plan reads as much, however many events wait, and is that of who has read them all."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event as listen
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import enough, knowing
from sojourn.dispatch.committing import WINDOW, Transaction
from sojourn.dispatch.knowing import since_of
from sojourn.dispatch.lanes import Lanes, Wake
from sojourn.dispatch.planning import Known, Plan, Planned, readable
from sojourn.dispatch.routing import Start, Tell
from sojourn.domain.customer import Customer
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.store import Store
from sojourn.store.tables import EventRow, RunRow
from tests.support.effort import fewer
from tests.support.project import PROJECT, WHOLE

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def row(customer_id: str, name: str, at: datetime, **said: Any) -> EventRow:
    routed = said.pop("routed", False)
    return EventRow(
        message_id=str(uuid4()),
        customer_id=customer_id,
        name=name,
        occurred_at=at,
        received_at=at,
        routed_at=at if routed else None,
        properties={"product_id": "p", "order_id": "o", "feature": "f", **said},
    )


# ---- the cost ------------------------------------------------------------------------------


async def planned(store: Store, waiting: Sequence[EventRow]) -> tuple[Plan | None, int]:
    """Store events of one customer with an open run, and plan; return how much was read, too."""
    customer_id, read = waiting[0].customer_id, 0
    run = RunRow(
        workflow_id=f"abandoned-cart:{customer_id}:k",
        run_id="r",
        journey="abandoned-cart",
        customer_id=customer_id,
        key="k",
        enrolment="e",
        started_at=NOON,
    )
    async with store.transaction() as session:
        session.add_all([*waiting, run])

    def count(_target: object, _context: object) -> None:
        nonlocal read
        read += 1

    transaction = Transaction(Lanes(), PROJECT, "UTC", timedelta(0), CLOCK_SKEW)
    wake = Wake(customer_id, asyncio.get_running_loop().create_future())
    listen.listen(EventRow, "load", count)
    try:
        async with store.transaction() as session:
            await transaction.run(session, [wake], patient=True)
    finally:
        listen.remove(EventRow, "load", count)
    return transaction.plans.get(customer_id), read


def bought(customer_id: str, number: int) -> list[EventRow]:
    """Return a cart, and purchases of it that follow."""
    goals = [
        row(customer_id, "Order Completed", NOON + n * SECOND, cart_id="k")
        for n in range(1, number)
    ]
    return [row(customer_id, "Product Added", NOON, cart_id="k"), *goals]


def looked_first(customer_id: str, number: int) -> list[EventRow]:
    """Return events that concern no run, then a cart and purchases of it."""
    idle = [row(customer_id, "Feature Used", NOON - n * SECOND) for n in range(3 * WINDOW)]
    return [*idle, *bought(customer_id, number)]


@pytest.mark.parametrize("queue", [bought, looked_first])
async def test_a_plan_reads_no_more_of_a_queue_of_thousands_than_of_hundreds(
    store: Store, queue: Any
) -> None:
    read: list[int] = []
    for number in (200, 1500):
        plan, one = await planned(store, queue(f"c-{uuid4().hex[:12]}", number))
        assert plan is not None
        assert plan.row.name == "Product Added"
        assert [type(target) for target in plan.targets] == [Tell], "its purchase waits behind it"
        read.append(one)
    assert read[0] == read[1]


async def test_a_start_that_nothing_ends_is_planned_whatever_waits_behind_it(store: Store) -> None:
    """The cart was left, and a thousand others were bought."""
    customer_id = f"c-{uuid4().hex[:12]}"
    others = [
        row(customer_id, name, NOON + n * SECOND, cart_id=f"k{n}")
        for n in range(1, 150)
        for name in ("Product Added", "Order Completed")
    ]
    left = row(customer_id, "Product Added", NOON, cart_id="left")
    plan, _ = await planned(store, [left, *others])
    assert plan is not None
    assert plan.row.message_id == left.message_id
    assert [type(target) for target in plan.targets] == [Start]


# ---- the outcome ---------------------------------------------------------------------------

NAMES = (
    *("Product Added", "Product Viewed", "Order Completed", "Signed Up", "Account Activated"),
    *("Subscription Started", "Subscription Renewed", "Subscription Cancelled", "Journey Stopped"),
)
KEYS = st.sampled_from(["", "a", "b"])
EVENTS = st.lists(
    st.tuples(st.sampled_from(NAMES), st.integers(-400, 400), KEYS, st.booleans()),
    min_size=4,
    max_size=14,
)


def told(customer_id: str, name: str, seconds: int, key: str, *, routed: bool) -> EventRow:
    said = {"cart_id": key, "subscription_id": key} if key else {}
    if name == "Journey Stopped":
        said["run"] = f"abandoned-cart:{customer_id}:{key}"
    if name.startswith("Subscription"):
        said["expires_at"] = "2027-01-01T00:00:00Z"
    return row(customer_id, name, NOON + seconds * SECOND, routed=routed, **said)


@fewer(2)
@given(said=EVENTS)
async def test_the_plan_is_the_one_of_who_has_read_everything(
    store: Store, said: list[tuple[str, int, str, bool]]
) -> None:
    customer_id = f"c-{uuid4().hex[:12]}"
    rows = [
        told(customer_id, name, seconds, key, routed=routed) for name, seconds, key, routed in said
    ]
    async with store.transaction() as session:
        for one in rows:  # one after the other: in the order of their arrival
            session.add(one)
            await session.flush()
        waiting = readable([one for one in rows if one.routed_at is None], WHOLE.events)[0]
        few, all_of_them = [
            await plan_with(session, customer_id, waiting, page) for page in (1, 1000)
        ]
    assert few == all_of_them


async def plan_with(session: AsyncSession, customer_id: str, waiting: Any, page: int) -> Planned:
    """Return the plan, with so many events read at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(knowing, "PAGE", page)
        since = await since_of(session, {customer_id: waiting}, WHOLE.journeys, CLOCK_SKEW)
        found = await enough.plan(
            session,
            Known(Customer(customer_id=customer_id), ()),
            waiting,
            since.get(customer_id),
            WHOLE.journeys,
            timezone="UTC",
            clock=timedelta(0),
            within=CLOCK_SKEW,
        )
    return replace(found, rests_on=frozenset())
