"""`self.person`: a run asks a person of the shop, and waits for the answer."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import pytest
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.workflow import Info

from sojourn import days, hours, minutes
from sojourn.cli import histories
from sojourn.dispatch import stopping
from sojourn.dispatch import tasks as answering
from sojourn.domain.errors import BadInput
from sojourn.domain.tasks import Closing, Opening, TaskState
from sojourn.events import CartViewed, CheckoutStarted, OrderCompleted
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import mutes, people, tasks
from sojourn.store.rights import erasing
from sojourn.store.tables import TaskRow
from sojourn.testkit import JourneyTest
from tests.support.deciding import Deciding, DecidingOtherwise
from tests.support.project import PROJECT


@pytest.fixture
def journey_project() -> Project:
    return replace(PROJECT, journeys=Journeys([Deciding]), policy=None)


@pytest.fixture
def journey_settings(journey_settings: Settings) -> Settings:
    told = {"tasks_webhook": "https://desk.shop.example"}
    return journey_settings.model_copy(update=told)


async def newest(journey: JourneyTest) -> TaskRow:
    return (await journey.tasks())[-1]


async def answered_unheard(journey: JourneyTest, name: str, *, by: str = "Ann") -> None:
    """Answer in the store alone, as a process that dies before anybody is told."""
    row = await newest(journey)
    assert row.id is not None
    await answering.answer(journey.store, row.id, name, by=by, at=await journey.now())


async def test_the_steps_branch_on_the_answer(journey: JourneyTest) -> None:
    await journey.start(Deciding, cart_id="c")
    await journey.after(hours(1))
    assert journey.sent == []
    await journey.answer("yes", by="Ann Smith")
    assert journey.sent == ["reminder"]
    await journey.answer("called", task="call-back")
    await journey.after(days(1))
    assert journey.sent == ["reminder"]
    refund, call = await journey.tasks()
    assert (refund.state, refund.answer, refund.answered_by) == ("answered", "yes", "Ann Smith")
    assert refund.to_tell
    assert refund.until == refund.opened_at + hours(4)
    assert call.until == call.opened_at + hours(2)  # of the office, which is open
    assert journey.outcome == "exhausted"


async def test_without_an_answer_the_run_goes_on_when_the_time_is_up(journey: JourneyTest) -> None:
    await journey.start(Deciding, cart_id="c")
    await journey.after(hours(4) - minutes(1))
    assert (await newest(journey)).state == "open"
    await journey.after(minutes(1))
    row = await newest(journey)
    assert (row.state, row.answer) == ("expired", None)
    assert journey.sent == []
    with pytest.raises(BadInput, match="the open ones are: none"):
        await journey.answer("yes")


async def test_an_answer_that_was_acknowledged_before_the_run_gave_up_counts(
    journey: JourneyTest,
) -> None:
    await journey.start(Deciding, cart_id="c")
    await answered_unheard(journey, "yes")
    await journey.after(hours(4))
    assert journey.sent == ["reminder"]


async def test_a_task_is_answered_once(journey: JourneyTest) -> None:
    await journey.start(Deciding, cart_id="c")
    await answered_unheard(journey, "no")
    row = await newest(journey)
    assert row.id is not None
    later, event = await answering.answer(
        journey.store, row.id, "yes", by="Bob", at=await journey.now()
    )
    assert event is None
    assert (later.answer, later.answered_by) == ("no", "Ann")


async def test_the_goal_closes_the_task(journey: JourneyTest) -> None:
    await journey.start(Deciding, cart_id="c")
    await journey.publish(OrderCompleted, cart_id="c")
    row = await newest(journey)
    assert (row.state, row.because) == ("closed", "goal_reached")
    assert journey.outcome == "converted"


async def test_an_event_that_ends_the_run_closes_the_task(journey: JourneyTest) -> None:
    await journey.start(Deciding, cart_id="c")
    await journey.publish(CheckoutStarted, cart_id="c")
    row = await newest(journey)
    assert (row.state, row.because) == ("closed", "run_stopped")


async def test_a_stop_closes_the_task_at_once(journey: JourneyTest) -> None:
    await journey.start(Deciding, cart_id="c")
    run = (await newest(journey)).run
    await stopping.note(journey.store, run, because="a mistake", at=await journey.now())
    row = await newest(journey)  # nobody has told the run yet
    assert (row.state, row.because) == ("closed", "run_stopped")


async def test_steps_that_begin_again_ask_again(journey: JourneyTest) -> None:
    await journey.start(Deciding, cart_id="c")
    await journey.after(minutes(5))
    await journey.publish(CartViewed, cart_id="c")
    first, second = await journey.tasks()
    assert (first.state, first.because) == ("closed", "begun_again")
    assert second.state == "open"
    assert first.task != second.task


async def test_nothing_promotional_leaves_while_a_person_talks(journey: JourneyTest) -> None:
    async def care() -> list[datetime | None]:
        async with journey.store.reading() as session:
            person = await people.read(session, journey.customer_id)
            on = await mutes.of_customer(session, journey.customer_id)
        assert person.in_care_until is None or person.in_care_until == on[-1].until
        return [mute.ended_at for mute in on if person.in_care_until or mute.ended_at]

    await journey.start(Deciding, cart_id="c")
    assert await care() == []  # the first question is no talk
    await journey.answer("yes")
    assert await care() == [None]
    (_, talk) = await journey.tasks()
    await journey.answer("called")
    assert await care() == [(await newest(journey)).ended_at]
    assert talk.state == "open"


async def test_asked_again_by_a_reset_run_the_task_is_the_same(journey: JourneyTest) -> None:
    await journey.start(Deciding, cart_id="c")
    await answered_unheard(journey, "yes")
    row = await newest(journey)
    start = row.task.split("/")
    said = Opening(
        run=row.run, customer_id=row.customer_id, enrolment=start[2], cause=start[3],
        now=row.opened_at, question="refund", journey="abandoned-cart", text="?",
        answers={"yes": "Yes"}, until=row.until,
    )  # fmt: skip
    assert said.task == row.task
    async with journey.store.transaction() as session:
        stand = await tasks.open_one(session, said, to_tell=False)
    assert (stand.state, stand.answer) == (TaskState.ANSWERED, "yes")
    assert len(await journey.tasks()) == 1


async def test_nobody_is_asked_about_an_erased_customer(journey: JourneyTest) -> None:
    await journey.start(Deciding, cart_id="c")
    await journey.publish(OrderCompleted, cart_id="c")
    row = await newest(journey)
    async with journey.store.transaction() as session:
        await erasing.begin(session, journey.customer_id, why="asked", by="Ann")
    async with journey.store.reading() as session:
        assert await session.get(TaskRow, row.id) is None
    again = Opening(
        run=row.run, customer_id=row.customer_id, enrolment="e", cause="e", now=row.opened_at,
        question="refund", journey="a", text="?", answers={"yes": "Yes"}, until=row.until,
    )  # fmt: skip
    over = Closing(
        task=again.task, customer_id=row.customer_id, question="refund", occurrence=1,
        now=row.until,
    )  # fmt: skip
    async with journey.store.transaction() as session:
        await people.lock(session, journey.customer_id)
        opened = await tasks.open_one(session, again, to_tell=True)
        closed = await tasks.close(session, over)
    assert opened.state is closed.state is TaskState.CLOSED


@pytest.mark.temporal
async def test_words_and_times_may_change_under_a_run(journey: JourneyTest) -> None:
    await journey.start(Deciding, cart_id="c")
    await journey.answer("yes", by="Ann Smith")
    await journey.after(days(3))
    history = await journey.history()
    assert b"Ann Smith" not in History(events=history.events).SerializeToString()
    assert await replays(history, Deciding, DecidingOtherwise) == [None, None]
    kept = WorkflowHistory("a-file", history.events)  # which does not tell the run's id
    assert await replays(kept, Deciding) == [None]


@pytest.mark.temporal
async def test_a_run_that_continues_as_new_keeps_its_task(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Info, "is_continue_as_new_suggested", lambda info: not info.continued_run_id
    )
    await journey.start(Deciding, cart_id="c")
    await journey.answer("yes")
    await journey.after(days(3))
    assert journey.sent == ["reminder", "nudge"]
    assert [(row.question, row.state) for row in await journey.tasks()] == [
        ("refund", "answered"),
        ("call-back", "expired"),
    ]
    began = (await journey.history()).events[0].workflow_execution_started_event_attributes
    assert began.continued_execution_run_id


async def replays(history: WorkflowHistory, *journeys: type[Deciding]) -> list[str | None]:
    found = []
    for one in journeys:

        async def kept() -> AsyncIterator[tuple[str, WorkflowHistory]]:
            yield history.workflow_id, history

        found += [each.broken for each in await histories.replay(kept(), [one])]
    return found
