"""One half of an installation comes back from a backup: nothing is sent twice, nobody is forgotten.

Temporal's dev server keeps its state in a file, and so does the store: each is put back in turn
to what it was an hour (here: some seconds) ago.
"""

import asyncio
import shutil
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from sojourn.cli.local.stack import dev_server
from sojourn.dispatch import Sojourn
from sojourn.dispatch.recovery import Finding, Recovery, Standing
from sojourn.domain.customer import read_identity
from sojourn.events import OrderCompleted, ProductAdded
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, ledger
from tests.support.project import PROJECT

DUE = timedelta(hours=24)


class House:
    """An installation whose parts can be put back."""

    def __init__(self, home: Path, database: Path) -> None:
        self.home = home
        self.settings = Settings(
            home=home, database_url=f"sqlite:///{home}/sojourn.db", quiet_hours=None
        )
        shutil.copy(database, home / "sojourn.db")

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Sojourn]:
        async with (
            await Store.open(self.settings.store_url) as store,
            dev_server(self.home, ports=False) as server,
            worker.serving(server.client, store, self.settings, PROJECT),
        ):
            sojourn = Sojourn(server.client, store, self.settings, PROJECT)
            yield sojourn
            await sojourn.drain()

    def save(self, name: str) -> None:
        """Copy a file, while nobody writes it or while SQLite lets us."""
        with (
            sqlite3.connect(self.home / name) as source,
            sqlite3.connect(self.home / f"{name}.saved") as target,
        ):
            source.backup(target)

    def restore(self, name: str) -> None:
        for file in [self.home / name, *self.home.glob(f"{name}-*")]:
            file.unlink()
        shutil.copy(self.home / f"{name}.saved", self.home / name)


async def identify(sojourn: Sojourn, *customers: str) -> None:
    for customer in customers:
        traits = {"email": f"{customer}@shop.example", "marketingConsent": {"email": True}}
        await sojourn.identify(
            read_identity(
                traits, customer_id=customer, message_id=str(uuid4()), at=datetime.now(UTC)
            )
        )


async def add(sojourn: Sojourn, customer: str, *, due_in: timedelta = timedelta(0)) -> None:
    """Fill a cart whose reminder is due now, or soon."""
    at = datetime.now(UTC) - DUE + due_in
    await sojourn.publish(
        ProductAdded(customer_id=customer, cart_id="k", product_id="p", occurred_at=at)
    )


async def messages(sojourn: Sojourn) -> Counter[tuple[str, str, str]]:
    async with sojourn.store.reading() as session:
        rows = await ledger.every(session)
    return Counter((row.customer_id, row.step, row.reason or row.state) for row in rows)


async def until(holds: Callable[[], Any]) -> None:
    deadline = asyncio.get_running_loop().time() + 60
    while not await holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.1)


async def recovered(sojourn: Sojourn, since: datetime, *, dry: bool) -> dict[str, Standing]:
    recovery = Recovery(sojourn, since=since, dry=dry)
    found: list[Finding] = [finding async for finding in recovery.run()]
    return {finding.customer_id: finding.standing for finding in found}


async def test_temporal_comes_back_from_a_backup(tmp_path: Path, migrated_database: Path) -> None:
    house = House(tmp_path, migrated_database)
    reminded = {("old", "reminder", "sent"): 1, ("new", "reminder", "sent"): 1}
    async with house.open() as sojourn:
        await identify(sojourn, "old", "new", "buyer")
        await add(sojourn, "old")
    house.save("temporal.db")
    backup = datetime.now(UTC)
    async with house.open() as sojourn:
        await add(sojourn, "new")
        await add(sojourn, "buyer", due_in=timedelta(hours=1))

        async def sent() -> bool:
            return await messages(sojourn) == reminded

        await until(sent)
        await sojourn.publish(OrderCompleted(customer_id="buyer", cart_id="k", order_id="o"))
    house.restore("temporal.db")
    async with house.open() as sojourn:
        lost = {"new": Standing.MISSING, "buyer": Standing.OVER}
        assert await recovered(sojourn, backup, dry=True) == lost
        assert (await recovered(sojourn, backup, dry=False))["new"] is Standing.ENTERED
        handle = sojourn.client.get_workflow_handle("abandoned-cart:new:k")

        async def waits_for_the_nudge() -> bool:
            status = await handle.query("status")
            return bool(status["until"]) and [m["step"] for m in status["messages"]] == ["reminder"]

        await until(waits_for_the_nudge)
        assert await messages(sojourn) == reminded
        await sojourn.publish(OrderCompleted(customer_id="new", cart_id="k", order_id="o"))
        assert (await handle.result())["outcome"] == "converted"
        async with sojourn.store.reading() as session:
            assert len(await ledger.outbox(session)) == 2


async def test_the_store_comes_back_from_a_backup(tmp_path: Path, migrated_database: Path) -> None:
    house = House(tmp_path, migrated_database)
    async with house.open() as sojourn:
        await identify(sojourn, "early", "late")
        await add(sojourn, "early", due_in=timedelta(hours=1))
        house.save("sojourn.db")
        backup = datetime.now(UTC)
        await add(sojourn, "late", due_in=timedelta(seconds=15))
    house.restore("sojourn.db")
    async with house.open() as sojourn:

        async def listed() -> bool:
            return await recovered(sojourn, backup, dry=True) == {"late": Standing.EVENT_MISSING}

        await until(listed)
        forgotten = {("late", "reminder", "event_missing"): 1}

        async def said() -> bool:
            return await messages(sojourn) == forgotten

        await until(said)
        handle = sojourn.client.get_workflow_handle("abandoned-cart:late:k")

        async def told() -> bool:  # the row is there before the run hears of it
            sent = (await handle.query("status"))["messages"]
            return [message["reason"] for message in sent] == ["event_missing"]

        await until(told)
