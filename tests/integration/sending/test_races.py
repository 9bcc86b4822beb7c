"""Purchases, stops and refusals that race a claim come before it, seen by the gate, or after it.

Each test holds one transaction open, sees the other wait for it, and lets the first commit.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import Event, OrderCompleted, SubscriptionCancelled
from sojourn.domain.messages import Channel, Reason, Receipt, Status
from sojourn.sending.applying import apply
from sojourn.store import Store, consents, people, refusals
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import HOUR, Desk, note_stop

Change = Callable[[AsyncSession, Desk], Awaitable[object]]


async def _buy(session: AsyncSession, desk: Desk) -> object:
    return await desk.put(session, _at(OrderCompleted, desk, order_id="o", cart_id="c"))


async def _stop(session: AsyncSession, desk: Desk) -> object:
    return await desk.put(session, _at(SubscriptionCancelled, desk, subscription_id="s"))


async def _stop_by_hand(session: AsyncSession, desk: Desk) -> object:
    return await note_stop(session, desk)


async def _refuse(session: AsyncSession, desk: Desk) -> object:
    person = await people.lock(session, desk.customer_id)
    return await consents.record(session, person, Channel.EMAIL, granted=False, source="a form")


async def _stop_by_another(session: AsyncSession, desk: Desk) -> None:
    """Refuse by the link of another customer who has the same mailbox."""
    await people.lock(session, f"twin of {desk.customer_id}")
    await refusals.add(
        session, Channel.EMAIL, "ADA@shop.example", topic="", at=datetime.now(UTC), source="a link"
    )


def _at(kind: type[Event], desk: Desk, **fields: Any) -> Event:
    return kind(customer_id=desk.customer_id, occurred_at=NOON + HOUR, **fields)


CHANGES = [
    (_buy, Reason.GOAL_REACHED),
    (_stop, Reason.RUN_STOPPED),
    (_stop_by_hand, Reason.RUN_STOPPED),
    (_refuse, Reason.NO_CONSENT),
    (_stop_by_another, Reason.NO_CONSENT),
]
LATE_CHANGES = [each for each in CHANGES if each[0] is not _stop_by_hand]
"""A stop takes back a claim that has not been handed over: `test_stops` has that."""


async def _waits(store: Store, task: "asyncio.Task[Any]") -> bool:
    """Wait until a task is done, or is kept waiting by a transaction; tell whether it waits."""
    while not task.done():
        if store.engine.dialect.name == "sqlite":
            if store._writers.locked() and store._writers._waiters:
                return True
        else:
            async with store.engine.connect() as connection:
                blocked = "SELECT 1 FROM pg_locks WHERE NOT granted"
                if (await connection.execute(text(blocked))).first():
                    return True
        await asyncio.sleep(0.005)
    return False


@asynccontextmanager
async def _begun(changing: Change, desk: Desk) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Make a change and hold its transaction open; yield the function that commits it."""
    made, go_on = asyncio.Event(), asyncio.Event()

    async def change() -> None:
        async with desk.store.transaction() as session:
            await changing(session, desk)
            await session.flush()
            made.set()
            await go_on.wait()

    task = asyncio.create_task(change())

    async def commit() -> None:
        go_on.set()
        await task

    await made.wait()
    try:
        yield commit
    finally:
        await commit()


@pytest.mark.parametrize(("change", "reason"), CHANGES)
async def test_a_claim_waits_for_a_change_that_is_being_stored_and_sees_it(
    desk: Desk, change: Change, reason: Reason
) -> None:
    async with _begun(change, desk) as commit:
        sending = asyncio.create_task(desk.send())
        assert await _waits(desk.store, sending)
        await commit()
        receipt = await sending
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, reason)
    assert desk.carrier.carried == []


@pytest.mark.parametrize(("change", "reason"), LATE_CHANGES)
async def test_a_change_waits_for_a_claim_that_is_being_stored_and_comes_after_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, change: Change, reason: Reason
) -> None:
    claimed, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(*given: Any, **named: Any) -> Any:
        answer = await apply(*given, **named)
        claimed.set()
        await go_on.wait()
        return answer

    monkeypatch.setattr("sojourn.sending.gate.apply", slowly)
    sending: asyncio.Task[Receipt] = asyncio.create_task(desk.send())
    await claimed.wait()

    async def store_it() -> None:
        async with desk.store.transaction() as session:
            await change(session, desk)

    changing = asyncio.create_task(store_it())
    assert await _waits(desk.store, changing)
    go_on.set()
    assert (await sending).status is Status.SENT
    await changing
    assert (await desk.send(n=2)).reason is reason  # the next message sees it
