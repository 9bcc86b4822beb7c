"""The verbs on the real engine wake, restart, continue as new, and survive bad signals."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.empty_pb2 import Empty
from temporalio import workflow
from temporalio.api.testservice.v1 import SleepRequest
from temporalio.client import (
    Client,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
)
from temporalio.worker import Worker
from temporalio.workflow import Info

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.customer import read_identity
from sojourn.domain.events import (
    EmailLinkClicked,
    Event,
    OrderCompleted,
    ProductAdded,
    SubscriptionChanged,
)
from sojourn.domain.messages import Enrolment, Heard
from sojourn.domain.quiet_hours import QuietHours
from sojourn.journeys.queues import CUSTOMER_ID, JOURNEY, OUTCOME, TASK_QUEUE
from sojourn.serving import sandbox, worker
from sojourn.settings import Settings
from sojourn.store import Store, runs
from sojourn.testkit import JourneyTest
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.project import PROJECT
from tests.support.waiting import Waiting
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

pytestmark = pytest.mark.temporal

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def _first(journey: JourneyTest) -> str:
    """Return the execution that the newest run began with."""
    async with journey.store.reading() as session:
        return (await runs.of_customer(session, journey.customer_id))[-1].run_id


def _handle(journey: JourneyTest, kind: str, key: str = "") -> WorkflowHandle[Any, Any]:
    parts = [kind, journey.customer_id, *([key] if key else [])]
    return journey.client.get_workflow_handle(":".join(parts))


# ---- signals that are no events ------------------------------------------------------------

GOOD = {"id": "x", "name": "Order Completed", "at": "2024-01-09T00:00:00Z", "seq": 10**9}
MALFORMED: dict[str, tuple[Any, ...]] = {
    "nothing": (),
    "null": (None,),
    "bytes": (b"Order Completed",),
    "text": ("Order Completed",),
    "number": (7,),
    "list": ([],),
    "no event": ({"id": "x"},),
    "two events": (GOOD, GOOD),
    "no moment": ({**GOOD, "at": "yesterday"},),
    "a moment without a zone": ({**GOOD, "at": "2024-01-09T00:00:00"},),
    "a restart without its fields": ({**GOOD, "name": "Product Added"},),
    "a field of another kind": (
        {**GOOD, "name": "Product Added", "fields": {"product_id": "p", "quantity": "many"}},
    ),
    "an event nobody knows": ({**GOOD, "name": "Nonsense"},),
}


async def test_a_malformed_signal_does_not_block_the_run(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    handle = _handle(journey, "abandoned-cart", "c")
    for slip, args in MALFORMED.items():
        for name in ("Order Completed", "anything"):
            await handle.signal(name, args=args)
        await journey.settled()
        assert (slip, journey.outcome) == (slip, "open")
    await journey.after(25 * HOUR)
    assert journey.sent == ["reminder"]


async def test_a_malformed_signal_at_the_start_does_not_block_the_run(journey: JourneyTest) -> None:
    sojourn = await journey._ready()
    published = await journey.start(AbandonedCart, cart_id="c")
    async with journey.store.reading() as session:
        (run,) = await runs.of_customer(session, journey.customer_id)
    start = Heard(id=run.enrolment, name="Product Added", at=NOON, seq=1, fields={})
    handle = await journey.client.start_workflow(
        "abandoned-cart",
        Enrolment(customer_id=journey.customer_id, key="d", start=start, clock=sojourn.clock),
        id=f"{published.runs[0]}-d",
        task_queue=journey._task_queue,
        start_signal="Product Added",
        start_signal_args=[None],
    )
    assert "wait 24 h" in (await handle.query("status"))["doing"]
    await handle.terminate()


async def test_a_goal_typed_by_hand_counts_whatever_its_fields(journey: JourneyTest) -> None:
    """A doubt is decided for the customer: a goal stops messages, and its fields are not read."""
    await journey.start(AbandonedCart, cart_id="c")
    await _handle(journey, "abandoned-cart", "c").signal("Order Completed", GOOD)
    await journey.settled()
    assert journey.outcome == "converted"


async def test_an_event_heard_twice_counts_once(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    again = {**GOOD, "id": "y", "name": "Product Added", "fields": {"product_id": "p"}}
    again["at"] = (NOON + HOUR).isoformat()
    for _ in range(2):
        await _handle(journey, "abandoned-cart", "c").signal("Product Added", again)
    await journey.until(NOON + 25 * HOUR)
    assert journey.sent == ["reminder"]
    await _handle(journey, "abandoned-cart", "c").signal("Product Added", again)
    await journey.after(8 * DAY)
    assert journey.sent == ["reminder", "nudge", "offer"]


# ---- operators -----------------------------------------------------------------------------


async def test_a_stop_must_say_why(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    slips: tuple[list[Any], ...] = ([""], ["  "], [None], [], [7])
    for args in slips:
        with pytest.raises(WorkflowUpdateFailedError):
            await _handle(journey, "abandoned-cart", "c").execute_update("stop", args=args)
    await journey.settled()
    assert journey.outcome == "open"


async def test_a_stop_ends_the_run(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    await journey.stop("the shop is closed")
    assert journey.outcome == "stopped"
    await journey.after(8 * DAY)
    assert journey.sent == []


async def test_an_operator_reads_the_state_of_a_run(
    temporal: Server, journey_settings: Settings
) -> None:
    """On the real server: search attributes, summaries, status and current details."""
    async with _served(temporal.client, journey_settings) as (sojourn, customer_id):
        event = ProductAdded(customer_id=customer_id, product_id="p", cart_id="c")
        (run,) = (await sojourn.publish(event)).runs
        handle = sojourn.client.get_workflow_handle(run)
        await _until(handle, lambda status: status["until"] is not None)
        description = await handle.describe()
        assert description.typed_search_attributes[JOURNEY] == "abandoned-cart"
        assert description.typed_search_attributes[CUSTOMER_ID] == customer_id
        assert description.typed_search_attributes.get(OUTCOME) is None
        assert await description.static_summary() == f"abandoned-cart for {customer_id} c"
        assert "A day after the last product" in str(await description.static_details())
        status = await handle.query("status")
        assert status["doing"] == "wait 24 h after the last Product Added for Order Completed"
        assert status["messages"] == []
        due = datetime.fromisoformat(status["until"])
        assert abs(due - event.occurred_at - DAY) < timedelta(milliseconds=1)
        metadata = await handle.query("__temporal_workflow_metadata")
        assert status["doing"] in metadata.current_details
        assert f"{due:%Y-%m-%d %H:%M:%S} UTC" in metadata.current_details
        assert "No message yet" in metadata.current_details
        await handle.execute_update("stop", "seen enough")
        assert (await handle.result())["outcome"] == "stopped"
        description = await handle.describe()
        assert description.typed_search_attributes[OUTCOME] == "stopped"


async def test_every_timer_and_activity_says_what_it_is_for(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(8 * DAY)
    timers, activities = [], []
    for event in (await journey.history()).events:
        summary = event.user_metadata.summary.data.decode()
        if event.HasField("timer_started_event_attributes"):
            timers.append(summary)
        if event.HasField("activity_task_scheduled_event_attributes"):
            activity = event.activity_task_scheduled_event_attributes
            activities.append((activity.activity_id, summary))
    assert timers == [
        '"wait 24 h after the last Product Added for Order Completed"',
        '"wait 2 days for Order Completed"',
        '"wait 4 days for Order Completed"',
    ]
    assert activities == [
        ("1-reminder", '"reminder by email"'),
        ("2-nudge", '"nudge by push, else sms"'),
        ("issue_code-1", '"issue code"'),
        ("3-offer", '"offer by email"'),
    ]


async def test_details_tell_what_was_sent(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(25 * HOUR)
    metadata = await _handle(journey, "abandoned-cart", "c").query("__temporal_workflow_metadata")
    assert "| reminder | sent by email | 2024-01-09 1" in metadata.current_details
    assert "(Europe/Rome)" in metadata.current_details
    assert [sent["step"] for sent in (await journey.status())["messages"]] == ["reminder"]


@asynccontextmanager
async def _served(client: Client, settings: Settings) -> AsyncIterator[tuple[Sojourn, str]]:
    async with await Store.open(settings.store_url) as store:
        queue, customer_id = f"{TASK_QUEUE}-{uuid4().hex[:8]}", f"c-{uuid4().hex[:8]}"
        sojourn = Sojourn(client, store, settings, task_queue=queue)
        traits = {"email": "ada@shop.example", "marketingConsent": {"email": True}}
        identity = read_identity(
            traits, customer_id=customer_id, message_id="i", at=datetime.now(UTC)
        )
        async with worker.serving(client, store, settings, task_queue=queue):
            await sojourn.identify(identity)
            yield sojourn, customer_id


async def _until(
    handle: WorkflowHandle[Any, Any], seen: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    async with asyncio.timeout(30):
        while True:
            status: dict[str, Any] = await handle.query("status")
            if seen(status):
                return status
            await asyncio.sleep(0.01)


# ---- continue-as-new in the middle of the steps --------------------------------------------


@pytest.fixture
def short_histories(monkeypatch: pytest.MonkeyPatch) -> None:
    """Temporal suggests to continue as new from the 30th event on, not from the 4096th."""
    monkeypatch.setattr(
        Info,
        "is_continue_as_new_suggested",
        lambda self: self.get_current_history_length() >= 30,
    )


async def _until_continued(test: JourneyTest, event: type[Event], **fields: Any) -> None:
    """Publish events until the run's history has grown too long."""
    for _ in range(40):
        await test.publish(event, **fields)
        if (
            await test.client.get_workflow_handle((await test._ids())[-1]).describe()
        ).run_id != await _first(test):
            return
    raise AssertionError("the run did not continue as new")


