"""The store learns that a run has ended without another event of its customer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.dispatch.closing import Closing
from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.events import ProductAdded
from sojourn.settings import Settings
from sojourn.store import Store, runs
from sojourn.store.tables import RunRow
from tests.support.project import PROJECT

AT_ONCE = timedelta(0)


@pytest_asyncio.fixture(loop_scope="session")
async def sojourn(temporal: Server, migrated_url: str) -> AsyncIterator[Sojourn]:
    async with await Store.open(migrated_url) as store:
        queue = f"nobody-serves-{uuid4()}"
        yield Sojourn(temporal.client, store, Settings(), PROJECT, task_queue=queue)


async def _begin(sojourn: Sojourn, customer: str, cart: str) -> str:
    event = ProductAdded(customer_id=customer, cart_id=cart, product_id="p")
    (run,) = (await sojourn.publish(event)).runs
    return run


async def _noted(sojourn: Sojourn, customer: str) -> list[RunRow]:
    async with sojourn.store.reading() as session:
        return list(await runs.of_customer(session, customer))


async def _look(sojourn: Sojourn, number: int) -> None:
    """Look until so many ends are noted: Temporal's visibility lags a moment."""
    closing, deadline = Closing(sojourn.store, sojourn.client, every=AT_ONCE), 0
    while number > 0:
        number -= await closing.look()
        deadline += 1
        assert deadline < 200
        await asyncio.sleep(0.05)
    assert number == 0


async def test_runs_that_ended_are_noted_and_others_are_not(sojourn: Sojourn) -> None:
    customer = f"c-{uuid4()}"
    over, continued, again, goes_on = [
        await _begin(sojourn, customer, cart) for cart in ("over", "continued", "again", "on")
    ]
    async with sojourn.store.transaction() as session:
        for name in (continued, again):
            row = await runs.newest(session, name)
            assert row is not None
            # the execution that began it: it has ended, and another one went on
            row.run_id = f"first-{row.run_id}"
            session.add(row)
    for name in (over, continued, again):
        await sojourn.client.get_workflow_handle(name).terminate()
    assert await _begin(sojourn, customer, "again") == again
    async with sojourn.store.transaction() as session:  # nobody noted the end of the first one
        first = next(row for row in await runs.of_workflow(session, again) if row.closed_at)
        assert first.id is not None
        await runs.reopen(session, first.id)
    before = datetime.now(UTC)
    await _look(sojourn, 3)
    found = {
        (row.workflow_id, row.run_id.startswith("first-")): row.closed_at
        for row in await _noted(sojourn, customer)
    }
    assert {case: at is not None for case, at in found.items()} == {
        (over, False): True,
        (continued, True): True,
        (again, True): True,
        (again, False): False,
        (goes_on, False): False,
    }
    ended = found[over, False]
    assert ended is not None
    assert ended <= before, "when it ended, not when that was found out"


async def test_one_worker_at_a_time_looks(sojourn: Sojourn) -> None:
    now = datetime.now(UTC)
    async with sojourn.store.transaction() as session:
        first = await runs.take_turn(session, now, every=timedelta(minutes=1))
        second = await runs.take_turn(session, now, every=timedelta(minutes=1))
    assert (first.is_ours, second.is_ours) == (True, False)


async def test_without_temporal_the_time_is_looked_at_again(sojourn: Sojourn) -> None:
    customer = f"c-{uuid4()}"
    run = await _begin(sojourn, customer, "k")
    await sojourn.client.get_workflow_handle(run).terminate()
    nowhere = await Client.connect("127.0.0.1:9", lazy=True, data_converter=pydantic_data_converter)
    with pytest.raises(TemporalUnavailable):
        await Closing(sojourn.store, nowhere, every=AT_ONCE).look()
    await _look(sojourn, 1)
