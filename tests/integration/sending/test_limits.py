"""A channel with a limit: set while it works, and transactional messages leave it first.

The tests check only the order in which messages are accepted, never times.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
import yaml
from sqlmodel import col, select
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import ListTaskQueuePartitionsRequest

from sojourn.cli.local.stack import PARTITIONS, Server
from sojourn.dispatch import Sojourn, routing
from sojourn.domain.customer import read_identity
from sojourn.domain.events import ProductAdded, SignedUp
from sojourn.domain.messages import Channel, MessageClass
from sojourn.journeys.queues import channel_queue
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.tables import LedgerRow
from sojourn.testkit.kit import EVERYTHING
from tests.support.cli_stack import Cli
from tests.support.lanes_journey import Offer
from workflows.onboarding import Onboarding

MANY = 40
FEW = 4
SCHEDULED = 5  # events of a run up to its first send
UNDER_WAY = 3  # messages handed out before the limit, and accepted after it
PATIENCE_SECONDS = 100.0


@pytest_asyncio.fixture(loop_scope="session")
async def shop(
    own_temporal: Server, tmp_path: Path, migrated_database: Path
) -> AsyncIterator[Sojourn]:
    """Run a worker for all channels, without limits."""
    database = tmp_path / "lanes.db"
    shutil.copy(migrated_database, database)
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{database}", quiet_hours=None)
    async with await Store.open(settings.store_url) as store:
        client = own_temporal.client
        async with worker.serving(client, store, settings, workflows=[Offer, Onboarding]):
            yield Sojourn(client, store, settings)


async def test_a_channels_queue_is_in_one_piece(temporal: Server) -> None:
    request = ListTaskQueuePartitionsRequest(
        namespace=temporal.client.namespace, task_queue=TaskQueue(name=channel_queue(Channel.EMAIL))
    )
    answer = await temporal.client.workflow_service.list_task_queue_partitions(request, retry=True)
    assert len(answer.activity_task_queue_partitions) == 1


def test_in_production_each_channels_queue_is_in_one_piece_too() -> None:
    settings = yaml.safe_load(Path("deploy/dynamicconfig.yaml").read_text())
    for key, pieces in PARTITIONS.items():
        assert settings[key] == [
            {"value": pieces, "constraints": {"taskQueueName": channel_queue(channel)}}
            for channel in Channel
        ]


@pytest.mark.long
async def test_transactional_messages_overtake_what_a_limit_holds_up(
    shop: Sojourn,
    own_temporal: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    cli = Cli(shop, monkeypatch, capsys, own_temporal.address)
    assert (await cli("channels", "limit", "email", "1")).code == 0
    await offer(shop, Channel.EMAIL, MANY)
    await offer(shop, Channel.SMS, MANY)
    welcomed = await people(shop, FEW)
    for who in welcomed:
        await shop.publish(SignedUp(customer_id=who))
    await queued(shop, [routing.workflow_id("onboarding", who, "") for who in welcomed])
    before = len(await left(shop))

    async def welcomed_and_texted() -> bool:
        rows = await left(shop)
        texts = sum(row.channel == Channel.SMS for row in rows)
        return texts == MANY and sum(map(_is_transactional, rows)) == FEW

    await until(welcomed_and_texted)
    order = await left(shop)
    # texts were asked for later and are all out: only the limit holds up the offers
    offers = [row for row in order if row.channel == Channel.EMAIL and not _is_transactional(row)]
    assert len(offers) < MANY
    last = max(order.index(row) for row in order if _is_transactional(row))
    assert sum(row in offers for row in order[before:last]) <= UNDER_WAY

    assert (await cli("channels", "limit", "email", "off")).code == 0

    async def all_are_out() -> bool:
        return len(await left(shop)) == 2 * MANY + FEW

    await until(all_are_out)


async def offer(shop: Sojourn, channel: Channel, count: int) -> None:
    """Queue promotional messages by a channel."""
    shoppers = await people(shop, count)
    for who in shoppers:
        await shop.publish(ProductAdded(customer_id=who, cart_id=channel.value, product_id="mug"))
    runs = [routing.workflow_id("abandoned-cart", who, channel.value) for who in shoppers]
    await queued(shop, runs)


async def people(shop: Sojourn, count: int) -> list[str]:
    """Make new customers who are reachable on every channel."""
    names = [f"c-{uuid4().hex[:10]}" for _ in range(count)]
    for who in names:
        await shop.identify(
            read_identity(EVERYTHING, customer_id=who, message_id=f"i-{who}", at=datetime.now(UTC))
        )
    return names


async def queued(shop: Sojourn, runs: Sequence[str]) -> None:
    """Wait until each run has asked for its message."""

    async def all_have() -> bool:
        found = [await shop.client.get_workflow_handle(run).describe() for run in runs]
        return all(run.history_length >= SCHEDULED for run in found)

    await until(all_have)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await holds():  # noqa: ASYNC110 (a server, a store)
            await asyncio.sleep(0.05)


async def left(shop: Sojourn) -> list[LedgerRow]:
    """Return the messages accepted so far, in the order of acceptance."""
    query = select(LedgerRow).where(LedgerRow.state == "sent")
    async with shop.store.reading() as session:
        return list(await session.exec(query.order_by(col(LedgerRow.settled_at))))


def _is_transactional(row: LedgerRow) -> bool:
    return row.message_class == MessageClass.TRANSACTIONAL
