"""No message is claimed after its run's stop was answered, whichever way the stop came.

Every message is due at once. Every second one is refused by the provider at first and waits for its
retry, and all of them share a channel with a limit, so that many wait in its queue. Updates of
Temporal's UI, stops by the client and cancels race them.

The suite races 90 stops on SQLite. A thousand, on each database::

    SOJOURN_STOPS=1000 .venv/bin/python -m pytest -s tests/long/test_stop_races.py
"""

import asyncio
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.service import RPCError, RPCStatusCode

from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Parcel
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.dispatch.abandoned import Abandoned
from sojourn.domain.errors import RateLimited
from sojourn.domain.events import ProductAdded
from sojourn.domain.messages import Channel
from sojourn.domain.states import WAITING
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, ledger
from sojourn.store.tables import ConsentRow, CustomerRow

FULL = int(os.environ.get("SOJOURN_STOPS", "0"))
RACES = FULL or 90
DATABASES = ["sqlite", "postgresql"] if FULL else ["sqlite"]
AT_ONCE = 24
WAITS = (0.5, 3.0, 12.0)
"""In seconds: while messages are in the queue, about their first attempt, and about a retry."""
DAY = timedelta(hours=24)


class Busy(Outbox):
    """A provider that refuses the first attempt of every second message."""

    name = "busy"

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self.carried: Counter[str] = Counter()

    async def send(self, parcel: Parcel) -> str:
        self.asked[parcel.reference] += 1
        if int(parcel.reference[-1], 16) % 2 and self.asked[parcel.reference] == 1:
            raise RateLimited("slow down", retry_after=timedelta(seconds=1))
        self.carried[parcel.reference] += 1
        return f"id-{parcel.reference}"


@pytest.mark.filterwarnings("ignore:Cannot find activity to cancel")  # it had just ended
@pytest.mark.parametrize("database_url", DATABASES, indirect=True)
async def test_no_message_is_claimed_after_its_stop_was_answered(
    temporal: Server, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path, database_url=database_url, quiet_hours=None, email_limit=10)
    async with await Store.open(settings.store_url, migrate=True, pool_size=20) as store:
        queue, carrier, rnd = f"{TASK_QUEUE}-{uuid4().hex[:8]}", Busy(), random.Random(7)
        sojourn = Sojourn(temporal.client, store, settings, task_queue=queue)
        customers = [f"{uuid4().hex[:6]}-{n}" for n in range(RACES)]
        async with store.transaction() as session:
            session.add_all(row for customer in customers for row in _somebody(customer))
        answered: dict[str, datetime] = {}
        places = asyncio.Semaphore(AT_ONCE)

        async def race(number: int, customer: str) -> None:
            async with places:
                due = datetime.now(UTC) - DAY
                added = ProductAdded(
                    customer_id=customer, cart_id="c", product_id="p", occurred_at=due
                )
                (run,) = (await sojourn.publish(added)).runs
                await asyncio.sleep(rnd.choice(WAITS) * rnd.random())
                if await _stop(sojourn, run, number % 3):
                    answered[customer] = datetime.now(UTC)

        carriers = dict.fromkeys(Channel, carrier)
        async with worker.serving(
            temporal.client, store, settings, task_queue=queue, carriers=carriers
        ):
            await asyncio.gather(*(race(n, customer) for n, customer in enumerate(customers)))
            for customer in customers:
                await _over(sojourn, f"abandoned-cart:{customer}:c")
            # an attempt that failed after a cancel leaves its row to the workers' sweep
            monkeypatch.setattr("sojourn.dispatch.abandoned.OVERDUE", timedelta(0))
            await Abandoned(store, temporal.client).settle()
            async with store.reading() as session:
                rows = await ledger.every(session)
    claimed = {row.customer_id: row.claimed_at for row in rows if row.claimed_at}
    late = [who for who, at in claimed.items() if who in answered and at > answered[who]]
    sent = {row.customer_id for row in rows if row.state == "sent"}
    print(  # noqa: T201 (the figures, for `pytest -s`)
        f"\n{RACES} stops: {len(answered)} answered, {len(sent)} messages left before, "
        f"{len(late)} were claimed after"
    )
    assert late == []
    assert [row.ledger_key for row in rows if row.state in WAITING] == []
    assert set(carrier.carried.values()) <= {1}
    assert sum(carrier.carried.values()) == len(sent)
    assert 0 < len(sent) < len(answered)  # the moments were close enough to tell


def _somebody(customer: str) -> tuple[CustomerRow, ConsentRow]:
    at = datetime.now(UTC) - 2 * DAY
    return (
        CustomerRow(customer_id=customer, identified_at=at, email="a@shop.example"),
        ConsentRow(customer_id=customer, channel="email", granted=True, at=at, source="a test"),
    )


async def _stop(sojourn: Sojourn, run: str, way: int) -> bool:
    """Stop a run by an update, by the client or by a cancel; tell whether that is an answer."""
    handle = sojourn.client.get_workflow_handle(run)
    try:
        match way:
            case 0:
                await handle.execute_update("stop", "wrong price")
            case 1:
                await sojourn.stop(run, because="wrong price")
            case _:
                await handle.cancel()
                await _over(sojourn, run)  # Temporal answers at once; its end is the answer
    except WorkflowUpdateFailedError:
        return False
    except RPCError as error:  # it had ended by then
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False
    return True


async def _over(sojourn: Sojourn, run: str) -> None:
    handle = sojourn.client.get_workflow_handle(run)
    clock = asyncio.get_running_loop().time
    deadline = clock() + 300
    while (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
        assert clock() < deadline, f"{run} goes on"
        await asyncio.sleep(0.05)
