"""Fill PostgreSQL with customers, events, runs and messages, made by the database itself.

The rows are as the engine would leave them after a year. Besides, there are heavy customers: each
has thousands of events and hundreds of runs, the newest of which are open.
"""

from dataclasses import dataclass

import asyncpg

STEP = 200_000
"""The rows of one statement."""


@dataclass(frozen=True)
class Size:
    """The number of rows.

    Args:
        customers: ordinary ones.
        events: of all these together.
        messages: of all these together.
        heavy: the number of heavy customers.
        heavy_events: the events of each of these.
        heavy_runs: the runs of each of these.
    """

    customers: int
    events: int
    messages: int
    heavy: int = 10
    heavy_events: int = 5000
    heavy_runs: int = 500


SMALL = Size(20_000, 200_000, 100_000)
FULL = Size(1_000_000, 10_000_000, 5_000_000)

CUSTOMERS = """
INSERT INTO customers (customer_id, merged, identified_at, first_name, email, phone, phone2,
                       push_token, locale, timezone, attributes, said)
SELECT 'f' || i, false, now() - interval '1 year', 'Ada', 'f' || i || '@shop.example',
       '+39320' || lpad(i::text, 7, '0'), '', '', 'it', 'Europe/Rome',
       json_build_object('plan', (array['pro', 'free', 'team'])[1 + i % 3]), '{}'
FROM generate_series($1::bigint, $2::bigint) i
"""
CONSENTS = """
INSERT INTO consents (customer_id, channel, topic, granted, at, received_at, source)
SELECT 'f' || i, 'email', '', true, now() - interval '1 year', now() - interval '1 year', 'a form'
FROM generate_series($1::bigint, $2::bigint) i
"""
EVENTS = """
INSERT INTO events (message_id, customer_id, name, occurred_at, received_at, routed_at, properties)
SELECT md5('f' || i), 'f' || (1 + i * 7919 % $3::bigint), name, at, at, at,
       json_build_object('product_id', 'p' || i % 300, 'cart_id', 'k' || i % 7, 'name', 'A mug',
                         'order_id', 'o' || i, 'total', i % 300, 'currency', 'EUR',
                         'url', 'https://shop.example/products/p' || i % 300)
FROM (SELECT i, (array['Order Completed', 'Product Added', 'Product Viewed', 'Email Link Clicked',
                       'Page Viewed'])[1 + i % 5] AS name,
             now() - interval '1 year' * (1 - i::float8 / $4::float8) - interval '1 day' AS at
      FROM generate_series($1::bigint, $2::bigint) i) made
"""
"""In the order of their arrival, over a year."""
RUNS = """
INSERT INTO runs (workflow_id, run_id, journey, customer_id, key, enrolment, started_at, closed_at)
SELECT 'abandoned-cart:f' || i || ':k1', md5('run' || i), 'abandoned-cart', 'f' || i, 'k1',
       md5('e' || i), now() - interval '100 days',
       CASE WHEN i % 10 <> 0 THEN now() - interval '90 days' END
FROM generate_series($1::bigint, $2::bigint) i
"""
LEDGER = """
INSERT INTO ledger (ledger_key, reference, message_id, workflow_id, enrolment, journey,
                    customer_id, n, step, template, channel, message_class, topic, state, reason,
                    attempt, due_at, decided_at, claimed_at, submitted_at, settled_at, provider,
                    provider_id, progress, progress_at, possible_duplicate, version)
SELECT run || '/' || md5('e' || i) || '/' || md5('c' || i) || '/reminder/email', md5('r' || i),
       run || '/' || md5('e' || i) || '/' || md5('c' || i) || '/reminder', run, md5('e' || i),
       'abandoned-cart', customer, 1, 'reminder', 'reminder', 'email', 'promotional', 'cart', state,
       CASE state WHEN 'skipped' THEN 'goal_reached' WHEN 'rejected' THEN 'refused' END, 1, at, at,
       at, at, CASE WHEN state <> 'unknown' THEN at END, 'postmark',
       CASE WHEN state = 'sent' THEN md5('p' || i) END,
       CASE WHEN state = 'sent' THEN 'delivered' END, CASE WHEN state = 'sent' THEN at END, false,
       'a1b2c3'
FROM (SELECT i, 'f' || (1 + i * 7919 % $3::bigint) AS customer,
             'abandoned-cart:f' || (1 + i * 7919 % $3::bigint) || ':k' || i % 7 AS run,
             CASE WHEN i % 4 = 0 THEN 'skipped' WHEN i % 500 = 1 THEN 'unknown'
                  WHEN i % 100 = 2 THEN 'rejected' ELSE 'sent' END AS state,
             now() - interval '1 year' * (1 - i::float8 / $4::float8) - interval '1 day' AS at
      FROM generate_series($1::bigint, $2::bigint) i) made
"""
ATTEMPTS = """
INSERT INTO attempts (ledger_id, attempt, provider, state, submitted_at, journey_at, settled_at,
                      settled_by, provider_id, keyed, language, mailbox)
SELECT id, 1, provider, CASE state WHEN 'sent' THEN 'accepted' WHEN 'unknown' THEN 'ambiguous'
                                   ELSE 'refused' END,
       decided_at, decided_at, settled_at, 'answer', provider_id, true, 'it', 'gmail'
FROM ledger WHERE state <> 'skipped' AND id > $1::bigint
"""
CONTENTS = """
INSERT INTO contents (ledger_id, address, content)
SELECT id, customer_id || '@shop.example',
       json_build_object('subject', 'Your cart', 'text', repeat('A mug waits for you. ', 20),
                         'html', repeat('<p>A mug waits for you.</p>', 40))
FROM ledger WHERE state <> 'skipped' AND id > $1::bigint
"""
REPORTS = """
INSERT INTO reports (provider, event_id, ledger_id, kind, at, received_at, detail)
SELECT 'postmark', 'x' || id, id, 'delivered', decided_at, decided_at, ''
FROM ledger WHERE state = 'sent' AND id > $1::bigint
"""
SUPPRESSIONS = """
INSERT INTO suppressions (channel, address, because, at, source)
SELECT 'email', 'gone' || i || '@shop.example', 'bounced', now(), 'a report'
FROM generate_series($1::bigint, $2::bigint) i WHERE i % 20 = 0
"""

