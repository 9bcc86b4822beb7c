"""An order that names a code uses it, in the transaction that stores the order."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from sojourn.dispatch.committing import Transaction
from sojourn.dispatch.intake import Intake
from sojourn.domain.events import Event, OrderCompleted
from sojourn.store import Store, coupon_stock, coupon_uses, coupons, joining, people
from sojourn.store.coupons import Wanted
from sojourn.store.tables import CouponRow, CouponUseRow, EventRow
from tests.integration.dispatch.test_intake import Runs
from tests.support.coupons import rows_of, stock
from tests.support.project import PROJECT

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def pool() -> str:
    return f"pool-{uuid4().hex[:8]}"


def intake(store: Store) -> Intake:
    runs: Any = Runs()
    return Intake(store, runs, PROJECT, timezone="UTC", clock=timedelta(0))


async def order(taking: Intake, customer_id: str, order_id: str, **said: Any) -> str:
    """Take an order as it was sent; return the id of its event."""
    event: Event = OrderCompleted(customer_id=customer_id, order_id=order_id, occurred_at=NOON)
    row = EventRow(
        message_id=event.message_id,
        customer_id=customer_id,
        name=event.event_name,
        occurred_at=said.pop("at", NOON),
        received_at=NOON,
        properties={"order_id": order_id, **said},
        as_sent=said.pop("as_sent", None),
    )
    return (await taking.take(row, event)).message_id


async def given(store: Store, pool: str, customer_id: str) -> str:
    async with store.transaction() as session:
        wanted = {f"{pool}/{customer_id}": Wanted(customer_id)}
        found = await coupons.reserve_many(session, pool, wanted, now=NOON)
    return found[f"{pool}/{customer_id}"]


async def only(store: Store, pool: str) -> tuple[CouponRow, list[CouponUseRow]]:
    (row,) = await rows_of(store, pool)
    assert row.id is not None
    async with store.reading() as session:
        return row, list(await coupon_uses.of_coupon(session, row.id))


async def test_the_order_that_names_a_code_uses_it_once(
    store: Store, pool: str, customer_id: str
) -> None:
    taking, code = intake(store), f"{pool}-1"
    await stock(store, pool, code)
    assert await given(store, pool, customer_id) == code
    first = await order(taking, customer_id, f"o-{pool}", coupon=f"  {code.upper()} ")
    # the same order, as the shop's own webhook tells it
    await order(taking, customer_id, f"o-{pool}", discount_codes=[{"code": code}], at=NOON + HOUR)
    row, uses = await only(store, pool)
    assert (row.state, row.used_at, row.customer_id) == ("used", NOON, customer_id)
    assert [(one.customer_id, one.message_id, one.order_id) for one in uses] == [
        (customer_id, first, f"o-{pool}")
    ]


async def test_who_else_uses_a_code_is_noted(store: Store, pool: str, customer_id: str) -> None:
    taking, other = intake(store), f"{customer_id}-other"
    await stock(store, pool, pool)
    await given(store, pool, customer_id)
    await asyncio.gather(
        order(taking, customer_id, f"o1-{pool}", coupon=pool),
        order(taking, other, f"o2-{pool}", products=[{"product_id": "p", "coupon": pool}]),
    )
    row, uses = await only(store, pool)
    assert row.state == "used"
    assert sorted(one.customer_id for one in uses) == [customer_id, other]


async def test_a_code_that_nobody_had_is_used_up_and_never_given(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    await order(intake(store), customer_id, f"o-{pool}", as_sent={"properties": {"coupon": [pool]}})
    row, uses = await only(store, pool)
    assert (row.state, row.message_id, len(uses)) == ("used", None, 1)
    async with store.transaction() as session:
        assert not await coupons.reserve_many(session, pool, {"m": Wanted("c")}, now=NOON)


async def test_a_used_code_stays_used_whatever_becomes_of_its_message(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    await given(store, pool, customer_id)
    await order(intake(store), customer_id, f"o-{pool}", coupon=pool)
    async with store.transaction() as session:
        await coupons.let_go(session, [(f"{pool}/{customer_id}", pool)])
        wanted = {f"{pool}/{customer_id}": Wanted(customer_id)}
        assert await coupons.reserve_many(session, pool, wanted, now=NOON), "a retry has the same"
    assert (await only(store, pool))[0].state == "used"


async def test_an_order_and_its_code_are_stored_together_or_not_at_all(
    store: Store, pool: str, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stock(store, pool, pool)

    async def fail(*_: object) -> None:
        raise RuntimeError("the worker dies here")

    monkeypatch.setattr(Transaction, "_plan", fail)
    with pytest.raises(RuntimeError):
        await order(intake(store), customer_id, f"o-{pool}", coupon=pool)
    row, uses = await only(store, pool)
    assert (row.state, uses) == ("free", [])


async def test_another_event_that_names_a_code_uses_nothing(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    rows = [
        EventRow(
            message_id=f"{pool}-{n}",
            customer_id=customer_id,
            name=name,
            occurred_at=NOON,
            received_at=NOON,
            properties={"coupon": pool},
            copy_of=copy_of,
        )
        for n, (name, copy_of) in enumerate([("Coupon Applied", None), ("Order Completed", "e")])
    ]
    async with store.transaction() as session:
        await coupon_uses.note(session, rows, PROJECT.events)
        assert await coupon_stock.free(session, pool) == 1


async def test_uses_follow_a_person_to_another_id(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    await order(intake(store), customer_id, f"o-{pool}", coupon=pool)
    async with store.transaction() as session:
        await people.lock_all(session, [])
        await joining.join(session, customer_id, f"{customer_id}-home", at=NOON)
    _, (use,) = await only(store, pool)
    assert use.customer_id == f"{customer_id}-home"
