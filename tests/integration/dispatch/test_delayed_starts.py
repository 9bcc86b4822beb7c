"""On the real server: a run whose first wait is the delay of its start, and all that may come then.

Temporal's clock of one run is moved, as `sojourn fast-forward` does.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle

from sojourn.channels.outbox import Outbox
from sojourn.cli import histories
from sojourn.cli.local.stack import Server
from sojourn.cli.travel import forward
from sojourn.dispatch import Sojourn
from sojourn.dispatch.delaying import keeps_delays
from sojourn.dispatch.planning import Plan
from sojourn.dispatch.routing import Target
from sojourn.dispatch.telling import Reached
from sojourn.domain.customer import read_identity
from sojourn.domain.events import Event, JourneyStopped, OrderCompleted, ProductAdded, SignedUp
from sojourn.domain.messages import Channel, Delivery
from sojourn.in_memory.course import Course
from sojourn.in_memory.following import FollowedRun
from sojourn.insight.leading.histories import course_of
from sojourn.insight.runs import list_runs, with_details
from sojourn.insight.waits import waits_of
from sojourn.journeys.queues import OUTCOME, TASK_QUEUE
from sojourn.journeys.stepping import Runs
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, events, ledger, runs
from sojourn.store.tables import LedgerRow, RunRow
from tests.support.crowd import crowd
from tests.support.noting import Notes
from tests.support.project import PROJECT

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
TRAITS = {"marketingConsent": dict.fromkeys(Channel, True)}


class Shop:
    """The shop's journeys on the real server, with starts that are delayed."""

    def __init__(self, client: Client, store: Store, settings: Settings) -> None:
        self.client = client
        self.store = store
        self.settings = settings
        self.queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
        self.sojourn = Sojourn(client, store, settings, PROJECT, task_queue=self.queue)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Have a worker serve the journeys."""
        async with worker.serving(
            self.client,
            self.store,
            self.settings,
            PROJECT,
            task_queue=self.queue,
            carriers=dict.fromkeys(Channel, Outbox()),
        ):
            yield

    async def customer(self) -> str:
        """Make a customer who can be reached."""
        name = f"c-{uuid4().hex[:12]}"
        traits = {**TRAITS, "email": f"{name}@shop.example"}
        at = datetime.now(UTC) - DAY
        await self.sojourn.identify(
            read_identity(traits, customer_id=name, message_id=f"i-{name}", at=at)
        )
        return name

    async def publish(self, event: Event, **how: Any) -> WorkflowHandle[Any, Any]:
        """Publish an event, and return the run that it reaches."""
        (run,) = (await self.sojourn.publish(event, **how)).runs
        return self.client.get_workflow_handle(run)

    async def begin(self, ago: timedelta = timedelta(0)) -> WorkflowHandle[Any, Any]:
        """Let somebody fill a cart; see that the run has not begun."""
        run = await self.publish(added(await self.customer(), ago))
        assert await kinds(run) == ["WORKFLOW_EXECUTION_STARTED"]
        return run

    async def rows(self, run: WorkflowHandle[Any, Any]) -> list[LedgerRow]:
        async with self.store.reading() as session:
            return list(await ledger.of_customer(session, customer_of(run)))

    async def noted(self, run: WorkflowHandle[Any, Any]) -> list[RunRow]:
        async with self.store.reading() as session:
            return list(await runs.of_workflow(session, run.id))

    async def settled(self, run: WorkflowHandle[Any, Any], messages: int) -> list[LedgerRow]:
        """Wait until so many messages have been sent."""
        async with asyncio.timeout(20):
            while True:
                rows = [row for row in await self.rows(run) if row.state == "sent"]
                if len(rows) >= messages:
                    return rows
                await asyncio.sleep(0.02)


async def first_message(run: WorkflowHandle[Any, Any]) -> Delivery:
    """Return the first message that a run has asked for."""
    for event in (await run.fetch_history()).events:
        if event.HasField("activity_task_scheduled_event_attributes"):
            payloads = event.activity_task_scheduled_event_attributes.input.payloads
            (delivery,) = await run._client.data_converter.decode(payloads, [Delivery])
            assert isinstance(delivery, Delivery)
            return delivery
    raise AssertionError("it has asked for none")


def added(customer_id: str, ago: timedelta = timedelta(0), **fields: Any) -> ProductAdded:
    at = datetime.now(UTC) - ago
    given = {"cart_id": "k", "product_id": "mug", **fields}
    return ProductAdded(customer_id=customer_id, occurred_at=at, **given)


def bought(customer_id: str) -> OrderCompleted:
    return OrderCompleted(
        customer_id=customer_id, occurred_at=datetime.now(UTC), order_id="o", cart_id="k"
    )


def customer_of(run: WorkflowHandle[Any, Any]) -> str:
    return run.id.split(":")[1]


async def kinds(run: WorkflowHandle[Any, Any]) -> list[str]:
    """Return the kinds of events in a history, without those of a moved clock."""
    found = [
        EventType.Name(event.event_type).removeprefix("EVENT_TYPE_")
        for event in (await run.fetch_history()).events
    ]
    return [kind for kind in found if "TIME_SKIPPING" not in kind and "OPTIONS" not in kind]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shop(
    temporal: Server, tmp_path_factory: pytest.TempPathFactory, migrated_database: Path
) -> AsyncIterator[Shop]:
    home = tmp_path_factory.mktemp("delayed")
    copy(migrated_database, home / "sojourn.db")
    settings = Settings(
        home=home,
        database_url=f"sqlite:///{home}/sojourn.db",
        quiet_hours=None,
        delayed_starts=True,
    )
    async with await Store.open(settings.store_url) as store:
        await crowd(store)
        yield Shop(temporal.client, store, settings)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def open_shop(shop: Shop) -> AsyncIterator[Shop]:
    """Return the shop with a worker."""
    served = Shop(shop.client, shop.store, shop.settings)
    async with served.working():
        yield served


async def test_the_first_wait_is_the_delay_of_the_start(open_shop: Shop) -> None:
    """No timer is set for it; the reminder leaves when it is over, and not before."""
    run = await open_shop.begin()
    (noted,) = await open_shop.noted(run)
    began = (await run.describe()).start_time
    assert noted.delayed_until is not None
    assert abs(noted.delayed_until - began - DAY) < SECOND
    await forward(open_shop.client, run.id, DAY - MINUTE)
    assert await kinds(run) == ["WORKFLOW_EXECUTION_STARTED"]
    await forward(open_shop.client, run.id, 2 * MINUTE)
    await open_shop.settled(run, 1)
    asked = await first_message(run)
    assert noted.delayed_until == asked.due <= asked.now
    assert asked.begun is not None
    assert abs(asked.begun - began) < SECOND
    timers = Counter(await kinds(run))
    assert timers["TIMER_FIRED"] == 0
    assert timers["WORKFLOW_EXECUTION_SIGNALED"] == 0
    await forward(open_shop.client, run.id, 7 * DAY)
    assert [row.step for row in await open_shop.rows(run)] == ["reminder", "nudge", "offer"]
    assert (await run.result())["outcome"] == "exhausted"


async def test_a_purchase_in_time_ends_the_run_at_once(open_shop: Shop) -> None:
    run = await open_shop.begin()
    await open_shop.publish(bought(customer_of(run)))
    assert await run.result() == {
        "outcome": "converted",
        "enrolment": (await open_shop.noted(run))[0].enrolment,
        "messages": [],
    }
    assert (await run.describe()).typed_search_attributes[OUTCOME] == "converted"
    assert await open_shop.rows(run) == []
    assert "TIMER_STARTED" not in await kinds(run)


async def test_a_sender_may_ask_what_a_purchase_did(open_shop: Shop) -> None:
    run = await open_shop.begin()
    effects = (await open_shop.sojourn.publish(bought(customer_of(run)), ask=True)).effects
    answer = effects[run.id]
    assert answer is not None
    assert (answer.effect, answer.prevented) == ("ended", ("reminder", "nudge", "offer"))


async def test_a_sender_who_asks_about_a_start_gets_a_run_with_a_timer(open_shop: Shop) -> None:
    """Temporal takes no delay together with an update."""
    event = added(await open_shop.customer())
    run = await open_shop.publish(event, ask=True)
    assert "TIMER_STARTED" in await kinds(run)
    await run.execute_update("stop", "seen enough")


async def test_one_more_product_puts_the_reminder_off(open_shop: Shop) -> None:
    """It waits for the first task; the run then sets a timer for the rest."""
    run = await open_shop.begin(20 * HOUR)
    last = added(customer_of(run))
    assert (await open_shop.publish(last)).id == run.id
    assert await kinds(run) == ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_SIGNALED"]
    await forward(open_shop.client, run.id, 23 * HOUR)
    assert await open_shop.rows(run) == []
    assert (await kinds(run))[-1] == "TIMER_STARTED"
    await forward(open_shop.client, run.id, 2 * HOUR)
    await open_shop.settled(run, 1)
    assert (await first_message(run)).due == last.occurred_at + DAY
    await run.execute_update("stop", "seen enough")


async def test_a_purchase_after_one_more_product_counts(open_shop: Shop) -> None:
    run = await open_shop.begin()
    await open_shop.publish(added(customer_of(run)))
    await open_shop.publish(bought(customer_of(run)))
    assert (await run.result())["outcome"] == "converted"
    again = await open_shop.publish(added(customer_of(run)))
    assert again.id == run.id
    assert await kinds(again) == ["WORKFLOW_EXECUTION_STARTED"], "it is a run of its own"
    assert len(await open_shop.noted(run)) == 2
    await open_shop.sojourn.stop(again.id, because="seen enough")


async def test_an_operator_stops_it(open_shop: Shop) -> None:
    """By the command, by an update from Temporal's pages, and by a cancel."""
    by_command, by_update, by_cancel = [await open_shop.begin() for _ in range(3)]
    await open_shop.sojourn.stop(by_command.id, because="asked by support")
    assert (await by_command.result())["outcome"] == "stopped"
    assert await by_update.execute_update("stop", "asked by support") == "stopped: asked by support"
    assert (await by_update.result())["outcome"] == "stopped"
    await by_cancel.cancel(reason="asked by support")
    with pytest.raises(WorkflowFailureError):
        await by_cancel.result()
    for run in (by_command, by_update, by_cancel):
        async with open_shop.store.reading() as session:
            heard = await events.of_customer(session, customer_of(run))
        assert [one.name for one in heard if one.name == JourneyStopped.event_name], run.id
        assert await open_shop.rows(run) == []


