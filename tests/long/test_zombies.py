"""A worker that stands still in the middle of its hand-overs, and wakes when another has sent.

The first worker is stopped (SIGSTOP) while the commit that notes the hand-overs is under way; a
slow disk, which a trigger imitates, holds that moment open. A second worker takes over, hears from
the provider that it does not have the messages, and sends them. Then the first one goes on.
``SOJOURN_ZOMBIES=n`` tries it with n messages, by default with 6.
"""

import asyncio
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg

from sojourn.cli.local.processes import Child, kept_running
from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.customer import read_identity
from sojourn.domain.events import ProductAdded
from sojourn.domain.fence import FENCE
from sojourn.domain.states import AttemptState, MessageState
from sojourn.settings import Settings
from sojourn.store import Store, attempts, ledger
from sojourn.store.tables import AttemptRow, LedgerRow
from sojourn.testkit.fakes import serving
from sojourn.testkit.fakes.postmark import FakePostmark

MESSAGES = int(os.environ.get("SOJOURN_ZOMBIES", "6"))
DAY = timedelta(hours=24)
CAUGHT = min(MESSAGES, 6)
"""The commits in which the worker is stopped."""
SLOW = """
    CREATE TABLE disk AS SELECT true AS slow;
    CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (SELECT disk.slow FROM disk) THEN PERFORM pg_sleep(5); END IF;
            RETURN NULL;
        END $$;
    CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON attempts
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION slow();
"""
COMMITTING = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND state = 'active' AND query ILIKE 'commit%'
"""


async def test_a_worker_that_stood_still_sends_nothing_that_another_has_sent(
    own_temporal: Server, copied_postgresql: str, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, database_url=copied_postgresql)
    store = await Store.open(settings.store_url)
    disk = await asyncpg.connect(copied_postgresql)
    # a stopped worker would keep the locks of a transaction that it has begun, docs/production.md
    name = await disk.fetchval("SELECT current_database()")
    await disk.execute(f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '10s'")
    fake = FakePostmark()
    sojourn = Sojourn(own_temporal.client, store, settings)
    try:
        async with serving(fake), _worker("zombie", own_temporal, settings, fake) as zombie:
            await disk.execute(SLOW)
            await _customers(sojourn, MESSAGES)
            caught = await _stopped_in_its_commits(zombie, disk)
            stopped_at = asyncio.get_running_loop().time()
            await disk.execute("UPDATE disk SET slow = false")
            async with _worker("other", own_temporal, settings, fake):
                await _all_sent(store, MESSAGES)
                stood_still = asyncio.get_running_loop().time() - stopped_at
            assert zombie.pid is not None
            os.killpg(zombie.pid, signal.SIGCONT)
            # its old hand-overs come first; then it sends to one more customer
            await _customers(sojourn, 1, first=MESSAGES)
            rows = await _all_sent(store, MESSAGES + 1)
    finally:
        await disk.close()
        await store.close()
    tried = [attempt for row in rows for attempt in row[1]]
    given_up = [one for one in tried if one.settled_by == "look-up"]
    assert caught
    assert len(given_up) >= caught
    assert stood_still > FENCE.total_seconds()
    times = Counter(order.reference for order in fake.accepted)
    twice = [row for row, _ in rows if times[row.reference] > 1 and not row.possible_duplicate]
    assert twice == []
    assert all(times[row.reference] for row, _ in rows)
    # nothing but the gap between the fence's answer and the system call could have let one through
    assert len(fake.accepted) == MESSAGES + 1
    assert all(one.state in {AttemptState.ACCEPTED, AttemptState.RELEASED} for one in tried)


@asynccontextmanager
async def _worker(
    name: str, own_temporal: Server, settings: Settings, fake: FakePostmark
) -> AsyncIterator[Child]:
    child = Child(
        name,
        [sys.executable, "-m", "sojourn.serving", "--until-stdin-closes"],
        settings.home / f"{name}.log",
        env={
            "TEMPORAL_ADDRESS": own_temporal.address,
            "SOJOURN_HOME": str(settings.home),
            "SOJOURN_DATABASE_URL": settings.store_url,
            "SOJOURN_QUIET_HOURS": "off",
            "SOJOURN_EMAIL_PROVIDER": "postmark",
            **fake.environment(),
        },
    )
    async with kept_running(child):
        try:
            yield child
        finally:
            if child.pid is not None:
                os.killpg(child.pid, signal.SIGCONT)  # a stopped process does not end


async def _customers(sojourn: Sojourn, number: int, *, first: int = 0) -> None:
    """Make customers whose reminder falls due in two seconds."""
    for n in range(first, first + number):
        who, due = f"still-{n}", datetime.now(UTC) + timedelta(seconds=2)
        await sojourn.identify(
            read_identity(
                {"email": f"{n}@shop.example", "marketingConsent": {"email": True}},
                customer_id=who,
                message_id=f"i-{who}",
                at=due - DAY,
            )
        )
        await sojourn.publish(
            ProductAdded(customer_id=who, cart_id="c", product_id="p", occurred_at=due - DAY)
        )


async def _stopped_in_its_commits(zombie: Child, disk: "asyncpg.Connection[asyncpg.Record]") -> int:
    """Stop the worker once it commits that it hands over; return how many commits it is in."""
    until = asyncio.get_running_loop().time() + 60
    while (caught := await disk.fetchval(COMMITTING)) < CAUGHT:
        assert asyncio.get_running_loop().time() < until, zombie.last_words()
        await asyncio.sleep(0.02)
    assert zombie.pid is not None
    os.killpg(zombie.pid, signal.SIGSTOP)
    return int(caught)


async def _all_sent(store: Store, number: int) -> list[tuple[LedgerRow, list[AttemptRow]]]:
    until = asyncio.get_running_loop().time() + 240
    while True:
        async with store.reading() as session:
            rows = list(await ledger.every(session))
            tried = await attempts.of_messages(session, [row.id for row in rows if row.id])
        if sum(row.state is MessageState.SENT for row in rows) == number:
            return [(row, list(tried[row.id])) for row in rows if row.id]
        states = Counter(row.state for row in rows)
        assert asyncio.get_running_loop().time() < until, f"not sent: {states}"
        await asyncio.sleep(0.5)
