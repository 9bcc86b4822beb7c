"""Dispatch takes events early, late, twice, in any order, and across every crash."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Parcel
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.dispatch.routing import Target, workflow_id
from sojourn.dispatch.telling import Reached
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import BadEvent, TemporalUnavailable
from sojourn.domain.events import (
    Event,
    OrderCompleted,
    ProductAdded,
    SignedUp,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from sojourn.domain.messages import Channel
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, cards, events, people, runs
from sojourn.store.tables import EventRow, RunRow
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines.temporal import OnTemporal
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.crowd import crowd
from tests.support.project import PROJECT
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
SECOND = timedelta(seconds=1)

Kit = Callable[..., JourneyTest]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kit(
    time_skipping_client: Client,
    tmp_path_factory: pytest.TempPathFactory,
    migrated_database: Path,
) -> AsyncIterator[Kit]:
    """Make customers under test, with one worker for all."""
    folder = tmp_path_factory.mktemp("dispatch")
    copy(migrated_database, folder / "sojourn.db")
    settings = Settings(
        home=folder, database_url=f"sqlite:///{folder}/sojourn.db", quiet_hours=None
    )
    queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
    async with await Store.open(settings.store_url) as store:
        await crowd(store)

        def customer(name: str = "") -> JourneyTest:
            name = name or f"c-{uuid4().hex[:12]}"
            return JourneyTest(
                OnTemporal(time_skipping_client, queue, PROJECT.journeys),
                store,
                settings,
                queue,
                name,
                project=PROJECT,
            )

        async with worker.serving(time_skipping_client, store, settings, task_queue=queue):
            yield customer


@pytest_asyncio.fixture(loop_scope="session")
async def journey(kit: Kit) -> AsyncIterator[JourneyTest]:
    test = kit()
    yield test
    await test.stop_all()


class Crash(Exception):
    """The death of the process, at this point."""


def _crashing(sojourn: Sojourn, monkeypatch: pytest.MonkeyPatch, *, after: int = 0) -> None:
    """Let the process die after it has told ``after`` runs."""
    told, reach = itertools.count(), sojourn.teller.reach

    async def dying(target: Target, plan: Any) -> Reached | None:
        if next(told) >= after:
            raise Crash
        return await reach(target, plan)

    monkeypatch.setattr(sojourn.teller, "reach", dying)


async def _crash(journey: JourneyTest, event: Event) -> None:
    """Store an event and die before any run is told."""
    sojourn = await journey._ready()
    with pytest.MonkeyPatch.context() as patch:
        _crashing(sojourn, patch)
        with suppress(Crash):
            await sojourn.publish(event)


def _started(journey: JourneyTest) -> SubscriptionStarted:
    return SubscriptionStarted(
        customer_id=journey.customer_id,
        subscription_id="s",
        expires_at=NOON + 30 * DAY,
        occurred_at=NOON,
    )


def _cancelled(journey: JourneyTest) -> SubscriptionCancelled:
    return SubscriptionCancelled(
        customer_id=journey.customer_id, subscription_id="s", occurred_at=NOON + HOUR
    )


def _added(journey: JourneyTest, hours: float = 0, **fields: Any) -> ProductAdded:
    given = {"cart_id": "c", "product_id": "p", "occurred_at": NOON + hours * HOUR, **fields}
    return ProductAdded(customer_id=journey.customer_id, **given)


def _bought(journey: JourneyTest, hours: float = 0, **fields: Any) -> OrderCompleted:
    given = {"cart_id": "c", "order_id": "o", "occurred_at": NOON + hours * HOUR, **fields}
    return OrderCompleted(customer_id=journey.customer_id, **given)


async def _signals(journey: JourneyTest) -> list[str]:
    """Return the names of the events that the newest execution was told, in order."""
    return [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in (await journey.history()).events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]


async def _runs(journey: JourneyTest) -> list[RunRow]:
    async with journey.store.reading() as session:
        return list(await runs.of_customer(session, journey.customer_id))


async def _unrouted(journey: JourneyTest) -> int:
    async with journey.store.reading() as session:
        return sum(map(len, (await events.unrouted(session, [journey.customer_id])).values()))


# ---- crashes between the row and the signal -------------------------------------------------


async def test_an_event_left_by_a_crash_is_told_before_the_next_one(journey: JourneyTest) -> None:
    await _crash(journey, _started(journey))
    assert await _unrouted(journey) == 1
    published = await journey.publish(_cancelled(journey))
    assert published.runs == (f"renewal:{journey.customer_id}:s",)
    assert await _signals(journey) == ["Subscription Started", "Subscription Cancelled"]
    assert journey.outcome == "stopped"
    assert await _unrouted(journey) == 0


async def test_a_start_left_by_a_crash_until_its_goal_starts_nothing(journey: JourneyTest) -> None:
    await _crash(journey, _added(journey))
    assert (await journey.publish(_bought(journey, 1))).runs == ()
    assert await _runs(journey) == []
    assert await _unrouted(journey) == 0


async def test_publishing_again_finishes_what_a_crash_left(journey: JourneyTest) -> None:
    event = _added(journey)
    await _crash(journey, event)
    for _ in range(2):
        assert not (await journey.publish(event)).stored
    assert await _signals(journey) == ["Product Added"]
    assert journey.outcomes == ["open"]


async def test_a_sweep_routes_what_a_crash_left_in_order_and_once(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _crash(journey, _started(journey))
    await _crash(journey, _cancelled(journey))
    sojourn = await journey._ready()
    assert await sojourn.sweep() == 0  # the process that stored the event may be about to route it
    monkeypatch.setattr("sojourn.dispatch.client.SWEEP_AFTER", -HOUR)
    assert await sojourn.sweep() == 2
    assert await sojourn.sweep() == 0
    await journey.settled()
    assert await _signals(journey) == ["Subscription Started", "Subscription Cancelled"]
    assert journey.outcome == "stopped"


async def test_a_crash_between_two_runs_tells_both_in_the_end_and_none_twice(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cart in ("a", "b"):
        await journey.publish(_added(journey, cart_id=cart))
    event = _added(journey, 1, cart_id=None)
    with monkeypatch.context() as patch:
        _crashing(await journey._ready(), patch, after=1)
        with pytest.raises(Crash):
            await journey.publish(event)
    await journey.publish(event)
    await journey.until(NOON + 25 * HOUR)
    assert journey.sent == ["reminder", "reminder"]
    assert [row.due_at for row in await journey.messages()] == [NOON + 25 * HOUR] * 2


async def test_without_temporal_the_event_is_kept_and_the_caller_told(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any, **__: Any) -> None:
        raise RPCError("tcp connect error", RPCStatusCode.UNAVAILABLE, b"")

    sojourn = await journey._ready()
    event = _added(journey)
    with monkeypatch.context() as patch:
        patch.setattr(sojourn.client, "start_workflow", away)
        with pytest.raises(TemporalUnavailable, match=f"{event.message_id} is stored") as told:
            await sojourn.publish(event)
    assert "\n" not in str(told.value)
    assert await _runs(journey) == []
    await journey.publish(_added(journey, 1))
    assert await _signals(journey) == ["Product Added"] * 2


async def test_one_bad_event_row_does_not_hold_up_the_others(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sweep that stopped at the first trouble would never reach the customers after it."""
    refused, unreadable, fine = kit(), kit(), kit()
    for journey in (refused, fine):
        await _crash(journey, _added(journey))
    await _keep(
        unreadable, _added(unreadable), properties={}
    )  # the event's class has become stricter
    sojourn = await fine._ready()
    reach = sojourn.teller.reach

    async def picky(target: Target, plan: Any) -> Reached | None:
        if refused.customer_id in target.workflow_id:
            raise RPCError("blob size exceeds limit", RPCStatusCode.INVALID_ARGUMENT, b"")
        return await reach(target, plan)

    monkeypatch.setattr("sojourn.dispatch.client.SWEEP_AFTER", -HOUR)
    with monkeypatch.context() as patch:
        patch.setattr(sojourn.teller, "reach", picky)
        assert await sojourn.sweep() == 1
    await fine.settled()
    assert fine.outcome == "open"
    assert await sojourn.sweep() == 1  # the other run, once Temporal takes the signal
    await asyncio.gather(fine.stop_all(), refused.stop_all())