async def test_operators_see_what_it_waits_for(open_shop: Shop) -> None:
    """Nobody can answer a query yet, and Temporal would have us wait for somebody."""
    run = await open_shop.begin(HOUR)
    (noted,) = await open_shop.noted(run)
    assert noted.delayed_until is not None
    async with asyncio.timeout(20):
        while not (  # noqa: ASYNC110 (Temporal tells nobody)
            found := await list_runs(open_shop.client, customer_ids=[customer_of(run)])
        ):
            await asyncio.sleep(0.05)
    (told,) = await with_details(open_shop.client, found)
    words = "wait 24 h after the last Product Added for Order Completed"
    assert told.doing == words
    assert told.until is not None
    assert abs(told.until - noted.delayed_until) <= 2 * SECOND
    (wait,) = await waits_of(open_shop.client, [told])
    assert (wait.text, wait.ended, wait.came) == (words, None, False)
    description = await run.describe()
    assert await description.static_summary() == f"abandoned-cart for {customer_of(run)} k"
    await forward(open_shop.client, run.id, DAY)
    await open_shop.settled(run, 1)
    first = (await waits_of(open_shop.client, [told]))[0]
    assert (first.text, first.came, first.until) == (words, True, wait.until)
    await run.execute_update("stop", "seen enough")


