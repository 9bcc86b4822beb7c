"""While somebody looks after a customer, nothing promotional leaves."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event as listen

from sojourn.domain.calendar import zone
from sojourn.domain.messages import MessageClass, Reason, Status
from sojourn.domain.rules import Rules
from sojourn.domain.snooze import snoozed_until
from sojourn.store import mutes, people
from sojourn.store.tables import MuteRow
from tests.support.caps import MONTH, Counter
from tests.support.desk import DAY, HOUR, NIGHT, Desk, note_stop

ROME = zone("Europe/Rome")
TEN = datetime(2024, 1, 9, 10, tzinfo=ROME).astimezone(UTC)
LATER = TEN + 3 * DAY


async def mute(desk: Desk, *, until: datetime = LATER, of: str = "care", run: str = "") -> None:
    async with desk.store.transaction() as session:
        person = await people.lock(session, desk.customer_id)
        row = MuteRow(
            customer_id=desk.customer_id,
            message_id=f"{desk.customer_id}/{of}/{until:%d}",
            journey=of,
            workflow_id=run or f"{of}:{desk.customer_id}",
            at=TEN - HOUR,
            until=until,
        )
        await mutes.begin(session, person, row)


async def test_it_waits_for_the_latest_end_and_no_longer(desk: Desk) -> None:
    await mute(desk)
    counter = Counter(desk, "")
    assert await counter.waits("renewal/soon", TEN) == (Reason.IN_CARE, LATER)
    row = await counter.row("renewal/soon")
    assert (row.state, row.detail) == ("deferred", "in care of care until 2024-01-12 10:00")
    await counter.leaves("renewal/soon", LATER, due=TEN)
    assert (await counter.row("renewal/soon")).detail is None


async def test_what_would_be_of_no_use_by_then_is_skipped(desk: Desk) -> None:
    await mute(desk)
    assert await Counter(desk, "").skips("renewal/soon", TEN, useful=DAY) is Reason.IN_CARE


@pytest.mark.parametrize("kind", [MessageClass.TRANSACTIONAL, MessageClass.AUTHENTICATION])
async def test_a_message_that_is_needed_leaves(desk: Desk, kind: MessageClass) -> None:
    await mute(desk)
    assert (await desk.send(message_class=kind)).status is Status.SENT


async def test_quiet_hours_hold_on_after_it(desk: Desk) -> None:
    desk.policy = Rules.of(NIGHT, spread=timedelta(0))
    await mute(desk, until=LATER + 13 * HOUR)
    receipt = await desk.send(now=TEN, due=TEN, useful_until=TEN + MONTH)
    assert (receipt.reason, receipt.until) == (Reason.IN_CARE, LATER + 23 * HOUR)


async def test_a_break_of_the_customer_says_more(desk: Desk) -> None:
    await mute(desk)
    async with desk.store.transaction() as session:
        person = await people.lock(session, desk.customer_id)
        person.snoozed_until = snoozed_until(TEN, 2, ROME)
        session.add(person)
    reason, until = await Counter(desk, "").waits("renewal/soon", TEN)
    assert (reason, until) == (Reason.SNOOZED, LATER)


async def test_of_two_the_longer_one_holds_and_a_stop_ends_its_own(desk: Desk) -> None:
    await mute(desk, run=f"abandoned-cart:{desk.customer_id}:c")
    await mute(desk, until=LATER - DAY, of="hush")
    counter = Counter(desk, "")
    assert await counter.waits("renewal/soon", TEN) == (Reason.IN_CARE, LATER)
    async with desk.store.transaction() as session:
        await note_stop(session, desk)
    _, until = await counter.waits("renewal/late", TEN)
    assert until == LATER - DAY
    async with desk.store.reading() as session:
        (on,) = await mutes.standing(session, desk.customer_id)
        ended, _ = await mutes.of_customer(session, desk.customer_id)
    assert on.journey == "hush"
    assert ended.ended_by is not None


async def test_it_costs_the_gate_no_statement(desk: Desk) -> None:
    counter, said = Counter(desk, ""), list[str]()
    engine = desk.store.engine.sync_engine

    def note(*given: object) -> None:
        said.append(str(given[2]))

    async def statements(message: str, now: datetime) -> int:
        said.clear()
        listen.listen(engine, "before_cursor_execute", note)
        try:
            await counter.leaves(message, now)
        finally:
            listen.remove(engine, "before_cursor_execute", note)
        return len(said)

    usual = await statements("renewal/one", TEN)
    await mute(desk, until=TEN)
    assert await statements("renewal/two", TEN) == usual
