"""`Gate.look` says what the gate then does: by the same judgement, and without a trace."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from sojourn import trait
from sojourn.domain.messages import Receipt
from sojourn.domain.policy import Allow, Defer, Skip
from sojourn.domain.verdict import Ruling
from sojourn.sending.drafting import Claim
from sojourn.store import consents, pauses, people
from sojourn.store.tables import SuppressionRow
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.caps import policy
from tests.support.desk import DAY, NIGHT, Desk

Setting = Callable[[Desk], Awaitable[object]]


async def nothing(desk: Desk) -> None: ...


async def bought(desk: Desk) -> None:
    await desk.buy()


async def added(desk: Desk) -> None:
    await desk.add(2)


async def night(desk: Desk) -> None:
    desk.quiet_hours = NIGHT


async def capped(desk: Desk) -> None:
    await desk.send(step="nudge", template="reminder", now=NOON + DAY / 2)
    desk.policy = policy("[caps]\nper_week = 1")


async def no_consent(desk: Desk) -> None:
    async with desk.store.transaction() as session:
        person = await people.lock(session, desk.customer_id)
        for channel in desk.delivery().channels:
            await consents.record(session, person, channel, granted=False, source="form")


async def suppressed(desk: Desk) -> None:
    async with desk.store.transaction() as session:
        session.add(
            SuppressionRow(
                channel="email",
                address="ada@shop.example",
                because="bounced",
                at=NOON,
                source="x",
            )
        )


async def leaves(desk: Desk) -> None:
    desk.stays_if = trait("plan") == "pro"


async def paused(desk: Desk) -> None:
    async with desk.store.transaction() as session:
        await pauses.begin(session, desk.delivery().channels[0], because="x", by="ann")


async def erased(desk: Desk) -> None:
    async with desk.store.transaction() as session:
        person = await people.lock(session, desk.customer_id)
        person.erased_at = datetime.now(UTC)
        session.add(person)


@pytest.mark.parametrize(
    "setting",
    [nothing, bought, added, night, capped, no_consent, suppressed, leaves, paused, erased],
)
async def test_a_look_says_what_the_gate_then_does(desk: Desk, setting: Setting) -> None:
    await setting(desk)
    before = await desk.rows()
    now = NOON + DAY + (DAY / 3 if setting is night else 0 * DAY)
    delivery = desk.delivery(now=now)
    _, seen = await desk.gate.look(delivery, now)
    assert await desk.rows() == before
    done = await desk.gate.pass_or_refuse(delivery, now)
    assert isinstance(seen, Ruling)
    match seen.decision:
        case Allow(channel):
            assert setting is nothing
            assert isinstance(done, Claim)
            assert done.channel is channel
        case Defer(until, reason, _):
            assert isinstance(done, Receipt)
            assert (done.reason, setting in {night, paused, capped}) == (reason, True)
            assert setting is paused or done.until == until
        case Skip(reason, _):
            assert isinstance(done, Receipt)
            assert done.reason is reason


async def test_a_look_makes_no_row_of_a_customer_whom_nobody_named(desk: Desk) -> None:
    delivery = desk.delivery(customer_id=f"{desk.customer_id}-nobody")
    await desk.gate.look(delivery, NOON + DAY)
    async with desk.store.reading() as session:
        found = await session.exec(
            text("SELECT count(*) FROM customers WHERE customer_id = :id").bindparams(  # type: ignore[call-overload]
                id=delivery.customer_id
            )
        )
        assert found.scalar_one() == 0


async def test_a_look_does_not_wait_for_who_holds_the_customer(desk: Desk) -> None:
    async with desk.store.transaction() as session:
        await people.lock(session, desk.customer_id)
        _, seen = await desk.gate.look(desk.delivery(), NOON + DAY)
    assert isinstance(seen, Ruling)
    assert isinstance(seen.decision, Allow)
