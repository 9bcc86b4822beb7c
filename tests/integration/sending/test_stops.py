"""An operator's stop holds from the moment it is stored, for every message that has not left."""

from datetime import timedelta

import pytest

from sojourn.domain.errors import AmbiguousSend, RateLimited
from sojourn.domain.messages import Reason, Status
from sojourn.domain.states import MessageState
from sojourn.sending.recording import Recorder
from sojourn.store import stops
from sojourn.store.tables import EventRow
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, HOUR, NIGHT, Desk, note_stop

STOPPED = (Status.SKIPPED, Reason.RUN_STOPPED)


async def _stop(desk: Desk, **changes: object) -> EventRow:
    async with desk.store.transaction() as session:
        return await note_stop(session, desk, **changes)


async def test_a_message_that_waits_for_its_next_attempt_does_not_leave(desk: Desk) -> None:
    desk.carrier.answers.append(RateLimited("slow down", retry_after=timedelta(seconds=15)))
    await desk.again()
    stop = await _stop(desk)
    row = await desk.row()
    assert (row.state, row.reason, row.caused_by) == ("skipped", "run_stopped", stop.message_id)
    receipt = await desk.send(waited=timedelta(seconds=20))
    assert (receipt.status, receipt.reason) == STOPPED
    assert receipt.news is not None
    assert receipt.news.id == stop.message_id  # by which the run learns of it
    assert desk.carrier.carried == []


async def test_a_message_that_waits_in_the_queue_of_its_channel_does_not_leave(desk: Desk) -> None:
    await _stop(desk)
    receipt = await desk.send()
    assert (receipt.status, receipt.reason) == STOPPED
    assert desk.carrier.carried == []


async def test_a_held_message_is_skipped_when_the_stop_is_stored(desk: Desk) -> None:
    desk.quiet_hours = NIGHT
    receipt = await desk.send(now=NOON + DAY + 10 * HOUR, useful_until=NOON + 3 * DAY)
    assert receipt.status is Status.DEFERRED
    stop = await _stop(desk)
    row = await desk.row()
    assert (row.state, row.reason, row.caused_by) == ("skipped", "run_stopped", stop.message_id)


async def test_a_message_between_its_claim_and_the_hand_over_does_not_leave(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit = Recorder.submit

    async def stopped_meanwhile(*given: object, **named: object) -> bool:
        await _stop(desk)
        return await submit(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Recorder, "submit", stopped_meanwhile)
    await desk.again()
    monkeypatch.undo()
    receipt = await desk.send()
    assert (receipt.status, receipt.reason) == STOPPED
    assert desk.carrier.carried == []


async def test_a_message_that_is_perhaps_out_is_not_called_skipped(desk: Desk) -> None:
    desk.carrier.idempotent = False
    desk.carrier.support_lookup()
    desk.carrier.answers.append(AmbiguousSend("no answer"))
    await desk.again()
    await _stop(desk)
    assert (await desk.row()).state is MessageState.SUBMITTING
    receipt = await desk.send(waited=timedelta(minutes=2))  # the provider is asked, and has it
    assert receipt.status is Status.SENT
    assert len(desk.carrier.carried) == 1


async def test_a_stop_ends_its_own_run_alone(desk: Desk) -> None:
    other = desk.delivery().workflow_id + "2"
    await _stop(desk, workflow_id=other)
    assert (await desk.send()).status is Status.SENT
    receipt = await desk.send(workflow_id=other)
    assert (receipt.status, receipt.reason) == STOPPED


async def test_a_later_run_of_the_same_id_goes_on(desk: Desk) -> None:
    await _stop(desk)
    again = await desk.add(hours=2)
    assert again.seq is not None
    order = (again.occurred_at, again.seq)
    receipt = await desk.send(enrolment=again.message_id, start=order, latest=order)
    assert receipt.status is Status.SENT


async def test_a_stop_counts_although_the_clock_that_dates_it_is_behind(desk: Desk) -> None:
    ahead = await desk.add(hours=5)
    assert ahead.seq is not None
    order = (ahead.occurred_at, ahead.seq)
    await _stop(desk)  # noted an hour after noon, by its own clock
    receipt = await desk.send(enrolment=ahead.message_id, start=order, latest=order)
    assert (receipt.status, receipt.reason) == STOPPED


async def test_the_same_request_is_one_stop(desk: Desk) -> None:
    kept = []
    for _ in range(2):
        async with desk.store.transaction() as session:
            row = await stops.note(
                session,
                desk.customer_id,
                desk.delivery().workflow_id,
                journey="abandoned-cart",
                asked=f"{desk.customer_id}/an-update",
                because="asked by support",
                at=NOON + HOUR,
            )
            kept.append(row.seq)
    assert kept[0] == kept[1]
