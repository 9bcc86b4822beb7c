"""Transactional messages that overtake a queue of promotional ones, on a channel with a limit.

They are sent at the same moments twice: on an idle channel, and while promotional messages wait on
it. The figure is the time from a message's due moment until the provider has accepted it.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import quantiles

from sqlmodel import col, func, select
from temporalio.client import Client, WorkflowHandle

from benchmarks.bounded import in_lanes
from benchmarks.campaign import EACH
from benchmarks.messages import QUEUE
from benchmarks.row import Row
from benchmarks.shoppers import enrolments, signed_up
from sojourn import EMAIL, Audience, Campaign, Message, Sojourn, days, trait
from sojourn.campaigns import launching
from sojourn.cli.local.processes import Child, python, running
from sojourn.cli.local.stack import dev_server
from sojourn.cli.output import stderr
from sojourn.dispatch import routing
from sojourn.domain.errors import SojournError
from sojourn.domain.messages import Enrolment, MessageClass
from sojourn.domain.states import MessageState
from sojourn.journeys.queues import search_attributes
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.tables import LedgerRow

LIMIT = 20.0  # messages a second: fewer than the machine can send, or it would be the limit
QUEUED, QUEUED_IN_FULL = 2_000, 20_000
ASKED, ASKED_IN_FULL = 200, 1_000
A_SECOND = 6.0  # transactional messages a second, on average
STARTING = 8
EVENTS_BEFORE_SENDS = 4  # the start, and three events of the first workflow task
PATIENCE = timedelta(minutes=10)


@dataclass(frozen=True)
class Bench:
    """Everything that takes part."""

    client: Client
    store: Store
    settings: Settings


@dataclass(frozen=True)
class Round:
    """The result of one round.

    Args:
        waits: the milliseconds from due to accepted, for each transactional message.
        promotional: the promotional messages per second that left meanwhile.
    """

    waits: Sequence[float]
    promotional: float

    def wait(self, percent: int) -> float:
        """Return the most milliseconds that this share of the messages took."""
        return quantiles(self.waits, n=100)[percent - 1]


async def measure(home: Path, *, full: bool, recipients: int | None = None) -> list[Row]:
    """Send transactional messages on an idle channel, past a queue, and past a campaign.

    Args:
        home: an empty folder for its state.
        full: the sizes to measure by hand.
        recipients: of the campaign; None: as many as messages are queued.

    Returns:
        The figures.
    """
    asked, queued = (ASKED_IN_FULL, QUEUED_IN_FULL) if full else (ASKED, QUEUED)
    return [
        *await _past_a_queue(home / "queue", asked, queued),
        *await _past_a_campaign(home / "campaign", asked, recipients or queued),
    ]


async def _past_a_campaign(home: Path, asked: int, size: int) -> list[Row]:
    async with _bench(home) as bench:
        first, second, third = [
            await enrolments(bench.store, count, who=signed_up)
            for count in (asked // 10, asked, asked)
        ]
        await enrolments(bench.store, size - asked // 10 - 2 * asked, who=signed_up)
        await _round(bench, first)
        stderr.print(f"lanes: {asked:,} transactional messages, nothing else")
        idle = await _round(bench, second)
        stderr.print(f"lanes: {asked:,} transactional messages during a campaign to {size:,}")
        await _launch(bench)
        loaded = await _round(bench, third)
        left = size - await _sent(bench.store)
    row = partial(Row, "lanes")
    return [
        row("p99, during a campaign / idle", loaded.wait(99) / idle.wait(99), at_most=2),
        *(
            row(f"{kind}: p{percent} from due to accepted", done.wait(percent), "ms")
            for kind, done in (("idle again", idle), ("during a campaign", loaded))
            for percent in (50, 99)
        ),
        row("the campaign's messages meanwhile", loaded.promotional, "/s"),
        row("recipients still waiting at the end", left, at_least=1),
    ]


async def _launch(bench: Bench) -> None:
    """Launch a campaign to everybody in the store, and wait until it is under way."""
    campaign = Campaign(
        "onboarding",  # whose words are rendered
        to=Audience("everybody", trait("first_name").is_known),
        message=Message(EMAIL, useful_for=days(2), topic="onboarding", template="first-steps"),
    )
    sojourn = Sojourn(bench.client, bench.store, bench.settings, task_queue=QUEUE)
    await launching.launch(
        sojourn, campaign, by="bench", approved=launching.digest_of(sojourn, campaign)
    )
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while await _sent(bench.store) == 0:  # noqa: ASYNC110 (another process sends)
            await asyncio.sleep(0.1)


async def _past_a_queue(home: Path, asked: int, queued: int) -> list[Row]:
    async with _bench(home) as bench:
        first, second, third = [  # made now, because the store needs a while to write them all
            await enrolments(bench.store, count, who=signed_up)
            for count in (asked // 10, asked, asked)
        ]
        await _round(bench, first)  # the first message is slow, and not measured
        stderr.print(f"lanes: {asked:,} transactional messages, nothing else")
        idle = await _round(bench, second)
        stderr.print(f"lanes: queueing {queued:,} promotional messages")
        await _fill(bench, queued)
        waiting = queued - await _sent(bench.store)
        stderr.print(f"lanes: {asked:,} transactional messages past {waiting:,} promotional ones")
        loaded = await _round(bench, third)
        left = queued - await _sent(bench.store)
    row = partial(Row, "lanes")
    return [
        row("p99 from due to accepted, loaded / idle", loaded.wait(99) / idle.wait(99), at_most=2),
        *(
            row(f"{kind}: p{percent} from due to accepted", done.wait(percent), "ms")
            for kind, done in (("idle", idle), ("loaded", loaded))
            for percent in (50, 99)
        ),
        row("limit of the channel", LIMIT, "/s"),
        row("loaded: promotional messages sent meanwhile", loaded.promotional, "/s"),
        row("promotional messages queued at the beginning", waiting),
        row("promotional messages still queued at the end", left, at_least=1),
    ]


@asynccontextmanager
async def _bench(home: Path) -> AsyncIterator[Bench]:
    settings = Settings(home=home, quiet_hours=None, caps="off")
    async with (
        await Store.open(settings.store_url, migrate=True) as store,
        dev_server(home, ports=False, lasting=False) as server,
    ):
        worker = Child(
            "the benchmark's worker",
            python("-m", "benchmarks.served", "lanes"),
            home / "worker.log",
            env={
                "SOJOURN_HOME": str(home),
                "SOJOURN_QUIET_HOURS": "off",
                "SOJOURN_CAPS": "off",  # a queue of messages that a cap holds is none
                "SOJOURN_EMAIL_LIMIT": str(LIMIT),
                "TEMPORAL_ADDRESS": server.address,
            },
        )
        async with running(worker):
            yield Bench(server.client, store, settings)


async def _fill(bench: Bench, count: int) -> None:
    """Queue promotional messages, and wait until all of them are queued.

    Many runs that start at once keep the worker busy and delay messages: wait for that to end, too.
    """
    parts = await enrolments(bench.store, count // EACH)

    async def queued(part: Enrolment) -> None:
        handle = await _start(bench.client, "abandoned-cart", part)
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while await _length(handle) < EVENTS_BEFORE_SENDS + EACH:  # noqa: ASYNC110 (a server)
                await asyncio.sleep(0.1)

    await in_lanes(parts, STARTING, queued)
    async with asyncio.timeout(PATIENCE.total_seconds()):
        while await _under_way(bench.store) > LIMIT:  # noqa: ASYNC110 (another process sends)
            await asyncio.sleep(0.1)


async def _round(bench: Bench, people: Sequence[Enrolment]) -> Round:
    """Send each customer a transactional message, at moments that are the same in every round."""
    dice = random.Random(len(people))

    async def ask(enrolment: Enrolment) -> None:
        handle = await _start(bench.client, "onboarding", enrolment)
        await handle.result()

    began, before = time.perf_counter(), await _sent(bench.store)
    async with asyncio.TaskGroup() as group:
        for enrolment in people:
            await asyncio.sleep(dice.expovariate(A_SECOND))
            group.create_task(ask(enrolment))
    took = time.perf_counter() - began
    promotional = (await _sent(bench.store) - before) / took
    return Round(await _waits(bench.store, people), promotional)


async def _length(handle: WorkflowHandle[None, None]) -> int:
    return (await handle.describe()).history_length


async def _start(client: Client, journey: str, enrolment: Enrolment) -> WorkflowHandle[None, None]:
    """Start a run as if its event happened now, so that its first message is due at once."""
    start = enrolment.start.model_copy(update={"at": datetime.now(UTC)})
    return await client.start_workflow(
        journey,
        enrolment.model_copy(update={"start": start}),
        id=_id(journey, enrolment),
        task_queue=QUEUE,
        search_attributes=search_attributes(journey, enrolment.customer_id),
    )


async def _waits(store: Store, people: Sequence[Enrolment]) -> list[float]:
    names = {enrolment.customer_id for enrolment in people}
    query = select(LedgerRow).where(LedgerRow.message_class == MessageClass.TRANSACTIONAL.value)
    async with store.reading() as session:
        rows = [row for row in await session.exec(query) if row.customer_id in names]
    waits = [
        1000 * (row.settled_at - row.due_at).total_seconds()
        for row in rows
        if row.settled_at is not None and row.state is MessageState.SENT
    ]
    if len(waits) != len(people):
        raise SojournError(f"of {len(people)} transactional messages {len(waits)} were sent")
    return waits


async def _sent(store: Store) -> int:
    """Return the number of promotional messages that have left."""
    query = (
        select(func.count())
        .select_from(LedgerRow)
        .where(
            col(LedgerRow.message_class) == MessageClass.PROMOTIONAL.value,
            col(LedgerRow.settled_at).is_not(None),
        )
    )
    async with store.reading() as session:
        return (await session.exec(query)).one()


async def _under_way(store: Store) -> int:
    """Return the number of messages that a worker has taken but not sent yet."""
    query = (
        select(func.count())
        .select_from(LedgerRow)
        .where(col(LedgerRow.state).in_((MessageState.CLAIMED, MessageState.SUBMITTING)))
    )
    async with store.reading() as session:
        return (await session.exec(query)).one()


def _id(journey: str, enrolment: Enrolment) -> str:
    return routing.workflow_id(journey, enrolment.customer_id, enrolment.key)
