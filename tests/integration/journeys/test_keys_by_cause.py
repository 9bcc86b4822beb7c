"""A run that is executed again, and hears things at other moments, sends nothing again."""

from datetime import timedelta

import pytest
from sqlmodel import col, select, update

from sojourn.domain.messages import EDITION, Enrolment
from sojourn.domain.reports import reference
from sojourn.events import OrderCompleted, ProductAdded, SubscriptionChanged
from sojourn.journeys.journey import Journey
from sojourn.store import events, runs
from sojourn.store.tables import LedgerRow
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

pytestmark = pytest.mark.temporal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def _execute_again(journey: JourneyTest, of: type[Journey]) -> None:
    """Lose the newest run, as an older copy of Temporal does, and begin it again from its start."""
    async with journey.store.reading() as session:
        run = (await runs.of_customer(session, journey.customer_id))[-1]
        start = await events.find(session, (await journey.messages())[0].enrolment)
        assert start is not None
        heard = events.heard(start, events.typed(start, journey.project.events))
    handle = journey.client.get_workflow_handle(run.workflow_id)
    if (await handle.describe()).close_time is None:
        await handle.terminate("restored")
    sojourn = await journey._ready()
    await journey.client.start_workflow(
        of.name,
        Enrolment(
            customer_id=journey.customer_id,
            key=run.key,
            start=heard,
            timezone="Europe/Rome",
            clock=sojourn.clock,
            edition=EDITION,
        ),
        id=run.workflow_id,
        task_queue=journey._task_queue,
    )
    await journey.settled()


@pytest.mark.more
async def test_steps_that_began_again_keep_their_messages(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(30 * HOUR)
    await journey.publish(ProductAdded, cart_id="c", product_id="p2")
    await journey.after(80 * HOUR)
    assert journey.sent == ["reminder", "reminder", "nudge"]
    await _execute_again(journey, AbandonedCart)  # it has to hear of the second product once more
    await journey.after(20 * DAY)
    assert journey.sent == ["reminder", "reminder", "nudge", "offer"]
    assert journey.skipped == [("nudge", "superseded")]  # of the steps of before


@pytest.mark.more
async def test_a_run_that_is_over_sends_nothing_when_it_is_executed_again(
    journey: JourneyTest,
) -> None:
    await journey.start(Onboarding)
    await journey.after(10 * DAY)
    sent = list(journey.sent)
    await _execute_again(journey, Onboarding)
    await journey.after(10 * DAY)
    assert journey.sent == sent == ["welcome", "first-steps", "tips", "help"]


@pytest.mark.more
async def test_a_moved_plan_keeps_its_messages(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=await journey.now() + 10 * DAY, subscription_id="s")
    await journey.after(4 * DAY)
    assert journey.sent == ["in-a-week"]
    later = await journey.now() + 20 * DAY
    await journey.publish(SubscriptionChanged, subscription_id="s", expires_at=later)
    await journey.after(14 * DAY)
    assert journey.sent == ["in-a-week", "in-a-week"]
    await _execute_again(journey, Renewal)
    await journey.after(30 * DAY)
    assert journey.sent == ["in-a-week", "in-a-week", "in-two-days", "today", "expired"]


async def test_a_purchase_that_a_new_execution_was_never_told_of_ends_it(
    journey: JourneyTest,
) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(30 * HOUR)
    await journey.publish(OrderCompleted, cart_id="c")
    assert journey.outcomes == ["converted"]
    await _execute_again(journey, AbandonedCart)
    await journey.after(10 * DAY)
    assert journey.sent == ["reminder"]


async def test_rows_of_the_former_rule_are_recognised(journey: JourneyTest) -> None:
    """A row once counted the decisions of its execution: 1-reminder, 2-reminder, 3-nudge."""
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(30 * HOUR)
    await journey.publish(ProductAdded, cart_id="c", product_id="p2")
    await journey.after(80 * HOUR)
    async with journey.store.transaction() as session:
        for row in (await session.exec(select(LedgerRow))).all():
            counted = f"{row.workflow_id}/{row.enrolment}/{row.n}-{row.step}"
            key = f"{counted}/{row.channel}"
            await session.exec(
                update(LedgerRow)
                .where(col(LedgerRow.id) == row.id)
                .values(message_id=counted, ledger_key=key, reference=reference(key))
            )
    await _execute_again(journey, AbandonedCart)
    await journey.after(20 * DAY)
    assert journey.sent == ["reminder", "reminder", "nudge", "offer"]
    assert {len(row.message_id.split("/")) for row in await journey.messages()} == {4}
