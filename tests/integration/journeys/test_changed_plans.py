"""A delay is made shorter or longer under open runs: they go on, each message leaves once."""

import itertools
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client, WorkflowHistory

from sojourn.cli import histories
from sojourn.cli.changed_waits import told
from sojourn.events import OrderCompleted
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines.temporal import OnTemporal
from tests.support.plans import CARTS, ONBOARDINGS, RENEWALS
from tests.support.project import PROJECT

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CART = ["reminder", "nudge", "offer"]
ONBOARDING = ["welcome", "first-steps", "tips", "help"]
RENEWAL = ["in-a-week", "in-two-days", "today", "expired"]


def _cases(
    plans: Mapping[str, object], hours: Iterable[int], *, quick: Collection[tuple[str, int]]
) -> list[Any]:
    """Return each plan at each moment at which it may take effect; most of them are long."""
    return [
        pytest.param(
            plan,
            at * HOUR,
            id=f"{plan}-after-{at}h",
            marks=() if (plan, at) in quick else pytest.mark.long,
        )
        for plan, at in itertools.product(plans, hours)
    ]


class Deployment:
    """An installation whose worker is replaced by one with another plan."""

    def __init__(self, client: Client, store: Store, settings: Settings) -> None:
        name = uuid4().hex[:12]
        self._queue = f"{TASK_QUEUE}-{name}"
        self._client, self._store, self._settings = client, store, settings
        self.test = JourneyTest(
            OnTemporal(client, self._queue, PROJECT.journeys),
            store,
            settings,
            self._queue,
            f"c-{name}",
            project=PROJECT,
        )

    @asynccontextmanager
    async def of(self, journey: type[Any]) -> AsyncIterator[JourneyTest]:
        """Serve this journey: a worker that keeps no run in memory replays every task."""
        project: Project = replace(PROJECT, journeys=Journeys([journey]))
        self.test.project = project
        async with worker.serving(
            self._client,
            self._store,
            self._settings,
            project,
            task_queue=self._queue,
            cached_runs=0,
        ):
            yield self.test


@pytest.fixture
async def deployment(
    time_skipping_client: Client, journey_settings: Settings
) -> AsyncIterator[Deployment]:
    async with await Store.open(journey_settings.store_url) as store:
        made = Deployment(time_skipping_client, store, journey_settings)
        yield made
        # a run that a failed test has left without a worker would stop the clock of later tests
        for one in await made.test._ids():
            handle = time_skipping_client.get_workflow_handle(one)
            if (await handle.describe()).close_time is None:
                await handle.terminate("the test is over")


async def _changed(
    deployment: Deployment,
    plans: Mapping[str, type[Any]],
    after: str,
    *,
    at: timedelta,
    **fields: Any,
) -> JourneyTest:
    """Begin by the first plan, and go on by another from a moment on, to the end."""
    first = next(iter(plans.values()))
    async with deployment.of(first) as test:
        await test.start(first, **fields)
        await test.after(at)
    async with deployment.of(plans[after]) as test:
        await test.settled()
        await test.after(40 * DAY)
        await test.stop_all()
    return test


@pytest.mark.parametrize(
    ("plan", "at"), _cases(CARTS, [12, 36, 80], quick=[("1h/23h/2d", 36), ("48h/2d/4d", 12)])
)
async def test_every_message_of_a_cart_leaves_once(
    deployment: Deployment, plan: str, at: timedelta
) -> None:
    test = await _changed(deployment, CARTS, plan, at=at, cart_id="c")
    assert (test.sent, test.skipped, test.outcomes) == (CART, [], ["exhausted"])


@pytest.mark.parametrize(
    ("plan", "at"), _cases(ONBOARDINGS, [12, 48, 100], quick=[("1/2/3 at 8", 48)])
)
async def test_every_message_of_an_onboarding_leaves_once(
    deployment: Deployment, plan: str, at: timedelta
) -> None:
    test = await _changed(deployment, ONBOARDINGS, plan, at=at)
    assert (test.sent, test.skipped, test.outcomes) == (ONBOARDING, [], ["exhausted"])


@pytest.mark.parametrize(
    ("plan", "at"), _cases(RENEWALS, [240, 600, 696], quick=[("3/1/0/-1", 600)])
)
async def test_every_message_of_a_renewal_leaves_once(
    deployment: Deployment, plan: str, at: timedelta
) -> None:
    first = next(iter(RENEWALS.values()))
    async with deployment.of(first) as test:
        expires = await test.now() + 30 * DAY
    test = await _changed(deployment, RENEWALS, plan, at=at, expires_at=expires)
    assert (test.sent, test.skipped, test.outcomes) == (RENEWAL, [], ["exhausted"])


async def test_a_run_whose_plan_has_changed_still_hears_the_purchase(
    deployment: Deployment,
) -> None:
    async with deployment.of(CARTS["24h/2d/4d"]) as test:
        await test.start(CARTS["24h/2d/4d"], cart_id="c")
        await test.after(36 * HOUR)
    async with deployment.of(CARTS["1h/23h/2d"]) as test:
        await test.after(HOUR)
        await test.publish(OrderCompleted, cart_id="c")
        await test.after(10 * DAY)
        assert (test.sent, test.outcomes) == (["reminder"], ["converted"])


async def test_a_plan_that_is_taken_back_sends_nothing_twice(deployment: Deployment) -> None:
    async with deployment.of(CARTS["24h/2d/4d"]) as test:
        await test.start(CARTS["24h/2d/4d"], cart_id="c")
        await test.after(36 * HOUR)
    async with deployment.of(CARTS["1h/1h/1h"]) as test:
        await test.after(30 * HOUR)
    async with deployment.of(CARTS["24h/2d/4d"]) as test:
        await test.after(10 * DAY)
        assert (test.sent, test.skipped, test.outcomes) == (CART, [], ["exhausted"])


async def test_a_check_says_which_waits_go_on_as_they_were_begun(deployment: Deployment) -> None:
    async with deployment.of(CARTS["24h/2d/4d"]) as test:
        await test.start(CARTS["24h/2d/4d"], cart_id="c")
        await test.after(36 * HOUR)
        history = await test.history()
        await test.stop_all()
    (same,) = await histories.replay(_one(history), [CARTS["24h/2d/4d"]])
    (changed,) = await histories.replay(_one(history), [CARTS["24h/12h/4d"]])
    assert (same.broken, same.wait, changed.broken) == (None, None, None)
    assert changed.wait is not None
    assert told([changed.wait, changed.wait]) == [
        '2 of abandoned-cart go on as begun: "wait 2 days for Order Completed"; '
        'later ones: "wait 12 h for Order Completed"'
    ]


async def _one(history: WorkflowHistory) -> AsyncIterator[tuple[str, WorkflowHistory]]:
    yield history.workflow_id, history
