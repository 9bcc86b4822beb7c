"""Counting for reports: a worker's CPU beside 100 messages a second, on PostgreSQL.

Messages are stored as the engine does: claimed, submitted, sent, reported as delivered, and some as
clicked; some customers order, and come into a control group. The benchmark measures the CPU of this
process while it counts.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import asyncpg

from benchmarks.row import Row
from sojourn.cli.output import stderr
from sojourn.insight.measuring import Measuring, Source
from sojourn.store import Store
from tests.support.postgres import Postgres, find

A_SECOND = 100
EVERY = 10
"""The seconds between two passes of a worker (`serving.loop.MEASURE_EVERY`)."""
ROUNDS, FULL_ROUNDS = 10, 100
CPU = 0.05

CLAIMED = """
INSERT INTO ledger (ledger_key, reference, message_id, workflow_id, enrolment, journey, customer_id,
                    n, step, template, channel, message_class, topic, state, attempt, due_at,
                    decided_at, claimed_at, possible_duplicate)
SELECT 'k' || i, 'r' || i, 'm' || i, 'cart:' || i, 'e' || i, (array['cart', 'hello'])[1 + i % 2],
       'c' || i % 5000, 1, (array['reminder', 'nudge', 'offer'])[1 + i % 3], 't', 'email',
       'promotional', 'cart', 'claimed', 1, $3, $3, $3, false
FROM generate_series($1::int, $2::int) i
"""
SUBMITTED = """
INSERT INTO attempts (ledger_id, attempt, provider, state, submitted_at, journey_at, keyed,
                      language, mailbox)
SELECT id, 1, 'outbox', 'submitting', $3, $3, true, (array['en', 'it', 'pl'])[1 + id % 3],
       (array['gmail', 'other', 'microsoft'])[1 + id % 3]
FROM ledger WHERE message_id IN (SELECT 'm' || i FROM generate_series($1::int, $2::int) i)
"""
SENT = """
UPDATE ledger SET state = 'sent', settled_at = $3
WHERE message_id IN (SELECT 'm' || i FROM generate_series($1::int, $2::int) i)
"""
REPORTED = """
INSERT INTO reports (provider, event_id, ledger_id, kind, at, received_at, detail)
SELECT 'outbox', kind || id, id, kind, $3, $3, ''
FROM ledger, unnest(array['delivered', 'clicked']) kind
WHERE message_id IN (SELECT 'm' || i FROM generate_series($1::int, $2::int) i)
      AND (kind = 'delivered' OR id % 10 = 0)
"""
EXPOSED = """
INSERT INTO exposures (experiment, customer_id, variant, at, workflow_id)
SELECT 'holdout', CASE WHEN i <= 5000 THEN 'c' || i % 5000 ELSE 'n' || i END,
       (array['held-out', 'treated'])[1 + i % 2], $3, 'cart:' || i
FROM generate_series($1::int, $2::int) i WHERE i <= 5000 OR i % 10 = 0
"""
"""All those who order, and then ten new customers a second."""
ORDERED = """
INSERT INTO events (message_id, customer_id, name, occurred_at, received_at, routed_at, properties)
SELECT 'o' || i, 'c' || i % 5000, 'Order Completed', $3, $3, $3,
       json_build_object('order_id', 'o' || i, 'total', 20, 'currency', 'EUR')
FROM generate_series($1::int, $2::int) i WHERE i % 50 = 0
"""


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Store some seconds of messages at a time, and count them."""
    commands = find()
    if commands is None:
        stderr.print("measuring: PostgreSQL is not installed, so it is left out")
        return []
    server = Postgres(commands)
    server.start()
    try:
        url = await server.create()
        async with await Store.open(url, migrate=True) as store:
            return _rows(await _rounds(store, url, FULL_ROUNDS if full else ROUNDS))
    finally:
        server.stop()


async def _rounds(store: Store, url: str, rounds: int) -> list[float]:
    measuring = Measuring(store, {"cart": Source(frozenset({"Order Completed"}))})
    await measuring.catch_up()
    connection = await asyncpg.connect(url)
    spent: list[float] = []
    try:
        for number in range(rounds):
            first = number * A_SECOND * EVERY + 1
            last, now = first + A_SECOND * EVERY - 1, datetime.now(UTC)
            for statement in (CLAIMED, EXPOSED, SUBMITTED, SENT, REPORTED):
                await connection.execute(statement, first, last, now)
            await connection.execute(ORDERED, first, last, now + timedelta(hours=1))
            before = time.process_time()
            await measuring.catch_up()
            spent.append(time.process_time() - before)
    finally:
        await connection.close()
    return spent


def _rows(spent: Sequence[float]) -> list[Row]:
    usual = median(spent[1:])  # the first pass compiles its statements
    what = f"counting {A_SECOND} messages a second: part of a core of the worker"
    return [
        Row("measuring", what, 100 * usual / EVERY, "%", at_most=100 * CPU),
        Row("measuring", "a message counted: CPU", 1000 * usual / (A_SECOND * EVERY), "ms"),
    ]
