"""Caps at the gate: counted under the customer's lock, from the claim on, by the run's clock."""

from collections import Counter as Tally
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event as listen

from sojourn.domain.calendar import zone
from sojourn.domain.errors import InvalidRecipient
from sojourn.domain.events import HoldEnded
from sojourn.domain.limits import AtCap, AtMost
from sojourn.domain.messages import Channel, MessageClass, Reason, Receipt, Status
from sojourn.domain.states import MessageState
from sojourn.sending.drafting import Claim
from sojourn.sending.recording import Recorder
from sojourn.store import events, joining, settling
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.caps import Counter
from tests.support.desk import DAY, HOUR, MINUTE, NUDGE, Desk, note_stop

ROME = zone("Europe/Rome")


def rome(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a moment of January 2024, where the customer lives; the 8th is a Monday."""
    return datetime(2024, 1, day, hour, minute, tzinfo=ROME).astimezone(UTC)


TEN = rome(9, 10, 4)


async def test_a_message_over_the_cap_waits_for_the_next_local_day(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_day = 1")
    await counter.leaves("renewal/in-two-days", rome(9, 0, 30))
    assert await counter.waits("abandoned-cart/reminder", TEN) == (Reason.CAP, rome(10, 0))
    held = await counter.row("abandoned-cart/reminder")
    assert (held.state, held.reason) == ("deferred", "cap")
    assert held.detail == (
        "the cap of 1 a day went to renewal/in-two-days; free again Wed 10 Jan 00:00; "
        "with 2 it would have left at once"
    )
    await counter.leaves("abandoned-cart/reminder", rome(10, 0), due=TEN)
    left = await counter.row("abandoned-cart/reminder")
    assert (left.id, left.reason, left.detail) == (held.id, None, None)


async def test_a_week_is_any_seven_days_in_a_row(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_week = 2")
    await counter.leaves("onboarding/one", rome(9, 10))
    await counter.leaves("onboarding/two", rome(13, 10))
    # on Monday a new week begins, but the seven days up to it have two messages
    assert await counter.waits("abandoned-cart/reminder", rome(15, 10)) == (
        Reason.CAP,
        rome(16, 0),
    )
    await counter.leaves("abandoned-cart/reminder", rome(16, 0), due=rome(15, 10))


async def test_a_cap_of_a_channel_counts_that_channel_alone(desk: Desk) -> None:
    counter = Counter(desk, "[caps.sms]\nper_week = 1")
    sms = {**NUDGE, "channels": (Channel.SMS,)}
    del sms["step"], sms["template"]
    await counter.leaves("abandoned-cart/nudge", TEN, **sms)
    assert (await counter.waits("renewal/nudge", TEN, **sms))[0] is Reason.CAP
    assert "cap of 1 a week by sms went to abandoned-cart/nudge;" in str(
        (await counter.row("renewal/nudge")).detail
    )
    await counter.leaves("renewal/reminder", TEN)


@pytest.mark.parametrize("kind", [MessageClass.TRANSACTIONAL, MessageClass.AUTHENTICATION])
async def test_a_message_that_is_needed_is_neither_held_nor_counted(
    desk: Desk, kind: MessageClass
) -> None:
    counter = Counter(desk, '[caps]\nper_day = 1\ndistance = "2d"')
    await counter.leaves("renewal/receipt", TEN, message_class=kind)
    await counter.leaves("abandoned-cart/reminder", TEN)
    await counter.leaves("renewal/another", TEN, message_class=kind)


async def test_two_messages_keep_their_distance(desk: Desk) -> None:
    counter = Counter(desk, '[caps]\ndistance = "4h"')
    await counter.leaves("abandoned-cart/reminder", TEN)
    assert await counter.waits("renewal/reminder", TEN + HOUR) == (Reason.CAP, TEN + 4 * HOUR)
    assert (await counter.row("renewal/reminder")).detail == (
        "the distance of 4h from abandoned-cart/reminder; free again Tue 9 Jan 14:04"
    )
    await counter.leaves("renewal/reminder", TEN + 4 * HOUR, due=TEN + HOUR)


async def test_a_message_gives_way_if_its_author_says_so(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_week = 1")
    await counter.leaves("renewal/in-two-days", TEN)
    assert await counter.skips("abandoned-cart/nudge", TEN, at_cap=AtCap.GIVE_WAY) is Reason.CAP
    row = await counter.row("abandoned-cart/nudge")
    assert (row.state, row.reason, row.caused_by) == ("skipped", "cap", None)
    assert str(row.detail).startswith("the cap of 1 a week went to renewal/in-two-days; free again")


async def test_the_policy_says_what_messages_do_that_do_not_say_it(desk: Desk) -> None:
    counter = Counter(desk, '[caps]\nper_week = 1\nat_cap = "give_way"')
    await counter.leaves("renewal/in-two-days", TEN)
    assert await counter.skips("abandoned-cart/nudge", TEN) is Reason.CAP
    assert (await counter.waits("onboarding/tip", TEN, at_cap=AtCap.WAIT))[0] is Reason.CAP


async def test_a_message_that_would_wait_beyond_its_use_is_skipped_at_once(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_week = 1")
    await counter.is_sent("renewal/in-two-days", TEN)
    assert await counter.skips("abandoned-cart/nudge", TEN, useful=3 * DAY) is Reason.CAP


async def test_the_moment_with_room_suits_the_windows_as_well(desk: Desk) -> None:
    counter = Counter(desk, 'quiet_hours = "21:00-09:00"\n[caps]\nper_day = 1')
    await counter.leaves("renewal/in-two-days", TEN)
    assert await counter.waits("abandoned-cart/nudge", TEN) == (Reason.CAP, rome(10, 9))
    # at night it is the night that holds: there is room when it ends
    assert await counter.waits("onboarding/tip", rome(9, 22)) == (Reason.GAVE_WAY, rome(10, 9, 1))
    await counter.leaves("abandoned-cart/nudge", rome(10, 9), due=TEN)
    assert await counter.waits("onboarding/tip", rome(10, 9, 1), due=rome(9, 22)) == (
        Reason.CAP,
        rome(11, 9),
    )


async def test_a_slot_is_free_again_when_its_message_does_not_go(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_week = 1")
    claim = await counter.leaves("renewal/in-two-days", TEN)
    assert (await counter.waits("abandoned-cart/nudge", TEN))[0] is Reason.CAP
    async with desk.store.transaction() as session:
        await settling.settle(
            session, claim.ledger_id, MessageState.SKIPPED, attempt=1, reason="nothing_to_say"
        )
    await counter.leaves("abandoned-cart/nudge", TEN)


async def test_a_message_that_may_have_left_takes_its_slot(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_week = 1")
    claim = await counter.leaves("renewal/in-two-days", TEN)
    async with desk.store.transaction() as session:
        await settling.settle(session, claim.ledger_id, MessageState.UNKNOWN, attempt=1)
    assert (await counter.waits("abandoned-cart/nudge", TEN))[0] is Reason.CAP


async def test_a_retry_does_not_count_its_own_claim(desk: Desk) -> None:
    desk.policy = Counter(desk, "[caps]\nper_day = 1").desk.policy
    await desk.claim()
    assert (await desk.send()).status is Status.SENT


async def test_time_travel_counts_by_the_journeys_clock(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_week = 1")
    await counter.leaves("renewal/in-two-days", TEN + 30 * DAY)  # a run that is far ahead
    await counter.leaves("abandoned-cart/nudge", TEN)
    assert (await counter.waits("onboarding/tip", TEN + 27 * DAY))[0] is Reason.CAP


async def test_joined_ids_are_one_person(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_week = 1")
    await counter.leaves("renewal/in-two-days", TEN)
    other = str(uuid4())
    async with desk.store.transaction() as session:
        await joining.join(session, desk.customer_id, other, at=TEN)
    assert (await counter.waits("abandoned-cart/nudge", TEN))[0] is Reason.CAP
    assert (await counter.waits("onboarding/tip", TEN, customer_id=other))[0] is Reason.CAP


async def test_a_purchase_during_the_hold_stops_the_message(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_day = 1")
    await counter.leaves("renewal/in-two-days", TEN)
    _, until = await counter.waits("abandoned-cart/reminder", TEN, run="c")
    order = await desk.buy(25)
    assert await counter.skips("abandoned-cart/reminder", until, due=TEN, run="c") is (
        Reason.GOAL_REACHED
    )
    row = await counter.row("abandoned-cart/reminder")
    assert (row.caused_by, row.detail) == (order.message_id, None)


# ---- one step ------------------------------------------------------------------------------


async def test_one_step_has_a_limit_of_its_own(desk: Desk) -> None:
    counter = Counter(desk, "")
    limit = {"at_most": AtMost(number=1, days=30)}
    await counter.leaves("abandoned-cart/offer", TEN, run="first", **limit)
    reason, until = await counter.waits("abandoned-cart/offer", TEN, run="second", **limit)
    assert (reason, until) == (Reason.CAP, datetime(2024, 2, 8, 0, tzinfo=ROME))
    assert "cap of 1 in 30 days for abandoned-cart/offer went to abandoned-cart/offer;" in str(
        (await counter.row("abandoned-cart/offer")).detail
    )
    await counter.leaves("abandoned-cart/nudge", TEN)
    await counter.leaves("renewal/offer", TEN, **limit)


async def test_a_limit_may_count_each_value_of_a_field_alone(desk: Desk) -> None:
    counter = Counter(desk, "")
    by = AtMost(number=1, days=7, key="product_id")
    await counter.leaves("abandoned-cart/offer", TEN, run="1", at_most=by, counted_as="mug")
    await counter.leaves("abandoned-cart/offer", TEN, run="2", at_most=by, counted_as="pan")
    answer = await counter.ask(
        "abandoned-cart/offer", TEN, run="3", at_most=by, counted_as="mug", at_cap=AtCap.GIVE_WAY
    )
    assert isinstance(answer, Receipt)
    assert answer.reason is Reason.CAP


# ---- precedence ----------------------------------------------------------------------------

NIGHT = 'quiet_hours = "21:00-09:00"\n[caps]\nper_week = 1\n'
ORDER = '[precedence]\norder = ["renewal/in-two-days", "onboarding", "renewal"]\n'


async def test_a_held_message_keeps_its_slot_from_those_that_come_after_it(desk: Desk) -> None:
    counter = Counter(desk, NIGHT + ORDER)
    assert (await counter.waits("renewal/in-two-days", rome(9, 22)))[0] is Reason.QUIET_HOURS
    reason, until = await counter.waits("abandoned-cart/nudge", rome(9, 22), useful=2 * DAY)
    assert (reason, until) == (Reason.GAVE_WAY, rome(10, 9, 1))
    assert (await counter.row("abandoned-cart/nudge")).detail == (
        "the cap of 1 a week went to renewal/in-two-days (held until Wed 10 Jan 09:00); "
        "free again Wed 17 Jan 09:00; with 2 it would have left Wed 10 Jan 09:00"
    )
    await counter.is_sent("renewal/in-two-days", rome(10, 9), due=rome(9, 22))
    skipped = await counter.skips("abandoned-cart/nudge", until, due=rome(9, 22), useful=2 * DAY)
    assert skipped is Reason.CAP
    assert "went to renewal/in-two-days;" in str((await counter.row("abandoned-cart/nudge")).detail)


async def test_a_slot_that_was_kept_is_free_when_its_message_is_skipped(desk: Desk) -> None:
    counter = Counter(desk, NIGHT + "[precedence]\norder = ['abandoned-cart']")
    await counter.waits("abandoned-cart/reminder", rome(9, 22), run="c")
    unmoved = {"goals": (), "ends": (), "restarts": (), "useful": 2 * DAY}
    _, until = await counter.waits("onboarding/tip", rome(9, 22), **unmoved)
    await desk.buy(34)
    assert await counter.skips(
        "abandoned-cart/reminder", rome(10, 9), due=rome(9, 22), run="c"
    ) is (Reason.GOAL_REACHED)
    await counter.leaves("onboarding/tip", until, due=rome(9, 22), **unmoved)


async def test_a_message_that_goes_first_asks_nobody(desk: Desk) -> None:
    counter = Counter(desk, NIGHT + ORDER)
    await counter.waits("abandoned-cart/nudge", rome(9, 22))
    await counter.waits("renewal/last-call", rome(9, 22))
    await counter.leaves("renewal/in-two-days", rome(10, 9), due=rome(9, 23))


async def test_equals_go_by_the_moment_at_which_they_fell_due(desk: Desk) -> None:
    counter = Counter(desk, NIGHT + ORDER)
    await counter.waits("abandoned-cart/nudge", rome(9, 22))
    assert (await counter.waits("price-drop/drop", rome(9, 23)))[0] is Reason.GAVE_WAY
    assert (await counter.waits("back-in-stock/news", rome(9, 22), due=rome(9, 20)))[0] is (
        Reason.QUIET_HOURS
    )


async def test_a_message_that_may_not_wait_says_to_whom_it_gave_way(desk: Desk) -> None:
    counter = Counter(desk, NIGHT + ORDER)
    await counter.waits("renewal/in-two-days", rome(9, 22))
    reason = await counter.skips("abandoned-cart/nudge", rome(9, 22), at_cap=AtCap.GIVE_WAY)
    assert reason is Reason.GAVE_WAY


async def test_a_hold_that_nobody_asks_about_any_more_keeps_no_slot(desk: Desk) -> None:
    counter = Counter(desk, NIGHT + ORDER)
    await counter.waits("renewal/in-two-days", rome(9, 22))
    asked, until = [], rome(10, 9)
    while isinstance(
        await counter.ask("abandoned-cart/nudge", until, due=rome(9, 23), useful=30 * DAY), Receipt
    ):
        asked.append(until)
        _, until = await counter.waits("abandoned-cart/nudge", until, due=rome(9, 23))
    # not each minute: after twice as long each time
    assert [(one - rome(10, 9)) // MINUTE for one in [*asked, until]] == [0, 1, 2, 4, 8, 11]


# ---- a slot that is free again -------------------------------------------------------------


async def woken(desk: Desk) -> list[str]:
    """Return the runs that are to ask again, in order."""
    async with desk.store.reading() as session:
        rows = await events.since(session, desk.customer_id, HoldEnded.event_name, NOON - DAY)
    assert all(row.routed_at is None for row in rows), "the sweep tells them"
    return [row.properties["run"].split(":")[0] for row in rows]


@pytest.mark.parametrize("fate", ["skipped", "unrenderable", "refused"])
async def test_who_waits_for_a_slot_is_woken_when_a_claimed_message_does_not_leave(
    desk: Desk, fate: str
) -> None:
    counter = Counter(desk, "[caps]\nper_week = 1")
    claim = await counter.leaves("renewal/in-two-days", TEN)
    await counter.waits("abandoned-cart/nudge", TEN)
    record = Recorder(desk.store)
    match fate:
        case "skipped":
            await record.skipped(claim, Reason.NOTHING_TO_SAY)
        case "unrenderable":
            await record.unrenderable(claim, "no such name")
        case "refused":
            await record.refused(claim, desk.carrier, InvalidRecipient("no such mailbox"))
    assert await woken(desk) == ["abandoned-cart"]


SHORT: dict[str, Any] = {"useful": 3 * HOUR}
"""It is of no use on the next day, on which the cap has room again."""


async def test_nobody_is_skipped_for_a_claimed_message_before_it_has_left(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_day = 1")
    claim = await counter.leaves("renewal/in-two-days", TEN)
    assert await counter.waits("abandoned-cart/nudge", TEN, **SHORT) == (Reason.CAP, TEN + MINUTE)
    await Recorder(desk.store).skipped(claim, Reason.NOTHING_TO_SAY)
    assert await woken(desk) == ["abandoned-cart"]
    await counter.leaves("abandoned-cart/nudge", TEN + MINUTE, due=TEN, **SHORT)


async def test_who_waited_for_a_claimed_message_is_skipped_once_it_has_left(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_day = 1")
    claim = await counter.leaves("renewal/in-two-days", TEN)
    await counter.waits("abandoned-cart/nudge", TEN, **SHORT)
    await Recorder(desk.store).sent(claim, desk.carrier, "provider-id")
    later = {"due": TEN, **SHORT}
    assert await counter.skips("abandoned-cart/nudge", TEN + MINUTE, **later) is Reason.CAP
    row = await counter.row("abandoned-cart/nudge")
    assert "went to renewal/in-two-days" in str(row.detail)


async def test_a_claim_that_nobody_works_on_counts_as_sent(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_day = 1")
    await counter.leaves("renewal/in-two-days", TEN)
    now, asked = TEN, []
    while True:
        answer = await counter.ask("abandoned-cart/nudge", now, due=TEN, **SHORT)
        assert isinstance(answer, Receipt)
        assert answer.reason is Reason.CAP
        if answer.until is None:
            break
        asked.append(answer.until - TEN)
        now = answer.until
    assert asked == [MINUTE, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE, 11 * MINUTE]


async def test_a_claim_that_is_tried_again_counts_as_sent(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_day = 1")
    await counter.leaves("renewal/in-two-days", TEN)
    await counter.leaves("renewal/in-two-days", TEN + MINUTE, due=TEN)
    assert await counter.skips("abandoned-cart/nudge", TEN + MINUTE, **SHORT) is Reason.CAP


async def test_who_gave_way_is_woken_when_the_other_message_is_given_up(desk: Desk) -> None:
    counter = Counter(desk, NIGHT + "[precedence]\norder = ['abandoned-cart']")
    await counter.waits("abandoned-cart/reminder", rome(9, 22), run="c")
    unmoved = {"goals": (), "ends": (), "restarts": ()}
    await counter.waits("onboarding/tip", rome(9, 22), **unmoved)
    await desk.buy(34)
    assert await woken(desk) == []
    await counter.skips("abandoned-cart/reminder", rome(9, 23), due=rome(9, 22), run="c")
    assert await woken(desk) == ["onboarding"]


async def test_who_gave_way_is_woken_when_the_other_run_is_stopped(desk: Desk) -> None:
    counter = Counter(desk, NIGHT + "[precedence]\norder = ['abandoned-cart']")
    await counter.waits("abandoned-cart/reminder", rome(9, 22), run="c")
    await counter.waits("onboarding/tip", rome(9, 22))
    async with desk.store.transaction() as session:
        await note_stop(session, desk)
    assert await woken(desk) == ["onboarding"]


async def test_a_message_that_leaves_wakes_nobody(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_day = 1")
    await counter.leaves("renewal/in-two-days", TEN)
    _, until = await counter.waits("abandoned-cart/nudge", TEN)
    await counter.waits("onboarding/tip", TEN + MINUTE)
    await counter.leaves("abandoned-cart/nudge", until, due=TEN)
    assert await woken(desk) == []


# ---- at once -------------------------------------------------------------------------------


async def test_of_fifty_claims_at_once_as_many_pass_as_the_cap_allows(desk: Desk) -> None:
    counter = Counter(desk, "[caps]\nper_day = 3\n[caps.email]\nper_day = 2")
    answers = await counter.at_once(["abandoned-cart/reminder"] * 50, TEN)
    assert Tally(type(answer) for answer in answers) == {Claim: 2, Receipt: 48}
    assert sum(row.state == "claimed" for row in await desk.rows()) == 2


# ---- cost ----------------------------------------------------------------------------------


async def test_caps_cost_one_statement_and_nothing_where_there_are_none(desk: Desk) -> None:
    said: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    engine = desk.store.engine.sync_engine
    numbers = {}
    listen.listen(engine, "before_cursor_execute", count)
    try:
        for run, text in enumerate(["", "[caps]\nper_week = 9", "[caps]\nper_week = 8", ""]):
            said.clear()
            await Counter(desk, text).leaves("abandoned-cart/reminder", TEN, run=str(run))
            numbers[run] = len(said)
    finally:
        listen.remove(engine, "before_cursor_execute", count)
    assert numbers == {0: numbers[0], 1: numbers[0] + 1, 2: numbers[0] + 1, 3: numbers[0]}
