"""Entry and re-entry on Temporal: who comes in, who comes again, and who came before a restore."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from sojourn import days
from sojourn.channels.outbox import Outbox
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.dispatch.recovery import Recovery, Standing
from sojourn.domain.messages import Channel
from sojourn.events import ProductAdded
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, entries
from sojourn.testkit import JourneyTest
from tests.support.entering import Selecting
from tests.support.project import PROJECT

NOT_QUALIFIED, CAME_AGAIN = (False, "not_qualified"), (False, "came_again")
TAKEN = (True, None)


@pytest.fixture
def journey_project() -> Project:
    return replace(PROJECT, journeys=Journeys([Selecting]), policy=None)


async def judged(store: Store, customer_id: str) -> list[tuple[bool, str | None]]:
    async with store.reading() as session:
        rows = await entries.of_customer(session, customer_id)
    return [(row.taken, row.reason) for row in rows]


async def test_a_cart_that_is_worth_it_is_reminded_of_once_a_month(journey: JourneyTest) -> None:
    store = journey.store

    async def fill(cart: str, price: int) -> tuple[str, ...]:
        published = await journey.publish(
            ProductAdded, cart_id=cart, product_id="mug", price=price, currency="EUR"
        )
        return published.runs

    assert await fill("a", 12) == ()
    (first,) = await fill("b", 25)
    await journey.after(days(2))
    assert journey.sent == ["reminder"]
    assert await fill("c", 40) == ()
    await journey.after(days(30))
    (second,) = await fill("d", 30)
    await journey.after(days(2))
    assert journey.sent == ["reminder", "reminder"]
    assert [run.rpartition(":")[2] for run in (first, second)] == ["b", "d"]
    assert await judged(store, journey.customer_id) == [NOT_QUALIFIED, TAKEN, CAME_AGAIN, TAKEN]


async def test_a_run_that_is_entered_after_a_restore_is_the_same_entry(
    temporal: Server, tmp_path: Path, migrated_database: Path, journey_project: Project
) -> None:
    """A recovery asks nobody whether the customer may enter: they did."""
    copy(migrated_database, tmp_path / "test.db")
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/test.db")
    async with await Store.open(settings.store_url) as store:
        queue, customer = f"{TASK_QUEUE}-{uuid4().hex[:8]}", f"c-{uuid4().hex[:12]}"
        sojourn = Sojourn(temporal.client, store, settings, journey_project, task_queue=queue)
        carriers = dict.fromkeys(Channel, Outbox())

        async def fill(cart: str) -> tuple[str, ...]:
            added = ProductAdded(
                customer_id=customer, cart_id=cart, product_id="mug", price=25, currency="EUR"
            )
            return (await sojourn.publish(added)).runs

        async def is_gone() -> bool:
            try:
                await handle.describe()
            except RPCError as error:
                return error.status is RPCStatusCode.NOT_FOUND
            return False

        async with worker.serving(
            temporal.client,
            store,
            settings,
            journey_project,
            task_queue=queue,
            carriers=carriers,
        ):
            before = datetime.now(UTC) - timedelta(minutes=1)
            (run,) = await fill("a")
            handle = temporal.client.get_workflow_handle(run)
            await temporal.client.workflow_service.delete_workflow_execution(
                DeleteWorkflowExecutionRequest(
                    namespace=temporal.client.namespace,
                    workflow_execution=WorkflowExecution(workflow_id=run),
                )
            )
            await until(is_gone)
            recovery = Recovery(sojourn, since=before, dry=False)
            found = [one async for one in recovery.run() if one.customer_id == customer]
            assert [(one.workflow_id, one.standing) for one in found] == [(run, Standing.ENTERED)]
            assert await judged(store, customer) == [TAKEN]
            assert await fill("b") == (), "the run of before the restore counts"
            await handle.terminate()
            assert await fill("c") == ()
        assert await judged(store, customer) == [TAKEN, CAME_AGAIN, CAME_AGAIN]


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await holds():  # noqa: ASYNC110 (Temporal tells nobody)
            await asyncio.sleep(0.05)