async def test_a_row_that_cannot_be_read_does_not_stop_the_purchase_behind_it(
    journey: JourneyTest,
) -> None:
    await journey.publish(_added(journey))
    await _keep(journey, _added(journey, 1), properties={})
    await journey.publish(_bought(journey, 2))
    assert journey.outcome == "converted"


async def _keep(journey: JourneyTest, event: Event, properties: dict[str, Any]) -> None:
    async with journey.store.transaction() as session:
        await people.lock(session, journey.customer_id)
        row = EventRow(
            message_id=event.message_id,
            customer_id=event.customer_id,
            name=event.event_name,
            occurred_at=event.occurred_at,
            received_at=datetime.now(UTC) - HOUR,
            properties=properties,
        )
        await events.add(session, row)


# ---- early, late, twice ---------------------------------------------------------------------


async def test_an_event_published_twenty_times_at_once_is_one_run(journey: JourneyTest) -> None:
    sojourn, event = await journey._ready(), _added(journey)
    published = await asyncio.gather(*(sojourn.publish(event) for _ in range(20)))
    assert sum(each.stored for each in published) == 1
    await journey.settled()
    assert len(await _runs(journey)) == 1
    await journey.after(8 * DAY)
    assert journey.sent == ["reminder", "nudge", "offer"]


