"""The impact of changed code on open runs is told as the real engine then goes on with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from sojourn.cli import histories
from sojourn.events import SignedUp
from sojourn.insight.backtesting.comparing import Kind
from sojourn.insight.leading.impact import impact
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines.temporal import OnTemporal
from tests.support.altered import CartForMembers, CartWithTeaser, HelpRenamed, WelcomeRenamed
from tests.support.changed_carts import StepInserted
from tests.support.leading import differ, happened, led, predicted, snapshot
from tests.support.plans import CARTS, RENEWALS
from tests.support.project import WHOLE
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

BEGIN = datetime(2026, 3, 26, 12, tzinfo=UTC)
HOUR, MONTH = timedelta(hours=1), timedelta(days=30)
CART, HELLO, AGAIN = AbandonedCart.name, Onboarding.name, Renewal.name


def of(*journeys: Any) -> Project:
    return replace(WHOLE, journeys=Journeys(journeys))


OLD = of(AbandonedCart, Onboarding, Renewal)


class Installation:
    """Several customers on one server, whose worker is replaced by one with other code."""

    def __init__(self, client: Client, store: Store, settings: Settings) -> None:
        self.client, self.store, self.settings = client, store, settings
        self.queue = f"{TASK_QUEUE}-{uuid4().hex[:12]}"
        self.engine = OnTemporal(client, self.queue, OLD.journeys)
        self.customers: list[JourneyTest] = []

    async def customer(self, name: str, **traits: Any) -> JourneyTest:
        at = await self.customers[0].now() if self.customers else BEGIN
        customer_id = f"{name}-{uuid4().hex[:8]}"
        made = JourneyTest(
            self.engine, self.store, self.settings, self.queue, customer_id, project=OLD
        )
        made.begin_at(at)
        await made.identify(**traits)
        self.customers.append(made)
        return made

    @asynccontextmanager
    async def serving(self, project: Project) -> AsyncIterator[None]:
        async with worker.serving(
            self.client,
            self.store,
            self.settings,
            project,
            task_queue=self.queue,
            cached_runs=0,
        ):
            yield

    async def after(self, duration: timedelta) -> None:
        await self.customers[0].after(duration)
        for one in self.customers:
            await one.settled()


@pytest.fixture
async def installation(
    time_skipping_client: Client, journey_settings: Settings
) -> AsyncIterator[Installation]:
    async with await Store.open(journey_settings.store_url) as store:
        made = Installation(time_skipping_client, store, journey_settings)
        yield made
        async with made.serving(OLD):
            for one in made.customers:
                await one.stop_all()


async def _open_runs(made: Installation) -> dict[str, str]:
    """Have runs stand at several places; return their names."""
    runs = {}
    dora = await made.customer("dora", timezone="Europe/Rome")
    await dora.start(Onboarding)
    runs["dora"] = f"onboarding:{dora.customer_id}"
    nina = await made.customer("nina", timezone="Europe/Rome")
    await nina.start(AbandonedCart, cart_id="k", product_id="p")
    runs["nina"] = f"abandoned-cart:{nina.customer_id}:k"
    rita = await made.customer("rita", timezone="America/New_York")
    ends = (await rita.now()) + timedelta(days=20)
    await rita.start(Renewal, subscription_id="s", expires_at=ends)
    runs["rita"] = f"renewal:{rita.customer_id}:s"
    await rita.start(AbandonedCart, cart_id="k", product_id="p")
    runs["rita's cart"] = f"abandoned-cart:{rita.customer_id}:k"
    await made.after(timedelta(days=3, hours=4))
    bob = await made.customer("bob", marketingConsent={"email": False, "sms": True})
    await bob.publish(SignedUp)
    await bob.start(AbandonedCart, cart_id="k", product_id="p")
    runs["bob"] = f"abandoned-cart:{bob.customer_id}:k"
    runs["bob's"] = f"onboarding:{bob.customer_id}"
    await made.after(28 * HOUR)
    ada = await made.customer("ada")
    await ada.start(AbandonedCart, cart_id="k", product_id="p")
    runs["ada"] = f"abandoned-cart:{ada.customer_id}:k"
    await made.after(5 * HOUR)
    return runs


CHANGES: dict[str, tuple[Project, set[str], set[tuple[str, str, Kind]]]] = {
    "delays": (
        of(CARTS["12h/1d/2d"], Onboarding, RENEWALS["14/5/0/-1"]),
        set(),
        {(CART, "nudge", Kind.LOST), (AGAIN, "in-two-days", Kind.EARLIER)},
    ),
    "a step ahead": (
        of(CartWithTeaser, HelpRenamed, Renewal),
        set(),
        {
            (HELLO, "talk", Kind.GAINED),
            (HELLO, "help", Kind.LOST),
            (CART, "teaser", Kind.GAINED),
        },
    ),
    "a condition": (
        of(CartForMembers, Onboarding, Renewal),
        set(),
        {(CART, "reminder", Kind.LOST), (CART, "offer", Kind.LOST)},
    ),
    "a step behind": (
        of(StepInserted, WelcomeRenamed, Renewal),
        {"nina", "rita's cart", "bob", "dora", "bob's"},
        set(),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
async def test_the_impact_is_that_on_the_real_engine(
    installation: Installation, change: str, tmp_path: Path
) -> None:
    new, breaks, kinds = CHANGES[change]
    made = installation
    async with made.serving(OLD):
        runs = await _open_runs(made)
        now = await made.engine.now()
        file = await snapshot(made.client, made.store, now, tmp_path / "snapshot")
        at = await made.customers[0].now()
    before, after = (led(file, one, made.settings, MONTH) for one in (OLD, new))
    found = impact(before, after)
    assert before.broken == {}
    assert set(after.broken) == {runs[name] for name in breaks}
    assert await _replayed(made, runs, new) == set(after.broken)
    told = {(*one.name, one.kind) for one in found.compared.changes}
    assert kinds <= told, told
    async with made.serving(OLD):
        await made.engine.terminate(after.broken)
    async with made.serving(new):
        await made.after(MONTH)
        rows = await happened(made.store, at, at + MONTH)
    assert differ(rows, predicted(after)) == []
    assert found.unchanged + len(found.changed) + len(breaks) == len(runs)


async def _replayed(made: Installation, runs: dict[str, str], project: Project) -> set[str]:
    async def all_of_them() -> AsyncIterator[Any]:
        for run in runs.values():
            yield run, await made.client.get_workflow_handle(run).fetch_history()

    checked = await histories.replay(all_of_them(), [*project.journeys.values()], project=project)
    return {one.name for one in checked if one.broken}