HEAVY_CUSTOMERS = """
INSERT INTO customers (customer_id, merged, identified_at, first_name, email, phone, phone2,
                       push_token, locale, timezone, attributes, said)
SELECT 'h' || h, false, now() - interval '1 year', 'Ada', 'h' || h || '@shop.example', '', '', '',
       'it', 'Europe/Rome', '{}', '{}'
FROM generate_series($1::int, $2::int) h
"""
HEAVY_CONSENTS = """
INSERT INTO consents (customer_id, channel, topic, granted, at, received_at, source)
SELECT 'h' || h, 'email', '', true, now() - interval '1 year', now() - interval '1 year', 'a form'
FROM generate_series($1::int, $2::int) h
"""
HEAVY_EVENTS = """
INSERT INTO events (message_id, customer_id, name, occurred_at, received_at, routed_at, properties)
SELECT 'h' || h || '-' || i, 'h' || h,
       CASE WHEN i % 10 = 0 THEN 'Order Completed' WHEN i % 10 < 4 THEN 'Product Added'
            WHEN i % 10 < 8 THEN 'Product Viewed' ELSE 'Page Viewed' END, at, at, at,
       json_build_object('product_id', 'p' || i % 300, 'cart_id', 'k' || i * $4::int / $3::int,
                         'name', 'A mug', 'order_id', 'o' || i, 'total', i % 300,
                         'currency', 'EUR')
FROM generate_series($1::int, $2::int) h, LATERAL (
    SELECT i, now() - interval '200 days' * (1 - i::float8 / $3::int) - interval '1 hour' AS at
    FROM generate_series(1, $3::int) i) made
"""
HEAVY_RUNS = """
INSERT INTO runs (workflow_id, run_id, journey, customer_id, key, enrolment, started_at, closed_at)
SELECT 'abandoned-cart:h' || h || ':k' || i, md5('h' || h || i), 'abandoned-cart', 'h' || h,
       'k' || i, 'h' || h || '-' || 1 + i * $3::int / $4::int,
       now() - interval '200 days' * (1 - i::float8 / $4::int) - interval '1 hour',
       CASE WHEN i < $4::int * 24 / 25 THEN now() END
FROM generate_series($1::int, $2::int) h, generate_series(0, $4::int - 1) i
"""
HEAVY_LEDGER = """
INSERT INTO ledger (ledger_key, reference, message_id, workflow_id, enrolment, journey,
                    customer_id, n, step, template, channel, message_class, topic, state, attempt,
                    due_at, decided_at, claimed_at, submitted_at, settled_at, provider, provider_id,
                    possible_duplicate)
SELECT workflow_id || '/' || enrolment || '/c/reminder/email', md5(workflow_id),
       workflow_id || '/' || enrolment || '/c/reminder', workflow_id, enrolment, 'abandoned-cart',
       customer_id, 1, 'reminder', 'reminder', 'email', 'promotional', 'cart', 'sent', 1,
       at, at, at, at, at, 'postmark', md5('p' || workflow_id), false
FROM (SELECT *, started_at + interval '1 day' AS at FROM runs WHERE customer_id IN
      (SELECT 'h' || h FROM generate_series($1::int, $2::int) h)) run
"""


async def fill(url: str, size: Size, *, heavy_from: int = 1) -> None:
    """Make the rows, and have the database look at them.

    Args:
        url: of the database.
        size: the number of rows.
        heavy_from: the number of the first heavy customer, ``h1`` unless set.
    """
    connection = await asyncpg.connect(url)
    try:
        # no triggers: they would mark each row for a worker to count
        await connection.execute("SET session_replication_role = replica")
        await connection.execute("SET synchronous_commit = off")
        for statement in (CUSTOMERS, CONSENTS, RUNS, SUPPRESSIONS):
            await _in_steps(connection, statement, size.customers)
        await _in_steps(connection, EVENTS, size.events, size.customers, size.events)
        before = await connection.fetchval("SELECT coalesce(max(id), 0) FROM ledger")
        await _in_steps(connection, LEDGER, size.messages, size.customers, size.messages)
        await fill_heavy(connection, size, heavy_from)
        for statement in (ATTEMPTS, CONTENTS, REPORTS):
            await connection.execute(statement, before)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def fill_heavy(connection: asyncpg.Connection, size: Size, first: int) -> None:
    """Make heavy customers.

    Args:
        connection: a connection on which no trigger fires.
        size: their number, and that of their rows.
        first: the number of the first one.
    """
    last = first + size.heavy - 1
    for statement in (HEAVY_CUSTOMERS, HEAVY_CONSENTS, HEAVY_LEDGER):
        if statement is HEAVY_LEDGER:  # it takes the runs
            for rows in (HEAVY_EVENTS, HEAVY_RUNS):
                await connection.execute(rows, first, last, size.heavy_events, size.heavy_runs)
        await connection.execute(statement, first, last)


async def _in_steps(
    connection: asyncpg.Connection, statement: str, number: int, *more: int
) -> None:
    for first in range(1, number + 1, STEP):
        await connection.execute(statement, first, min(first + STEP - 1, number), *more)