async def test_a_run_that_has_not_begun_breaks_by_no_change(open_shop: Shop) -> None:
    """Replays leave it out; in memory it is led on from its enrolment."""
    run = await open_shop.begin()
    history = await run.fetch_history()

    async def one() -> AsyncIterator[tuple[str, Any]]:
        yield run.id, history

    (checked,) = await histories.replay(one(), project=PROJECT)
    assert (checked.journey, checked.broken) == ("abandoned-cart", None)
    course = await course_of(open_shop.client, run.id)
    assert course is not None
    assert course.tasks == ()
    followed, desk = await _led_on(course)
    assert followed.broken == ""
    assert [asked.step for asked in desk.asked][:2] == ["reminder", "nudge"]
    assert desk.asked[0].due == course.enrolment.start.at + DAY
    await open_shop.sojourn.stop(run.id, because="seen enough")


async def test_in_memory_it_goes_on_as_its_history_has_it(open_shop: Shop) -> None:
    """There is no timer for its first wait, which counts all the same."""
    run = await open_shop.begin()
    await forward(open_shop.client, run.id, DAY + HOUR)
    await open_shop.settled(run, 1)
    async with asyncio.timeout(20):
        while (await kinds(run))[-1] != "TIMER_STARTED":  # noqa: ASYNC110 (Temporal tells nobody)
            await asyncio.sleep(0.02)
    course = await course_of(open_shop.client, run.id)
    assert course is not None
    delayed = course.enrolment.delayed
    assert delayed is not None
    followed, desk = await _led_on(course)
    assert followed.broken == ""
    assert [asked.step for asked in desk.asked] == ["nudge"]
    assert followed.waits[0].began == delayed.since
    assert followed.waits[0].ended >= delayed.until
    await run.execute_update("stop", "seen enough")


