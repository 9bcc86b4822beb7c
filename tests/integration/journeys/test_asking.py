"""`self.ask`: the steps branch on what is known of the customer."""

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import History
from temporalio.client import WorkflowHistory
from temporalio.workflow import Info

from sojourn import days
from sojourn.cli import histories
from sojourn.domain.calls import Question, Reply
from sojourn.events import OrderCompleted
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.sending import asking
from sojourn.store import joining, ledger
from sojourn.testkit import JourneyTest
from tests.support.asking import Asking
from tests.support.project import PROJECT

MARKER = EventType.EVENT_TYPE_MARKER_RECORDED


@pytest.fixture
def journey_project() -> Project:
    return replace(PROJECT, journeys=Journeys([Asking]), policy=None)


def written(history: WorkflowHistory) -> bytes:
    """Return a history as Temporal stores it: JSON would hide its payloads in Base64."""
    return History(events=history.events).SerializeToString()


async def test_steps_branch_on_what_is_known(journey: JourneyTest) -> None:
    await journey.identify(plan="pro")
    await journey.start(Asking, cart_id="c")
    await journey.identify(plan="free")  # too late: the answer stays what it was
    await journey.after(days(2))
    assert journey.sent == ["pro"]


async def test_what_is_unknown_is_a_value_of_its_own(journey: JourneyTest) -> None:
    await journey.start(Asking, cart_id="c")
    await journey.after(days(2))
    assert journey.sent == ["unsaid"]


async def test_events_that_were_stored_before_the_question_count(journey: JourneyTest) -> None:
    await journey.identify(plan="free")
    now = await journey.now()
    for n in range(3):
        at = now - timedelta(days=n + 1)
        await journey.publish(OrderCompleted, order_id=f"o{n}", total=30, occurred_at=at)
    await journey.start(Asking, cart_id="c")
    await journey.after(days(2))
    assert journey.sent == ["free", "many"]


@pytest.mark.temporal
async def test_a_question_costs_a_marker_and_no_activity(journey: JourneyTest) -> None:
    await journey.identify(plan="pro", code="ada@shop.example")
    await journey.start(Asking, cart_id="c")
    await journey.after(days(2))
    history = await journey.history()
    kinds = [event.event_type for event in history.events]
    assert kinds.count(MARKER) == 5
    assert kinds.count(EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED) == 1
    said = [e.user_metadata.summary.data.decode() for e in history.events if e.event_type == MARKER]
    assert said[:2] == ['"ask: plan == \\"pro\\""', '"ask: Order Completed in 90 days"']
    assert b"ada@" not in written(history)


@pytest.mark.temporal
async def test_answers_are_the_same_at_replay(journey: JourneyTest) -> None:
    await journey.identify(plan="pro")
    await journey.start(Asking, cart_id="c")
    await journey.identify(plan="free")
    await journey.after(days(2))
    played = await journey.history()

    async def kept() -> AsyncIterator[tuple[str, WorkflowHistory]]:
        yield played.workflow_id, played

    (result,) = await histories.replay(kept(), [Asking])
    assert result.broken is None


@pytest.mark.temporal
async def test_answers_are_carried_over_continue_as_new(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Info, "is_continue_as_new_suggested", lambda info: not info.continued_run_id
    )
    await journey.identify(plan="pro")
    await journey.start(Asking, cart_id="c")
    await journey.identify(plan="free")
    await journey.after(days(2))
    assert journey.sent == ["pro"]
    kinds = [event.event_type for event in (await journey.history()).events]
    assert kinds.count(MARKER) == 1  # what was asked after the wait


@pytest.mark.temporal
async def test_a_store_that_cannot_be_read_is_asked_again(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = asking.answered
    failed: list[object] = []

    async def shaky(session: AsyncSession, asked: Question, own: Collection[str]) -> Reply:
        if len(failed) < 2:
            failed.append(asked)
            raise OSError("no connection for ada@shop.example")
        return await answer(session, asked, own)

    monkeypatch.setattr(asking, "answered", shaky)
    await journey.identify(plan="pro")
    await journey.start(Asking, cart_id="c")
    await journey.after(days(2))
    assert journey.sent == ["pro"]
    assert len(failed) == 2
    assert b"ada@" not in written(await journey.history())


async def test_a_joined_customer_is_asked_about_as_one_person(journey: JourneyTest) -> None:
    other = f"{journey.customer_id}-2"
    await journey.start(Asking, cart_id="c")
    async with journey.store.transaction() as session:
        await joining.join(session, journey.customer_id, other, at=await journey.now())
    sojourn = await journey._ready()
    for order in ("a", "b"):
        at = await journey.now()
        bought = OrderCompleted(customer_id=other, order_id=order, total="30", occurred_at=at)
        await sojourn.publish(bought)
    await journey.after(days(2))
    async with journey.store.reading() as session:
        rows = await ledger.of_customer(session, other)
    assert [row.step for row in rows] == ["unsaid", "many"]