@pytest.mark.usefixtures("short_histories")
async def test_a_run_that_continues_as_new_sends_each_message_once(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    first = (await journey.history()).run_id
    for n in range(8):
        await journey.after(HOUR)
        await journey.publish(ProductAdded, cart_id="c", product_id=f"p{n}")
    await journey.after(25 * HOUR)
    assert journey.sent == ["reminder"]
    for n in range(8):  # each product restarts the ladder
        await journey.publish(ProductAdded, cart_id="c", product_id=f"q{n}")
    await journey.after(30 * DAY)
    assert journey.sent == ["reminder", "reminder", "nudge", "offer"]
    assert journey.outcomes == ["exhausted"]
    assert (await journey.history()).run_id != first
    rows = await journey.messages()
    assert len({row.ledger_key for row in rows}) == len(rows) == 4
    assert {row.enrolment for row in rows} == {rows[0].enrolment}


@pytest.mark.usefixtures("short_histories")
async def test_a_continued_run_still_hears_its_goal(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    await _until_continued(journey, ProductAdded, cart_id="c")
    await journey.publish(OrderCompleted, cart_id="c")
    assert journey.outcomes == ["converted"]


@pytest.mark.usefixtures("short_histories")
async def test_a_continued_run_remembers_what_it_heard_and_sent(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    click = EmailLinkClicked(
        customer_id=journey.customer_id, occurred_at=NOON, journey="onboarding", step="welcome"
    )
    await journey.publish(click)
    await _until_continued(journey, EmailLinkClicked, journey="onboarding", step="welcome")
    assert [sent["step"] for sent in (await journey.status())["messages"]] == ["welcome"]
    await journey.after(8 * DAY)
    assert journey.sent == ["welcome", "first-steps", "tips", "help"]
    assert (await journey.messages())[1].template == "first-steps-clicked"


async def test_a_run_that_outgrows_its_history_as_a_wait_ends_loses_nothing(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suggestion comes with the very task in which the timer fires."""
    due = datetime(2024, 1, 9, 9, tzinfo=UTC)
    clock = (await journey._ready()).clock
    monkeypatch.setattr(
        Info,
        "is_continue_as_new_suggested",
        lambda self: not self.continued_run_id and workflow.now() + clock >= due,
    )
    await journey.start(Onboarding)
    await journey.after(8 * DAY)
    assert journey.sent == ["welcome", "first-steps", "tips", "help"]
    assert (await journey.history()).run_id != await _first(journey)


@pytest.mark.usefixtures("short_histories")
async def test_a_continued_run_keeps_the_plan_it_was_changed_to(journey: JourneyTest) -> None:
    expires = NOON + 60 * DAY
    await journey.start(Renewal, expires_at=NOON + 30 * DAY)
    await journey.publish(SubscriptionChanged, expires_at=expires)
    await _until_continued(journey, SubscriptionChanged, price=9)
    await journey.until(NOON + 50 * DAY)
    assert journey.sent == []
    await journey.until(expires + 2 * DAY)
    assert journey.sent == ["in-a-week", "in-two-days", "today", "expired"]
    assert journey.outcomes == ["exhausted"]


@pytest.mark.usefixtures("short_histories")
async def test_a_continued_run_remembers_a_move_that_many_changes_followed(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run carries so many events at most; the one on which its plan rests is among them."""
    monkeypatch.setattr("sojourn.journeys.state.CARRIED_EVENTS", 4)
    expires = NOON + 60 * DAY
    await journey.start(Renewal, expires_at=NOON + 30 * DAY)
    await journey.publish(SubscriptionChanged, expires_at=expires)
    for price in range(6):
        await journey.publish(SubscriptionChanged, price=price, currency="EUR")
    for _ in range(2):
        await _until_continued(journey, SubscriptionChanged, price=9, currency="EUR")
    await journey.until(NOON + 50 * DAY)
    assert journey.sent == []
    await journey.until(expires + 2 * DAY)
    assert journey.sent == ["in-a-week", "in-two-days", "today", "expired"]


# ---- held over night -----------------------------------------------------------------------


@pytest.fixture
async def evening(journey: JourneyTest, monkeypatch: pytest.MonkeyPatch) -> JourneyTest:
    """A reminder that fell due at 22:00 in Rome, and is held until nine."""
    journey.begin_at(datetime(2024, 1, 8, 21, tzinfo=UTC))
    await journey.start(AbandonedCart, cart_id="c")
    await journey.after(25 * HOUR)
    assert journey.sent == []
    (held,) = await journey.messages()
    assert (held.state, held.reason) == ("deferred", "quiet_hours")
    return journey


class TestNight:
    @pytest.fixture
    def journey_settings(self, journey_settings: Settings) -> Settings:
        return journey_settings.model_copy(update={"quiet_hours": QuietHours(time(21), time(9))})

    async def test_a_held_message_goes_out_in_the_morning(self, evening: JourneyTest) -> None:
        status = await evening.status()
        assert status["doing"].startswith("hold reminder until Wed 10 Jan 2024 09:0")
        assert "(quiet hours)" in status["doing"]
        await evening.until(datetime(2024, 1, 10, 8, 10, tzinfo=UTC))
        assert evening.sent == ["reminder"]
        assert len(await evening.messages()) == 1

    async def test_a_purchase_wakes_a_held_message(self, evening: JourneyTest) -> None:
        await evening.publish(OrderCompleted, cart_id="c")
        assert evening.outcome == "converted"
        (held,) = await evening.messages()
        assert (held.state, held.reason) == ("skipped", "goal_reached")

    async def test_an_old_purchase_that_comes_late_does_not_wake_a_held_message(
        self, evening: JourneyTest
    ) -> None:
        early = datetime(2024, 1, 7, tzinfo=UTC)
        await evening.publish(OrderCompleted, cart_id="c", occurred_at=early)
        await evening.until(datetime(2024, 1, 10, 8, 10, tzinfo=UTC))
        assert evening.sent == ["reminder"]

    async def test_another_product_wakes_a_held_message_and_restarts_the_ladder(
        self, evening: JourneyTest
    ) -> None:
        await evening.publish(ProductAdded, cart_id="c", product_id="second")
        assert "after the last Product Added" in (await evening.status())["doing"]
        await evening.until(datetime(2024, 1, 10, 9, tzinfo=UTC))
        assert evening.sent == []
        await evening.until(datetime(2024, 1, 11, 9, tzinfo=UTC))
        assert evening.sent == ["reminder"]
        held, sent = await evening.messages()
        assert (held.state, held.reason) == ("skipped", "superseded")
        assert sent.state == "sent"

    async def test_a_stop_wakes_a_held_message(self, evening: JourneyTest) -> None:
        await evening.stop("the shop is closed")
        assert evening.outcome == "stopped"

    async def test_a_customer_who_moved_gets_a_held_message_by_the_new_zone(
        self, evening: JourneyTest
    ) -> None:
        await evening.identify(timezone="Asia/Tokyo")
        await evening.until(datetime(2024, 1, 10, 8, 10, tzinfo=UTC))  # 17:10 in Tokyo
        assert evening.sent == ["reminder"]
        assert "(Asia/Tokyo)" in await _details(evening)

    @pytest.mark.usefixtures("short_histories")
    async def test_a_message_held_across_continue_as_new_keeps_one_row(
        self, evening: JourneyTest
    ) -> None:
        earlier = datetime(2024, 1, 8, tzinfo=UTC)
        await _until_continued(evening, ProductAdded, cart_id="c", occurred_at=earlier)
        await evening.until(datetime(2024, 1, 10, 8, 10, tzinfo=UTC))
        (row,) = await evening.messages()
        assert (row.n, row.state) == (1, "sent")


async def _details(journey: JourneyTest) -> str:
    metadata = await journey.client.get_workflow_handle((await journey._ids())[-1]).query(
        "__temporal_workflow_metadata"
    )
    return str(metadata.current_details)


# ---- zones and years -----------------------------------------------------------------------


async def test_a_moved_customers_zone_is_taken_over(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.identify(timezone="America/New_York")
    await journey.until(NOON + 4 * DAY)
    _, first, tips = await journey.messages()
    assert first.due_at == datetime(2024, 1, 9, 15, tzinfo=UTC)  # ten in New York, too
    assert tips.due_at == datetime(2024, 1, 11, 15, tzinfo=UTC)  # ten in New York


async def test_a_subscription_of_360_days_gets_its_reminders(journey: JourneyTest) -> None:
    expires = NOON + 360 * DAY
    await journey.start(Renewal, expires_at=expires)
    await journey.until(expires - 8 * DAY)
    assert journey.sent == []
    await journey.until(expires + 2 * DAY)
    assert journey.sent == ["in-a-week", "in-two-days", "today", "expired"]


async def test_a_price_change_as_the_reminder_falls_due_costs_nothing(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change is stored but not heard when the gate looks; it is no reason to plan again."""
    await journey.start(Renewal, expires_at=NOON + 30 * DAY)
    sojourn = await journey._ready()

    async def nobody(*_: Any) -> None:
        raise ConnectionError

    monkeypatch.setattr(sojourn.teller, "reach", nobody)
    changed = SubscriptionChanged(
        customer_id=journey.customer_id, subscription_id="subscription_id-1", price=9,
        occurred_at=NOON + DAY,
    )  # fmt: skip
    with pytest.raises(ConnectionError):
        await sojourn.publish(changed)
    await journey.until(NOON + 32 * DAY)
    assert journey.sent == ["in-a-week", "in-two-days", "today", "expired"]
    assert journey.skipped == []


# ---- wait_for ------------------------------------------------------------------------------


class Waits:
    """One `Waiting` run, and a clock."""

    def __init__(self, client: Client, queue: str) -> None:
        self.client = client
        self._queue = queue
        self.begin = NOON

    async def start(self) -> None:
        self.begin = await _server_time(self.client)
        start = Heard(
            id="start", name="Product Added", at=self.begin, seq=1, fields={"product_id": "p"}
        )
        self.handle: WorkflowHandle[Any, Any] = await self.client.start_workflow(
            "waiting",
            Enrolment(customer_id="c", key="c", start=start),
            id=f"waiting:{uuid4().hex}",
            task_queue=self._queue,
        )

    async def until(self, hours: float) -> None:
        """Let time pass, from the start on."""
        await self._answers()
        request = SleepRequest()
        moment = self.begin + hours * HOUR + timedelta(seconds=1)
        request.duration.FromTimedelta(moment - await _server_time(self.client))
        await self.client.test_service.unlock_time_skipping_with_sleep(request)

    async def check_out(self, hours: float, value: int) -> None:
        fields = {"value": str(value)}
        moment = self.begin + hours * HOUR
        event = Heard(
            id=f"e{value}", name="Checkout Started", at=moment, seq=value + 1, fields=fields
        )
        await self.handle.signal("Checkout Started", event)

    async def gave(self, *expected: str) -> None:
        """See that the waits so far have come to this, and to no more."""
        async with asyncio.timeout(30):
            while (found := await self.handle.query("values_heard")) != list(expected):
                assert found == list(expected)[: len(found)]
                await asyncio.sleep(0.01)

    async def _answers(self) -> None:
        await self.handle.query("status")


async def _server_time(client: Client) -> datetime:
    return (await client.test_service.get_current_time(Empty())).time.ToDatetime(tzinfo=UTC)


@pytest.fixture
async def waits(time_skipping_client: Client) -> AsyncIterator[Waits]:
    queue = f"waiting-{uuid4().hex[:8]}"
    async with Worker(
        time_skipping_client,
        task_queue=queue,
        workflows=[Waiting],
        workflow_runner=sandbox.workflow_runner(PROJECT),
    ):
        run = Waits(time_skipping_client, queue)
        await run.start()
        yield run
        if (await run.handle.describe()).status is WorkflowExecutionStatus.RUNNING:
            await run.handle.terminate()


async def test_a_wait_takes_what_came_before_it(waits: Waits) -> None:
    await waits.check_out(0.5, 1)
    await waits.until(1)
    await waits.gave("1")


async def test_a_wait_is_woken_by_what_it_waits_for(waits: Waits) -> None:
    await waits.until(20)
    await waits.gave()
    await waits.check_out(20, 1)
    await waits.gave("1")


async def test_a_wait_that_times_out_gives_nothing(waits: Waits) -> None:
    await waits.until(1 + 47)
    await waits.gave()
    await waits.until(1 + 48)
    await waits.gave("None")


async def test_each_event_is_given_back_once_and_in_its_order(waits: Waits) -> None:
    await waits.check_out(0.4, 2)
    for _ in range(3):
        await waits.check_out(0.3, 1)
    await waits.until(1)
    await waits.gave("1", "2")
    await waits.until(2 + 48)
    assert (await waits.handle.result())["outcome"] == "exhausted"
    await waits.gave("1", "2", "None", "2 in all")


async def test_a_wait_counts_from_the_event_that_ended_the_last_one(waits: Waits) -> None:
    await waits.until(20)
    await waits.check_out(20, 1)
    await waits.until(20 + 47)
    await waits.gave("1")
    await waits.until(20 + 48)
    await waits.gave("1", "None")


async def test_the_goal_ends_a_wait(waits: Waits) -> None:
    await waits.until(2)
    goal = {"id": "g", "name": "Order Completed", "seq": 99, "fields": {"order_id": "o"}}
    moment = (waits.begin + 2 * HOUR).isoformat()
    await waits.handle.signal("Order Completed", {**goal, "at": moment})
    assert (await waits.handle.result())["outcome"] == "converted"


@pytest.mark.usefixtures("short_histories")
async def test_waits_that_continue_as_new_give_nothing_back_twice(waits: Waits) -> None:
    await waits.check_out(0.5, 1)
    await waits.until(20)
    async with asyncio.timeout(30):
        while (await waits.handle.describe()).run_id == waits.handle.first_execution_run_id:
            await waits.check_out(0.5, 1)  # delivered again and again, but with time to end
            await asyncio.sleep(0.05)
    await waits.gave("1")
    await waits.check_out(21, 2)
    await waits.gave("1", "2")