async def test_a_start_that_comes_after_its_goal_starts_nothing(journey: JourneyTest) -> None:
    await journey.publish(_bought(journey, 2))
    published = await journey.publish(_added(journey, 1))
    assert (published.stored, published.runs) == (True, ())
    assert await _runs(journey) == []
    await journey.publish(_added(journey, 3))
    assert journey.outcomes == ["open"]


@pytest.mark.parametrize("sent", [7, "7", 0])
async def test_a_start_after_its_goal_starts_nothing_where_carts_have_numbers(
    journey: JourneyTest, sent: Any
) -> None:
    sojourn = await journey._ready()

    async def track(name: str, hours: int, **properties: Any) -> tuple[str, ...]:
        published = await sojourn.track(
            name,
            properties,
            message_id=str(uuid4()),
            customer_id=journey.customer_id,
            occurred_at=NOON + hours * HOUR,
        )
        return published.runs

    await track("Order Completed", 2, order_id=1, cart_id=sent)
    assert await track("Product Added", 1, product_id=1, cart_id=sent) == ()
    assert await track("Product Added", 3, product_id=1, cart_id=sent) == (
        f"abandoned-cart:{journey.customer_id}:{sent}",
    )


async def test_a_goal_of_another_cart_does_not_stop_a_late_start(journey: JourneyTest) -> None:
    await journey.publish(_bought(journey, 2, cart_id="another"))
    await journey.publish(_added(journey, 1))
    assert journey.outcomes == ["open"]


async def test_a_goal_older_than_the_run_does_not_end_it(journey: JourneyTest) -> None:
    await journey.publish(_added(journey, 0))
    await journey.publish(_bought(journey, -1))
    assert journey.outcome == "open"
    await journey.after(8 * DAY)
    assert journey.sent == ["reminder", "nudge", "offer"]


async def test_a_goal_without_a_run_starts_nothing(journey: JourneyTest) -> None:
    published = await journey.publish(_bought(journey))
    assert (published.stored, published.runs) == (True, ())
    assert await _runs(journey) == []
    assert await _unrouted(journey) == 0


