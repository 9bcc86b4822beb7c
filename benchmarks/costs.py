"""The cost of a run in Temporal: history events and billed actions of each journey's longest way.

The counts are from real histories on Temporal's time-skipping test server. The runs are not queried
meanwhile: the test server gives a run that is queried during its work an additional workflow task,
with three events.

That server keeps no delay of a start. Runs with one are counted on the dev server, which moves the
clock of a run.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from temporalio.api.enums.v1 import EventType
from temporalio.client import (
    Client,
    WorkflowContinuedAsNewError,
    WorkflowHandle,
    WorkflowHistory,
)
from temporalio.testing import WorkflowEnvironment

from benchmarks.actions import actions
from benchmarks.row import Row
from benchmarks.shoppers import enrolments
from benchmarks.temporal import test_server
from benchmarks.three_messages import ThreeMessages
from sojourn.cli.local.stack import dev_server
from sojourn.cli.travel import forward
from sojourn.composing import load_project
from sojourn.dispatch import Sojourn, routing
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import SojournError
from sojourn.domain.events import (
    Event,
    OrderCompleted,
    ProductAdded,
    SignedUp,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from sojourn.domain.messages import Result, Status
from sojourn.journeys.queues import TASK_QUEUE, search_attributes
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.serving.worker import serving
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit.kit import EVERYTHING

PERIOD = timedelta(days=30)
LONGEST = timedelta(days=40)  # longer than from a journey's start to its last message
# the publisher's clock, for which no event lies in the future
END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Engine:
    """A test server, a worker in this process, and a store."""

    env: WorkflowEnvironment
    store: Store
    sojourn: Sojourn

    async def publish(self, event: Event) -> str:
        """Publish an event of a known customer; return the id of the run that it reaches."""
        identity = read_identity(
            EVERYTHING,
            customer_id=event.customer_id,
            message_id=event.customer_id,
            at=event.occurred_at,
        )
        await self.sojourn.identify(identity)
        (workflow_id,) = (await self.sojourn.publish(event)).runs
        return workflow_id


@asynccontextmanager
async def engine(home: Path, project: Project | None = None) -> AsyncIterator[Engine]:
    """Run everything in this process, without quiet hours, so that no message is held."""
    await asyncio.to_thread(home.mkdir, exist_ok=True)
    settings = Settings(home=home, quiet_hours=None)
    async with (
        await Store.open(settings.store_url, migrate=True) as store,
        test_server() as env,
        serving(env.client, store, settings, project),
    ):
        sojourn = Sojourn(env.client, store, settings, project, now=lambda: END_OF_TIME)
        yield Engine(env, store, sojourn)


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Count a ladder of three messages, and the longest way of each of the shop's journeys."""
    await asyncio.to_thread((home / "dev").mkdir)
    async with dev_server(home / "dev", ports=False, lasting=False) as server:
        async with shop(server.client, home / "timer", delayed=False) as sojourn:
            bought = await bought_in_time(sojourn)
        async with shop(server.client, home / "delay", delayed=True) as sojourn:
            delayed, bought_then = await left(sojourn), await bought_in_time(sojourn)
    async with engine(home / "ladder", ladder_alone()) as on:
        plain = await ladder(on)
        published = await abandoned_cart(on)
    async with engine(home / "shop") as on:
        cart = await abandoned_cart(on)
        onboarded = await onboarding(on)
        expired = await renewal_expired(on)
        renewed = await renewal_renewed(on)
    return [
        *_rows("3 messages, plain start", plain, events=38, actions_=7),
        *_rows("3 messages, published", published, events=39, actions_=7),
        *_rows("3 messages, start delayed", delayed, events=33, actions_=6),
        *_rows("bought before the first message", bought, events=13, actions_=4),
        *_rows("bought before it, start delayed", bought_then, events=8, actions_=3),
        *_rows("abandoned-cart, 3 messages and a code, published", cart),
        *_rows("onboarding, 4 messages and a ticket, published", onboarded),
        *_rows("renewal, 4 messages, published", expired),
        *_rows("renewal, renewed after 3 messages, published", renewed),
    ]


def ladder_alone() -> Project:
    """Return the shop with one journey, which only waits and sends."""
    return replace(load_project(), journeys=Journeys([ThreeMessages]))


async def ladder(on: Engine) -> WorkflowHistory:
    """Return the history of three messages, started as a plain workflow."""
    (enrolment,) = await enrolments(on.store, 1)
    handle = await on.env.client.start_workflow(
        "abandoned-cart",
        enrolment,
        id=routing.workflow_id("abandoned-cart", enrolment.customer_id, enrolment.key),
        task_queue=TASK_QUEUE,
        search_attributes=search_attributes("abandoned-cart", enrolment.customer_id),
    )
    return await _sent(on, handle.id, 3)


@asynccontextmanager
async def shop(client: Client, home: Path, *, delayed: bool) -> AsyncIterator[Sojourn]:
    """Serve the ladder on a server that keeps delays.

    Args:
        client: of a dev server.
        home: a new folder, whose name tells one such shop from another.
        delayed: the first wait is the delay of the start.

    Yields:
        The client of services.
    """
    await asyncio.to_thread(home.mkdir)
    settings = Settings(home=home, quiet_hours=None, caps="off", delayed_starts=delayed)
    project, queue = ladder_alone(), f"{TASK_QUEUE}-{home.name}"
    async with (
        await Store.open(settings.store_url, migrate=True) as store,
        serving(client, store, settings, project, task_queue=queue),
    ):
        yield Sojourn(client, store, settings, project, task_queue=queue)