async def _led_on(course: Course) -> tuple[FollowedRun, Notes]:
    """Lead a run on in memory, for three days after its history."""
    desk = Notes()
    now = course.rest.at
    led = Runs(desk, now)
    followed = FollowedRun(led, PROJECT.journeys[course.journey], course)
    await led.advance(now + 3 * DAY + HOUR)
    return followed, desk


async def test_its_history_replays_by_a_plan_that_waits_longer_or_less(open_shop: Shop) -> None:
    """The end of the delay is in the enrolment, and not in the plan."""
    run = await open_shop.begin()
    await open_shop.publish(added(customer_of(run)))
    await forward(open_shop.client, run.id, DAY + HOUR)
    await open_shop.settled(run, 1)
    history = await run.fetch_history()

    async def one() -> AsyncIterator[tuple[str, Any]]:
        yield run.id, history

    journey = PROJECT.journeys["abandoned-cart"]
    for span in (HOUR, 3 * DAY):

        async def steps(self: Any, span: timedelta = span) -> None:
            await self.quiet_for(span, of=ProductAdded)
            await self.send(self.reminder)
            await self.sleep(2 * DAY)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(journey, "steps", steps)
            (checked,) = await histories.replay(one(), [journey], project=PROJECT)
        assert checked.broken is None, span
    await run.execute_update("stop", "seen enough")


async def test_without_a_worker_nothing_is_lost_or_early(shop: Shop) -> None:
    """Workers are away from before the start until after the end of the wait."""
    away = Shop(shop.client, shop.store, shop.settings)
    bought_in_time, left = [await away.begin(DAY - 6 * SECOND) for _ in range(2)]
    await away.publish(bought(customer_of(bought_in_time)))  # nobody answers: it is signalled
    async with asyncio.timeout(20):
        while "WORKFLOW_TASK_SCHEDULED" not in await kinds(left):  # noqa: ASYNC110 (likewise)
            await asyncio.sleep(0.1)
    async with away.working():
        assert (await bought_in_time.result())["outcome"] == "converted"
        await away.settled(left, 1)
        asked = await first_message(left)
        assert asked.due <= asked.now
        assert await away.rows(bought_in_time) == []
        await left.execute_update("stop", "seen enough")