async def test_an_event_without_its_key_reaches_every_open_run_of_that_journey(
    journey: JourneyTest,
) -> None:
    await journey.start(Onboarding)
    for cart in ("a", "b"):
        await journey.publish(_added(journey, cart_id=cart))
    published = await journey.publish(_bought(journey, 1, cart_id=None))
    assert len(published.runs) == 2
    assert journey.outcome == "open"
    assert journey.of(AbandonedCart).outcomes == ["converted", "converted"]


async def test_an_event_with_its_key_reaches_that_run_alone(journey: JourneyTest) -> None:
    for cart in ("a", "b"):
        await journey.publish(_added(journey, cart_id=cart))
    await journey.publish(_bought(journey, 1, cart_id="a"))
    assert journey.outcomes == ["converted", "open"]


@pytest.mark.parametrize("cart_id", [None, ""])
async def test_a_start_without_its_key_starts_nothing(
    journey: JourneyTest, cart_id: str | None
) -> None:
    published = await journey.publish(_added(journey, cart_id=cart_id))
    assert (published.stored, published.runs) == (True, ())
    assert await _unrouted(journey) == 0


async def test_an_event_that_no_journey_hears_is_kept_and_routed(journey: JourneyTest) -> None:
    published = await (await journey._ready()).track(
        "Level Reached",
        {"level": 7},
        message_id=f"{journey.customer_id}-1",
        customer_id=journey.customer_id,
        occurred_at=NOON,
    )
    assert (published.stored, published.runs) == (True, ())
    assert await _unrouted(journey) == 0


async def test_a_published_event_names_its_own_runs(journey: JourneyTest) -> None:
    """This holds where a crash left an event of another run to be told first."""
    await _crash(journey, _added(journey))
    assert (await journey.publish(_cancelled(journey))).runs == ()
    assert await _signals(journey) == ["Product Added"]


async def test_a_run_found_closed_is_noted_and_a_later_start_makes_a_new_run(
    journey: JourneyTest,
) -> None:
    await journey.publish(_added(journey))
    await journey.after(8 * DAY)
    assert journey.outcome == "exhausted"
    assert [run.closed_at for run in await _runs(journey)] == [
        None
    ]  # a purchase without a caller's question
    published = await journey.publish(_bought(journey, 9 * 24))
    assert published.stored
    assert None not in [run.closed_at for run in await _runs(journey)]
    await journey.publish(_added(journey, 10 * 24))
    assert journey.outcomes == ["exhausted", "open"]
    await journey.until(NOON + 20 * DAY)
    assert journey.sent == ["reminder", "nudge", "offer"] * 2


async def test_after_the_last_message_another_product_starts_a_new_run(
    journey: JourneyTest,
) -> None:
    await journey.publish(_added(journey))
    await journey.after(8 * DAY)
    await journey.publish(_added(journey, 8 * 24))
    assert journey.outcomes == ["exhausted", "open"]
    assert len({row.enrolment for row in await _runs(journey)}) == 2
    await journey.after(25 * HOUR)
    assert journey.sent == ["reminder", "nudge", "offer", "reminder"]


async def test_an_event_from_the_future_counts_as_happening_now(journey: JourneyTest) -> None:
    """A sender's clock that runs ahead must not put a product after the purchase that follows."""
    (await journey._ready()).now = lambda: NOON
    await journey.publish(_added(journey, 24 * 365 * 100))
    async with journey.store.reading() as session:
        (run,) = await runs.of_customer(session, journey.customer_id)
        assert run.started_at == NOON
    await journey.publish(_bought(journey, 0))
    assert journey.outcome == "converted"


