"""A worker's memory with many sleeping runs against few: sleeping runs must cost it nothing.

Each size gets a fresh worker, the product's own (`worker.py`), with its bounded cache.
Both sizes fill that cache: below it, memory grows with the runs by design.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from temporalio.client import Client

from benchmarks.bounded import in_lanes
from benchmarks.row import Row
from sojourn.cli.local.stack import dev_stack
from sojourn.cli.output import stderr
from sojourn.dispatch import routing
from sojourn.domain.errors import SojournError
from sojourn.domain.events import ProductAdded
from sojourn.domain.messages import Enrolment, Heard
from sojourn.journeys.queues import TASK_QUEUE, search_attributes
from sojourn.serving.worker import CACHED_RUNS
from sojourn.settings import Settings

FEW = CACHED_RUNS
MANY = 3_000
MANY_IN_FULL = 20_000
AT_ONCE = 16
EVENTS_ASLEEP = 5  # the start, three events of the first workflow task, the timer
PATIENCE = timedelta(minutes=10)


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Put few and then many runs to sleep; compare the memory of a worker that holds them."""
    many = MANY_IN_FULL if full else MANY
    sizes = {count: await _resident_mb(home / str(count), count) for count in (FEW, many)}
    return [
        Row("memory", f"worker with {many:,} sleeping runs / with {FEW:,}",
            sizes[many] / sizes[FEW], at_most=1.2),
        *(
            Row("memory", f"worker with {count:,} sleeping runs", size, "MB")
            for count, size in sizes.items()
        ),
    ]  # fmt: skip


async def _resident_mb(home: Path, count: int) -> float:
    stderr.print(f"memory: {count:,} runs")
    async with dev_stack(
        Settings(home=home, quiet_hours=None), ports=False, lasting=False
    ) as stack:
        pid = stack.worker.pid
        customers = [f"c{number}" for number in range(count)]
        await in_lanes(customers, AT_ONCE, lambda c: _start(stack.client, c))
        await in_lanes(customers, AT_ONCE, lambda c: _asleep(stack.client, c))
        if stack.worker.pid != pid:
            raise SojournError(f"the worker died; see {stack.worker.log}")
        return float(psutil.Process(pid).memory_info().rss) / 1e6


async def _start(client: Client, customer_id: str) -> None:
    start = Heard(
        id=f"event-of-{customer_id}",
        name=ProductAdded.event_name,
        at=datetime.now(UTC),
        seq=1,
        fields={"cart_id": "cart", "product_id": "mug"},
    )
    await client.start_workflow(
        "abandoned-cart",
        Enrolment(customer_id=customer_id, key="cart", start=start),
        id=_id(customer_id),
        task_queue=TASK_QUEUE,
        search_attributes=search_attributes("abandoned-cart", customer_id),
    )


async def _asleep(client: Client, customer_id: str) -> None:
    handle = client.get_workflow_handle(_id(customer_id))
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while (await handle.describe()).history_length < EVENTS_ASLEEP:  # noqa: ASYNC110 (a server)
            await asyncio.sleep(0.1)


def _id(customer_id: str) -> str:
    return routing.workflow_id("abandoned-cart", customer_id, "cart")
