"""A worker that is killed at any moment loses no message and sends none twice."""

import asyncio
import os
import random
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sojourn.cli.local.processes import HOST, Child, kept_running
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.customer import read_identity
from sojourn.domain.events import ProductAdded, SignedUp
from sojourn.domain.states import SETTLED
from sojourn.settings import Settings
from sojourn.store import Store, ledger
from sojourn.store.tables import LedgerRow
from tests.support.mailserver import MailServer

CUSTOMERS = 25
KILLS = 4
SPREAD_SECONDS = 3.0
DAY = timedelta(hours=24)


async def test_a_killed_worker_loses_no_message(own_temporal: Server, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/kill.db")
    store = await Store.open(settings.store_url, migrate=True)
    mail = MailServer()
    mail.start()
    sojourn = Sojourn(own_temporal.client, store, settings)
    try:
        async with _worker(own_temporal, settings, mail.port) as child:
            due = await _customers(sojourn)
            await _kill_again_and_again(child, until=due + timedelta(seconds=SPREAD_SECONDS))
            rows = await _all_settled(store)
    finally:
        mail.stop()
        await store.close()
    times = Counter(message["Message-ID"] for message in mail.accepted)
    promotional = [row for row in rows if row.step == "reminder"]
    transactional = [row for row in rows if row.step == "welcome"]
    assert (len(promotional), len(transactional)) == (CUSTOMERS, CUSTOMERS)
    # a message that is "sent" was accepted exactly once, an "unknown" one at most once
    for row in promotional:
        assert row.state in ("sent", "unknown")
        if row.state == "sent":
            assert times[row.provider_id] == 1
    for row in transactional:
        assert row.state == "sent"
        assert times[row.provider_id] == 1 or row.possible_duplicate
    assert all(count == 1 for mid, count in times.items() if mid not in _marked(transactional))


def _marked(rows: list[LedgerRow]) -> set[str | None]:
    return {row.provider_id for row in rows if row.possible_duplicate}


@asynccontextmanager
async def _worker(own_temporal: Server, settings: Settings, mail_port: int) -> AsyncIterator[Child]:
    child = Child(
        "the worker",
        [sys.executable, "-m", "sojourn.serving", "--until-stdin-closes"],
        settings.home / "worker.log",
        env={
            "TEMPORAL_ADDRESS": own_temporal.address,
            "SOJOURN_HOME": str(settings.home),
            "SOJOURN_DATABASE_URL": settings.store_url,
            "SOJOURN_QUIET_HOURS": "off",
            "SOJOURN_EMAIL_PROVIDER": "smtp",
            "SOJOURN_SMTP_HOST": HOST,
            "SOJOURN_SMTP_PORT": str(mail_port),
            "SOJOURN_SMTP_SECURITY": "none",
        },
    )
    async with kept_running(child):
        yield child


async def _customers(sojourn: Sojourn) -> datetime:
    """Make customers whose welcome goes at once and whose reminder falls due in a few seconds."""
    rnd = random.Random(3)
    due = datetime.now(UTC) + timedelta(seconds=3)
    for n in range(CUSTOMERS):
        who = f"killed-{n}"
        await sojourn.identify(
            read_identity(
                {"email": f"{n}@shop.example", "marketingConsent": {"email": True}},
                customer_id=who,
                message_id=f"i-{who}",
                at=due - DAY,
            )
        )
        moment = due + rnd.random() * timedelta(seconds=SPREAD_SECONDS)
        await sojourn.publish(
            ProductAdded(customer_id=who, cart_id="c", product_id="p", occurred_at=moment - DAY)
        )
        await sojourn.publish(SignedUp(customer_id=who))
    return due


async def _kill_again_and_again(child: Child, *, until: datetime) -> None:
    rnd = random.Random(11)
    for _ in range(KILLS):
        left = max((until - datetime.now(UTC)).total_seconds(), 1.0)
        await asyncio.sleep(rnd.random() * left / 2)  # the kill may come at any moment
        if child.pid is not None:
            os.kill(child.pid, signal.SIGKILL)


async def _all_settled(store: Store) -> list[LedgerRow]:
    deadline = asyncio.get_running_loop().time() + 60
    while True:
        async with store.reading() as session:
            rows = list(await ledger.every(session))
        done = [row for row in rows if row.state in SETTLED]
        if len(done) == 2 * CUSTOMERS:
            return done
        left = Counter(row.state for row in rows)
        assert asyncio.get_running_loop().time() < deadline, f"not settled: {left}"
        await asyncio.sleep(0.1)