async def test_a_start_that_is_told_twice_makes_one_run(open_shop: Shop) -> None:
    """A crash between the start and the note of it: the sweep starts the run once more."""
    event = added(await open_shop.customer())
    sojourn = open_shop.sojourn
    reach, told = sojourn.teller.reach, list[tuple[Target, Plan, Reached]]()

    async def dying(target: Target, plan: Plan) -> Reached | None:
        reached = await reach(target, plan)
        assert reached is not None
        told.append((target, plan, reached))
        raise asyncio.CancelledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sojourn.teller, "reach", dying)
        with pytest.raises(asyncio.CancelledError):
            await sojourn.publish(event)
    ((target, plan, first),) = told
    assert first.delayed_until is not None
    # another process does not know of the run, and would start it for another event
    other = plan.enrolment.start.model_copy(update={"id": str(uuid4())})
    later = replace(plan, enrolment=plan.enrolment.model_copy(update={"start": other}))
    found = await reach(target, later)
    assert found is not None
    assert (found.execution, found.delayed_until) == (first.execution, None)
    # the sweep comes to the event whose start nobody has noted
    run = open_shop.client.get_workflow_handle(target.workflow_id)
    signals = Counter(await kinds(run))["WORKFLOW_EXECUTION_SIGNALED"]
    assert signals == 1, "the run hears it"
    assert await sojourn.route(event.customer_id) == 1
    assert [row.run_id for row in await open_shop.noted(run)] == [first.execution]
    await sojourn.stop(run.id, because="seen enough")
    assert (await run.result())["outcome"] == "stopped"


async def test_it_is_off_unless_it_is_switched_on(open_shop: Shop) -> None:
    settings = open_shop.settings.model_copy(update={"delayed_starts": False})
    plain = Shop(open_shop.client, open_shop.store, settings)
    run = await plain.publish(added(await plain.customer()))
    assert (await kinds(run))[:2] == ["WORKFLOW_EXECUTION_STARTED", "WORKFLOW_EXECUTION_SIGNALED"]
    await run.terminate()


async def test_a_journey_that_begins_otherwise_starts_at_once(open_shop: Shop) -> None:
    customer_id = await open_shop.customer()
    run = await open_shop.publish(SignedUp(customer_id=customer_id, occurred_at=datetime.now(UTC)))
    (noted,) = await open_shop.noted(run)
    assert noted.delayed_until is None
    assert (await kinds(run))[1] == "WORKFLOW_EXECUTION_SIGNALED"
    await run.execute_update("stop", "seen enough")


@pytest.mark.temporal
async def test_a_server_that_does_not_say_its_version_delays_nothing(
    time_skipping_client: Client, open_shop: Shop
) -> None:
    """The time-skipping test server would hand out the first task years later."""
    shop = Shop(time_skipping_client, open_shop.store, open_shop.settings)
    async with shop.working():  # a run that ends without a worker would stop the server's clock
        run = await shop.publish(added(await shop.customer()))
        await run.execute_update("stop", "seen enough")
        async with asyncio.timeout(20):
            while (await kinds(run))[-1] != "WORKFLOW_EXECUTION_COMPLETED":  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert "WORKFLOW_EXECUTION_SIGNALED" in await kinds(run)
    (noted,) = await shop.noted(run)
    assert noted.delayed_until is None


@pytest.mark.parametrize(
    ("version", "keeps"),
    [("", False), ("1.20.4", False), ("1.21.0", True), ("1.32.0-rc.1", True), ("2.0.0", True)],
)
def test_a_server_whose_version_is_known_to_keep_delays_gets_some(
    version: str, *, keeps: bool
) -> None:
    assert keeps_delays(version) is keeps
