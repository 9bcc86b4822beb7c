"""Codes are reserved by one message each, however many ask at the same time."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from sqlalchemy import update
from sqlmodel import col

from sojourn.domain.states import MessageState
from sojourn.store import Store, coupon_stock, coupons, joining, ledger, proofs, settling
from sojourn.store.coupons import Wanted
from sojourn.store.rights import emptying
from sojourn.store.rights.person import person_of
from sojourn.store.tables import LedgerRow
from tests.support.coupons import rows_of, states, stock, stock_of
from tests.support.rows import (
    HOUR,
    NOON,
    claimed,
    delivery_of,
    event_row,
    identify,
    keep,
    row_of,
    submit,
)


@pytest.fixture
def pool() -> str:
    return f"pool-{uuid4().hex[:8]}"


async def reserve(store: Store, pool: str, *messages: str, now: datetime = NOON) -> dict[str, str]:
    wanted = {name: Wanted(f"customer of {name}", NOON + HOUR) for name in messages}
    async with store.transaction() as session:
        return dict(await coupons.reserve_many(session, pool, wanted, now=now))


async def with_code(store: Store, pool: str, customer_id: str) -> int:
    """Write a claimed message that has a code; return the number of its row."""
    number = await claimed(store, customer_id)
    async with store.transaction() as session:
        row = await session.get(LedgerRow, number)
        assert row is not None
        row.coupon = pool
        session.add(row)
        wanted = {row.message_id: Wanted(customer_id)}
        assert await coupons.reserve_many(session, pool, wanted, now=NOON)
    return number


async def test_each_message_has_a_code_of_its_own_and_keeps_it(store: Store, pool: str) -> None:
    await stock(store, pool, "A-1", "A-2", "A-3")
    names = [f"{pool}/{n}" for n in range(5)]
    first = await reserve(store, pool, *names[:2])
    assert first == {names[0]: "A-1", names[1]: "A-2"}
    assert await reserve(store, pool, *names[:2]) == first
    rest = await reserve(store, pool, *names)
    assert rest == {**first, names[2]: "A-3"}
    rows = await rows_of(store, pool)
    assert [row.customer_id for row in rows] == [f"customer of {name}" for name in names[:3]]
    assert {row.expires_at for row in rows} == {NOON + HOUR}
    assert {row.reserved_at for row in rows} == {NOON}


async def test_no_two_of_200_at_once_have_the_same_code(store: Store, pool: str) -> None:
    await stock(store, pool, *(f"{pool}-{n}" for n in range(150)))
    names = [f"{pool}/{n}" for n in range(200)]
    found = await asyncio.gather(*(reserve(store, pool, name) for name in names))
    given = [code for each in found for code in each.values()]
    assert len(given) == len(set(given)) == 150
    assert (await stock_of(store, pool, NOON)).reserved == 150


async def test_many_batches_at_once_share_no_code(store: Store, pool: str) -> None:
    await stock(store, pool, *(f"{pool}-{n}" for n in range(1000)))
    batches = [[f"{pool}/{b}/{n}" for n in range(200)] for b in range(5)]
    found = await asyncio.gather(*(reserve(store, pool, *batch) for batch in batches))
    given = [code for each in found for code in each.values()]
    assert len(given) == len(set(given)) == 1000


async def test_a_code_comes_in_once_whatever_pool_it_is_for(store: Store, pool: str) -> None:
    at, other = datetime.now(UTC), f"{pool}-other"
    async with store.transaction() as session:
        new = await coupon_stock.add(session, pool, ["ab-1", "AB 2"], at=at, source="t")
        assert new == {"AB1", "AB2"}
        new = await coupon_stock.add(session, other, ["ab1", "AB-3"], at=at, source="t")
        assert new == {"AB3"}
        known = await coupon_stock.known(session, {"AB1", "AB3"})
        assert {key: row.pool for key, row in known.items()} == {"AB1": pool, "AB3": other}
        await session.rollback()


async def test_a_message_that_certainly_does_not_go_frees_its_code(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    number = await with_code(store, pool, customer_id)
    async with store.transaction() as session:
        await settling.settle(session, number, MessageState.SKIPPED, attempt=1, reason="no_longer")
    assert await states(store, pool) == {pool: "free"}


async def test_what_was_handed_over_is_not_given_to_others(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    number = await with_code(store, pool, customer_id)
    assert await submit(store, number, 1)
    async with store.transaction() as session:
        await settling.release(session, number, 1, "busy")
    assert await states(store, pool) == {pool: "reserved"}, "another attempt may send it"
    async with store.transaction() as session:
        await settling.settle(session, number, MessageState.SKIPPED, attempt=1, reason="cap")
    assert await states(store, pool) == {pool: "retired"}


@pytest.mark.parametrize(("sent", "left"), [(True, "reserved"), (False, "retired")])
async def test_an_operators_finding_decides_on_the_code(
    store: Store, pool: str, customer_id: str, *, sent: bool, left: str
) -> None:
    await stock(store, pool, pool)
    number = await with_code(store, pool, customer_id)
    assert await submit(store, number, 1)
    async with store.transaction() as session:
        await settling.settle(session, number, MessageState.UNKNOWN)
    assert await states(store, pool) == {pool: "reserved"}
    async with store.transaction() as session:
        row = await ledger.found(session, str(number), hold=True)
        assert row is not None
        now = datetime.now(UTC)
        await settling.settle_by_hand(session, row, sent=sent, because="x", by="ada", now=now)
    assert await states(store, pool) == {pool: left}


async def test_a_worker_that_speaks_late_and_did_not_send_retires_the_code(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    number = await with_code(store, pool, customer_id)
    assert await submit(store, number, 1)
    async with store.transaction() as session:
        await settling.settle(session, number, MessageState.UNKNOWN, by="gate")
    async with store.transaction() as session:
        await settling.release(session, number, 1, "busy")
    assert (await row_of(store, number)).state == "expired"
    assert await states(store, pool) == {pool: "retired"}


async def test_a_run_that_is_over_gives_up_the_code_of_its_claim(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    number = await with_code(store, pool, customer_id)
    async with store.transaction() as session:
        now = datetime.now(UTC)
        assert await settling.abandon(session, number, attempt=1, detail="terminated", now=now)
    assert await states(store, pool) == {pool: "free"}


async def test_new_steps_free_the_codes_of_what_the_old_ones_held(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    number = await with_code(store, pool, customer_id)
    async with store.transaction() as session:
        row = await session.get(LedgerRow, number)
        assert row is not None
        row.state = MessageState.DEFERRED
        session.add(row)
        again = delivery_of(customer_id).model_copy(
            update={"workflow_id": row.workflow_id, "enrolment": row.enrolment, "n": 2}
        )
        await session.flush()
        await settling.supersede_holds(session, again)
    assert await states(store, pool) == {pool: "free"}


async def test_an_event_that_voids_a_hold_frees_the_code_of_what_was_held(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    start, _ = await keep(store, event_row(customer_id))
    number = await with_code(store, pool, customer_id)
    bought, _ = await keep(store, event_row(customer_id, at=NOON + HOUR, name="Order Completed"))
    async with store.transaction() as session:
        row = await session.get(LedgerRow, number)
        assert row is not None
        row.state, row.enrolment = MessageState.DEFERRED, start.message_id
        session.add(row)
        await session.flush()
        runs = [row.workflow_id]
        await settling.void_holds(session, runs, reason="goal_reached", cause=bought)
    assert await states(store, pool) == {pool: "free"}


async def test_a_late_answer_of_the_provider_brings_the_code_back(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    number = await with_code(store, pool, customer_id)
    assert await submit(store, number, 1)
    async with store.transaction() as session:
        await settling.settle(session, number, MessageState.REJECTED, by="ada")
    assert await states(store, pool) == {pool: "retired"}
    async with store.transaction() as session:
        await proofs.answered(session, number, 1, provider_id="p", keyed=False)
    assert await states(store, pool) == {pool: "reserved"}


async def test_one_channel_that_may_still_go_keeps_the_code(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    number = await with_code(store, pool, customer_id)
    other = await claimed(store, customer_id)
    first = await row_of(store, number)
    async with store.transaction() as session:
        await session.exec(
            update(LedgerRow)
            .where(col(LedgerRow.id) == other)
            .values(message_id=first.message_id, coupon=pool)
        )
        await settling.settle(session, number, MessageState.SKIPPED, attempt=1, reason="cap")
    assert await states(store, pool) == {pool: "reserved"}


async def test_an_erased_customer_leaves_the_code_used_up_and_no_name(
    store: Store, pool: str, customer_id: str
) -> None:
    await identify(store, customer_id, 0, email="a@b.example")
    codes = [f"{pool}-{n}" for n in range(2)]
    await stock(store, pool, *codes)
    sent = await with_code(store, pool, customer_id)
    await with_code(store, pool, customer_id)
    assert await submit(store, sent, 1)
    async with store.transaction() as session:
        await settling.settle(session, sent, MessageState.SENT)
        person = await person_of(session, customer_id)
        await emptying.settle(session, person)
        await emptying.empty(session, "coupons", person, "erased")
    assert await states(store, pool) == {codes[0]: "reserved", codes[1]: "free"}
    rows = await rows_of(store, pool)
    assert {(row.customer_id, row.message_id) for row in rows} == {(None, None)}


async def test_codes_follow_a_person_to_another_id(
    store: Store, pool: str, customer_id: str
) -> None:
    await stock(store, pool, pool)
    await with_code(store, pool, customer_id)
    home = f"{customer_id}-home"
    async with store.transaction() as session:
        await joining.join(session, customer_id, home, at=NOON)
    (row,) = await rows_of(store, pool)
    assert row.customer_id == home


async def test_the_stock_says_what_became_of_the_codes(store: Store, pool: str) -> None:
    await stock(store, pool, *(f"{pool}-{n}" for n in range(6)))
    await reserve(store, pool, f"{pool}/1", f"{pool}/2")
    async with store.transaction() as session:
        assert await coupon_stock.withdraw(session, pool, {f"{pool}-5".replace("-", "").upper()})
        assert not await coupon_stock.withdraw(session, pool, {f"{pool}-0".upper()})
        late = NOON + 3 * HOUR
        found = (await coupon_stock.stocks(session, late))[pool]
        assert (found.free, found.reserved, found.expired, found.withdrawn) == (3, 0, 2, 1)
        assert await coupon_stock.free(session, pool) == 3


async def test_nobody_is_told_twice_a_day_that_a_pool_runs_dry(store: Store, pool: str) -> None:
    now = datetime.now(UTC)
    told = []
    for hours in (0, 1, 23, 24, 25):
        async with store.transaction() as session:
            at = now + timedelta(hours=hours)
            told.append(await coupon_stock.tell_low(session, pool, 3, mark=10, now=at))
    assert told == [True, False, False, True, False]


async def test_the_next_free_code_is_found_by_an_index(store: Store, pool: str) -> None:
    if not str(store.engine.url).startswith("postgresql"):
        pytest.skip("PostgreSQL says how it finds it")
    async with store.reading() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        plan = await connection.exec_driver_sql(
            "EXPLAIN SELECT id FROM coupons WHERE state = 'free' AND pool = 'x'"
            " ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
        )
        assert "ix_coupons_free" in str(plan.all())