async def test_a_renewal_before_its_subscription_is_one_run(journey: JourneyTest) -> None:
    def event(kind: type[SubscriptionStarted], hours: int) -> SubscriptionStarted:
        return kind(
            customer_id=journey.customer_id,
            subscription_id="s",
            expires_at=NOON + 30 * DAY,
            occurred_at=NOON + hours * HOUR,
        )

    await journey.publish(event(SubscriptionRenewed, 2))
    await journey.publish(event(SubscriptionStarted, 1))
    assert journey.outcomes == ["open"]
    await journey.until(NOON + 32 * DAY)
    assert journey.sent == ["in-a-week", "in-two-days", "today", "expired"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
async def test_a_change_of_subscription_counts_in_any_order_of_arrival(
    journey: JourneyTest, order: tuple[int, ...]
) -> None:
    """Neither the start of the subscription nor a change of its price may hide the new end."""
    who: dict[str, Any] = {"customer_id": journey.customer_id, "subscription_id": "s"}
    told = [
        _started(journey),
        SubscriptionChanged(**who, occurred_at=NOON + SECOND, expires_at=NOON + 20 * DAY),
        SubscriptionChanged(**who, occurred_at=NOON + 2 * SECOND, plan="family"),
    ]
    for number in order:
        await journey.publish(told[number])
    await (await journey._ready()).drain()
    assert await _unrouted(journey) == 0
    await journey.until(NOON + 14 * DAY)
    (row,) = await journey.messages()
    assert (row.step, row.state) == ("in-a-week", "sent")
    assert row.due_at.date() == (NOON + 13 * DAY).date()


async def test_a_cancellation_that_arrives_before_its_subscription_ends_the_run(
    journey: JourneyTest,
) -> None:
    await journey.publish(_cancelled(journey))
    assert await _runs(journey) == []
    await journey.publish(_started(journey))
    await (await journey._ready()).drain()
    await journey.settled()
    assert await _signals(journey) == ["Subscription Started", "Subscription Cancelled"]
    assert journey.outcome == "stopped"
    assert await _unrouted(journey) == 0


async def test_a_started_run_is_told_later_events_of_its_key_alone(journey: JourneyTest) -> None:
    who: dict[str, Any] = {"customer_id": journey.customer_id}
    late = NOON + HOUR
    await journey.publish(
        SubscriptionCancelled(**who, subscription_id="s", occurred_at=NOON - HOUR)
    )
    await journey.publish(SubscriptionCancelled(**who, subscription_id="other", occurred_at=late))
    await journey.publish(_started(journey))
    await (await journey._ready()).drain()
    assert await _signals(journey) == ["Subscription Started"]
    assert journey.outcome == "open"


async def test_events_that_race_each_other_leave_no_run_without_its_goal(kit: Kit) -> None:
    """The purchase is published while the product still is."""
    tests = [kit() for _ in range(6)]

    async def race(journey: JourneyTest) -> None:
        sojourn = await journey._ready()
        await asyncio.gather(
            sojourn.publish(_added(journey, 0)),
            sojourn.publish(_bought(journey, 1)),
            sojourn.publish(_added(journey, 0.5)),
        )

    await asyncio.gather(*(race(journey) for journey in tests))
    await tests[0].after(9 * DAY)
    for journey in tests:
        await journey.settled()
        assert journey.sent == []
        assert await _unrouted(journey) == 0
        assert set(journey.outcomes) <= {"converted"}


async def test_no_message_follows_a_purchase_in_any_order_of_events(
    kit: Kit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two products and a purchase, each delivered twice, in 18 of their 90 orders.

    In every third of them the process dies at the first telling.
    """
    rnd = random.Random(11)
    orders = sorted(set(itertools.permutations([0, 0, 1, 1, 2, 2])))
    tests = [(kit(), order) for order in rnd.sample(orders, 18)]

    async def deliver(number: int, journey: JourneyTest, order: tuple[int, ...]) -> None:
        sojourn = await journey._ready()
        facts = [_added(journey, 0), _added(journey, 1), _bought(journey, 2)]
        dies = number % 3 == 0
        for which in order:
            await (_crash(journey, facts[which]) if dies else sojourn.publish(facts[which]))
            dies = False

    for number, (journey, order) in enumerate(tests):
        await deliver(number, journey, order)
    await tests[0][0].after(9 * DAY)
    for journey, order in tests:
        await journey.settled()
        assert (order, journey.sent) == (order, [])
        assert (order, set(journey.outcomes) - {"converted"}) == (order, set())
        assert await _unrouted(journey) == 0


class _Nudger(Outbox):
    """A provider that lets the customer come back right after the last message was sent."""

    def __init__(self) -> None:
        self.tasks: list[asyncio.Task[Any]] = []
        self.come_back: Callable[[str], Awaitable[Any]] | None = None
        self._rnd = random.Random(5)

    async def send(self, parcel: Parcel) -> str:
        if "/offer/" in parcel.ledger_key:
            wait = self._rnd.random() * 0.015
            self.tasks.append(asyncio.create_task(self._later(wait, parcel)))
        return await super().send(parcel)

    async def _later(self, wait: float, parcel: Parcel) -> None:
        await asyncio.sleep(wait)
        assert self.come_back is not None
        await self.come_back(parcel.ledger_key.split(":")[1])


async def test_a_product_added_in_the_moment_the_run_ends_is_not_lost(
    kit: Kit, time_skipping_client: Client
) -> None:
    base = kit()
    queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
    nudger = _Nudger()
    carriers = dict.fromkeys(Channel, nudger)
    tests = {name: kit(name) for name in (f"r-{uuid4().hex[:8]}" for _ in range(10))}
    for test in tests.values():
        test._task_queue = queue
        test._engine = OnTemporal(time_skipping_client, queue, PROJECT.journeys)

    async def come_back(customer_id: str) -> None:
        journey = tests[customer_id]
        await (await journey._ready()).publish(_added(journey, 24, message_id=customer_id))

    nudger.come_back = come_back
    async with worker.serving(
        time_skipping_client, base.store, base.settings, task_queue=queue, carriers=carriers
    ):
        for test in tests.values():  # long ago: only the offer is still of use
            await (await test._ready()).publish(_added(test, -6 * 24))
        await base.after(1 * DAY + 60 * SECOND)
        await asyncio.gather(*nudger.tasks)
        assert len(nudger.tasks) == len(tests)
        await base.after(25 * HOUR)
        for test in tests.values():
            await test.settled()
            assert test.sent == ["offer", "reminder"]
            assert test.outcomes in (["exhausted", "open"], ["open"])
        await base.stop_all()


# ---- ids ------------------------------------------------------------------------------------

parts = st.text(st.sampled_from("a:%2523A~"), min_size=1, max_size=6)


@given(parts, parts, parts, parts)
def test_different_runs_have_different_ids(a: str, b: str, c: str, d: str) -> None:
    assert (workflow_id("j", a, b) == workflow_id("j", c, d)) == ((a, b) == (c, d))
    assert workflow_id("j", a) != workflow_id("j", c, d)


def test_readable_ids_stay_readable() -> None:
    assert workflow_id("abandoned-cart", "c42", "cart7") == "abandoned-cart:c42:cart7"
    assert workflow_id("onboarding", "c42") == "onboarding:c42"


@pytest.mark.parametrize("letter", ["x", ":", "%", "ż", "🛒"])
def test_long_ids_fit_into_temporals_database(letter: str) -> None:
    """PostgreSQL and MySQL keep 255 characters of a workflow id, the server takes 1000 bytes."""
    longest = letter * 199
    ids = {workflow_id("abandoned-cart", longest + last, longest) for last in "ab"}
    ids |= {workflow_id("abandoned-cart", longest, longest + last) for last in "ab"}
    assert len(ids) == 4
    for each in ids:
        assert len(each.encode()) <= 255
        assert each.startswith("abandoned-cart:")


@pytest.mark.parametrize("letter", ["x", ":", "ż", "🛒"])
async def test_the_real_server_takes_the_longest_ids(
    temporal: Server, kit: Kit, letter: str
) -> None:
    base = kit()
    sojourn = Sojourn(temporal.client, base.store, base.settings, task_queue="nobody-serves-this")
    customer_id, cart = f"{uuid4().hex[:8]}{letter * 192}", letter * 200
    (started,) = (
        await sojourn.publish(
            ProductAdded(customer_id=customer_id, cart_id=cart, product_id="p", message_id=letter)
        )
    ).runs
    (told,) = (
        await sojourn.publish(OrderCompleted(customer_id=customer_id, cart_id=cart, order_id="o"))
    ).runs
    assert started == told
    await temporal.client.get_workflow_handle(started).terminate()


# ---- accepted events and calls --------------------------------------------------------------

BAD: list[Any] = [
    float("nan"), float("inf"), pytest.param(10**5000, id="5001 digits"), "\ud800", "a\0b", {1},
]  # fmt: skip


@pytest.mark.parametrize("value", BAD)
async def test_text_that_no_database_can_hold_is_refused_and_not_stored(
    store: Store, time_skipping_client: Client, customer_id: str, value: Any
) -> None:
    sojourn = Sojourn(time_skipping_client, store, Settings())
    for name, properties in (("Product Added", {"product_id": "p"}), ("Anything", {})):
        with pytest.raises(BadEvent, match="properties"):
            await sojourn.track(
                name,
                {**properties, "name": value},
                message_id=str(uuid4()),
                customer_id=customer_id,
                occurred_at=NOON,
            )
    async with store.reading() as session:
        assert await cards.find(session, customer_id) is None


async def test_an_event_made_in_python_is_checked_like_a_call(
    store: Store, time_skipping_client: Client, customer_id: str
) -> None:
    sojourn = Sojourn(time_skipping_client, store, Settings())
    with pytest.raises(BadEvent, match="properties"):
        await sojourn.publish(SignedUp(customer_id=customer_id, first_name="\ud800"))


@pytest.mark.parametrize("value", ["a\\u0000b", 10**300, "żółć 🛒", [[[]]], {"": None}])
async def test_any_json_is_kept_as_it_was_sent(
    store: Store, time_skipping_client: Client, customer_id: str, value: Any
) -> None:
    sojourn, message_id = Sojourn(time_skipping_client, store, Settings()), str(uuid4())
    await sojourn.track(
        "Level Reached",
        {"value": value},
        message_id=message_id,
        customer_id=customer_id,
        occurred_at=NOON,
    )
    async with store.reading() as session:
        row = await events.find(session, message_id)
    assert row is not None
    assert row.properties == {"value": value}


async def test_identify_takes_any_text_that_every_database_holds(
    store: Store, time_skipping_client: Client, customer_id: str
) -> None:
    sojourn = Sojourn(time_skipping_client, store, Settings())
    identity = read_identity(
        {"note": "żółć 🛒", "big": 10**99}, customer_id=customer_id, message_id="i", at=NOON
    )
    card = await sojourn.identify(identity)
    assert card.attributes == {"note": "żółć 🛒", "big": 10**99}


async def test_an_answer_that_temporal_loses_is_asked_for_again(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journey.publish(_added(journey))
    signal, lost = WorkflowHandle.signal, itertools.count()

    async def losing(handle: WorkflowHandle[Any, Any], *arguments: Any, **named: Any) -> None:
        await signal(handle, *arguments, **named)
        if not next(lost):
            raise RPCError("Timeout expired", RPCStatusCode.CANCELLED, b"")

    with monkeypatch.context() as patch:
        patch.setattr(WorkflowHandle, "signal", losing)
        published = await journey.publish(_added(journey, 1))
    assert (next(lost), len(published.runs)) == (2, 1)
    await journey.until(NOON + 25 * HOUR)
    assert journey.sent == ["reminder"]  # heard twice, counted once