async def left(sojourn: Sojourn) -> WorkflowHistory:
    """Return the history of a cart that is left, whose start is delayed: three messages.

    The clock is moved before the run has begun: of one that has, Temporal asks for a workflow task.
    """
    run = await _filled(sojourn, "leaves")
    await forward(sojourn.client, run.id, LONGEST)
    return await _by_itself(run, 3)


async def bought_in_time(sojourn: Sojourn) -> WorkflowHistory:
    """Return the history of a cart that is bought before its first message."""
    run = await _filled(sojourn, "buys")
    if not sojourn.settings.delayed_starts:
        await _waits(run)  # a purchase that comes before its timer is set would cost less
    order = OrderCompleted(
        customer_id=run.id.split(":")[1],
        occurred_at=datetime.now(UTC),
        order_id="o",
        cart_id="cart",
    )
    await sojourn.publish(order)
    return await _by_itself(run, 0)


async def _filled(sojourn: Sojourn, who: str) -> WorkflowHandle[Any, Any]:
    now, customer_id = datetime.now(UTC), f"{sojourn.task_queue}-{who}"
    traits = {**EVERYTHING, "email": f"{customer_id}@shop.example"}
    await sojourn.identify(
        read_identity(traits, customer_id=customer_id, message_id=customer_id, at=now)
    )
    added = ProductAdded(customer_id=customer_id, occurred_at=now, cart_id="cart", product_id="mug")
    (run,) = (await sojourn.publish(added)).runs
    return sojourn.client.get_workflow_handle(run, result_type=Result)


async def _waits(run: WorkflowHandle[Any, Any]) -> None:
    started = EventType.EVENT_TYPE_TIMER_STARTED
    while (await run.fetch_history()).events[-1].event_type != started:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def _by_itself(run: WorkflowHandle[Any, Any], messages: int) -> WorkflowHistory:
    """Return the history of a run, as it would be had its clock gone by itself."""
    sent = [message.status for message in (await run.result()).messages]
    if sent != [Status.SENT] * messages:
        raise SojournError(f"{run.id}: {messages} messages should have been sent, not {sent}")
    history = await run.fetch_history()
    return replace(
        history, events=[event for event in history.events if event.event_type not in _MOVED]
    )


_MOVED = {
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED,
    EventType.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED,
}


async def abandoned_cart(on: Engine) -> WorkflowHistory:
    """Return the history of three messages, started by an event, as services do it."""
    now = await on.env.get_current_time()
    added = ProductAdded(customer_id="c-cart", occurred_at=now, cart_id="cart", product_id="mug")
    return await _sent(on, await on.publish(added), 3)


async def onboarding(on: Engine) -> WorkflowHistory:
    """Return the history of four messages, the first of them at once."""
    now = await on.env.get_current_time()
    return await _sent(on, await on.publish(SignedUp(customer_id="c-new", occurred_at=now)), 4)


async def renewal_expired(on: Engine) -> WorkflowHistory:
    """Return the history of a period that nobody renews: four messages."""
    return await _sent(on, await on.publish(await _subscription(on, "c-expires")), 4)


async def renewal_renewed(on: Engine) -> WorkflowHistory:
    """Return the history of a period that is renewed on its last day, after three messages."""
    started = await _subscription(on, "c-renews")
    run = on.env.client.get_workflow_handle(await on.publish(started))
    period = on.env.client.get_workflow_handle(run.id, run_id=(await run.describe()).run_id)
    last_day = datetime.combine(started.expires_at.date(), time(18), UTC)
    await on.env.sleep(last_day - await on.env.get_current_time())
    await on.publish(
        SubscriptionRenewed(
            customer_id=started.customer_id,
            occurred_at=last_day,
            subscription_id=started.subscription_id,
            expires_at=started.expires_at + PERIOD,
        )
    )
    with suppress(WorkflowContinuedAsNewError):
        await period.result(follow_runs=False)
    history = await period.fetch_history()
    if actions(history)["activity"] != 3:
        raise SojournError("a renewal on the last day should have had three messages")
    return history


async def _subscription(on: Engine, customer_id: str) -> SubscriptionStarted:
    now = await on.env.get_current_time()
    return SubscriptionStarted(
        customer_id=customer_id,
        occurred_at=now,
        subscription_id="box",
        expires_at=(now + PERIOD).replace(hour=12),
    )


async def _sent(on: Engine, workflow_id: str, messages: int) -> WorkflowHistory:
    """Return the history of a run, and check that it has sent everything."""
    await on.env.sleep(LONGEST)
    handle = on.env.client.get_workflow_handle(workflow_id, result_type=Result)
    sent = [message.status for message in (await handle.result()).messages]
    if sent != [Status.SENT] * messages:
        raise SojournError(f"{workflow_id}: {messages} messages should have been sent, not {sent}")
    return await handle.fetch_history()


def _rows(
    way: str, history: WorkflowHistory, *, events: int | None = None, actions_: int | None = None
) -> list[Row]:
    kinds = actions(history)
    spelled = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return [
        Row("costs", f"{way}: history events", len(history.events), at_most=events),
        Row("costs", f"{way}: actions ({spelled})", kinds.total(), at_most=actions_),
    ]
