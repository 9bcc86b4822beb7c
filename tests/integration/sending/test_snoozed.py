"""A break and "less often", chosen on the preference page, hold at the gate."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event as listen

from sojourn.domain.calendar import zone
from sojourn.domain.messages import MessageClass, Reason, Status
from sojourn.domain.rules import Rules
from sojourn.domain.snooze import snoozed_until
from sojourn.store import joining, people
from tests.support.caps import MONTH, Counter
from tests.support.desk import DAY, HOUR, NIGHT, Desk

ROME = zone("Europe/Rome")
TEN = datetime(2024, 1, 9, 10, tzinfo=ROME).astimezone(UTC)
LATER = datetime(2024, 1, 23, tzinfo=ROME).astimezone(UTC)


async def chooses(
    desk: Desk, *, until: datetime | None = None, often: dict[str, int] | None = None
) -> None:
    async with desk.store.transaction() as session:
        person = await people.lock(session, desk.customer_id)
        person.snoozed_until, person.least_days = until, often
        session.add(person)


async def test_a_break_holds_to_its_end_and_ends_by_itself(desk: Desk) -> None:
    until = snoozed_until(TEN, 14, ROME)
    assert until == LATER, "at the beginning of a day"
    await chooses(desk, until=until)
    counter = Counter(desk, "")
    assert await counter.waits("renewal/soon", TEN) == (Reason.SNOOZED, LATER)
    row = await counter.row("renewal/soon")
    assert (row.state, row.reason) == ("deferred", "snoozed")
    assert row.detail == "a break until 2024-01-23 00:00"
    await counter.leaves("renewal/soon", LATER, due=TEN)
    left = await counter.row("renewal/soon")
    assert (left.id, left.reason, left.detail) == (row.id, None, None)


async def test_what_is_of_no_use_after_the_break_is_skipped_with_its_reason(desk: Desk) -> None:
    await chooses(desk, until=LATER)
    counter = Counter(desk, "")
    assert await counter.skips("renewal/soon", TEN, useful=DAY) is Reason.SNOOZED
    assert (await counter.row("renewal/soon")).detail == "a break until 2024-01-23 00:00"


@pytest.mark.parametrize("kind", [MessageClass.TRANSACTIONAL, MessageClass.AUTHENTICATION])
async def test_a_message_that_is_needed_leaves_in_a_break(desk: Desk, kind: MessageClass) -> None:
    await chooses(desk, until=LATER, often={"cart": 30})
    assert (await desk.send(message_class=kind)).status is Status.SENT


async def test_quiet_hours_hold_on_after_a_break(desk: Desk) -> None:
    desk.policy = Rules.of(NIGHT, spread=timedelta(0))
    await chooses(desk, until=LATER)
    receipt = await desk.send(now=TEN, due=TEN, useful_until=TEN + MONTH)
    assert (receipt.reason, receipt.until) == (Reason.SNOOZED, LATER + 9 * HOUR)


async def test_less_often_keeps_the_days_between_two_messages_on_the_topic(desk: Desk) -> None:
    await chooses(desk, often={"cart": 7})
    counter = Counter(desk, "")
    await counter.leaves("abandoned-cart/reminder", TEN, topic="cart")
    await counter.leaves("renewal/soon", TEN, topic="renewal")
    reason, until = await counter.waits("abandoned-cart/nudge", TEN + DAY, topic="cart")
    assert (reason, until) == (Reason.CAP, datetime(2024, 1, 16, tzinfo=ROME))
    detail = str((await counter.row("abandoned-cart/nudge")).detail)
    assert "the cap of 1 a week on cart, the customer's choice, went to" in detail


async def test_a_held_message_keeps_its_place_among_those_that_want_one_slot(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_week = 1")
    await chooses(desk, until=LATER)
    await counter.waits("renewal/soon", TEN)
    reason, _ = await counter.waits("abandoned-cart/reminder", TEN + HOUR)
    assert reason is Reason.GAVE_WAY


async def test_less_often_costs_one_statement_and_a_break_none(desk: Desk) -> None:
    counter, said = Counter(desk, ""), list[str]()
    engine = desk.store.engine.sync_engine

    def note(*given: object) -> None:
        said.append(str(given[2]))

    async def statements(message: str, now: datetime) -> int:
        said.clear()
        listen.listen(engine, "before_cursor_execute", note)
        try:
            await counter.leaves(message, now, topic="cart")
        finally:
            listen.remove(engine, "before_cursor_execute", note)
        return len(said)

    usual = await statements("renewal/one", TEN)
    await chooses(desk, until=TEN)
    assert await statements("renewal/two", TEN) == usual
    await chooses(desk, often={"newsletter": 7})
    assert await statements("renewal/three", TEN) == usual
    await chooses(desk, often={"cart": 1})
    assert await statements("renewal/four", TEN + DAY) == usual + 1


async def test_of_two_ids_that_prove_one_person_the_longer_wish_holds(desk: Desk) -> None:
    other = f"{desk.customer_id}-2"
    await chooses(desk, until=LATER, often={"cart": 7, "renewal": 30})
    async with desk.store.transaction() as session:
        person = await people.lock(session, other)
        person.snoozed_until, person.least_days = LATER - DAY, {"cart": 30}
        session.add(person)
    async with desk.store.transaction() as session:
        await joining.join(session, desk.customer_id, other, at=TEN)
    async with desk.store.transaction() as session:
        person = await people.lock(session, desk.customer_id)
        former = await people.hold(session, desk.customer_id)
    assert person.customer_id == other
    assert (person.snoozed_until, person.least_days) == (LATER, {"cart": 30, "renewal": 30})
    assert (former.snoozed_until, former.least_days) == (None, None)
