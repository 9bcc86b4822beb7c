"""The page of `sojourn report` over many messages, on PostgreSQL.

Rows of messages, control groups, experiments and orders are made by the database, and so are the
counts that a worker would have kept of them: a test has a worker count the same rows. The benchmark
measures the reading of a report and the writing of its page.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter, process_time

import asyncpg

from benchmarks.row import Row
from sojourn.cli.output import stderr
from sojourn.domain.calendar import zone
from sojourn.insight.reporting.figures import Asked
from sojourn.insight.reporting.page import page
from sojourn.insight.reporting.reading import read
from sojourn.store import Store
from sojourn.testkit.selling.journeys import shop
from tests.support.postgres import Postgres, find

MESSAGES, FULL_MESSAGES = 100_000, 5_000_000
EACH = 5
"""The messages of a customer, a month from one to the next."""
STEP = 500_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)
BEGIN = NOW - timedelta(days=400)
HELD_OUT = 0.05
"""The part that the installation holds out."""
SECONDS = 5.0

LEDGER = """
INSERT INTO ledger (id, ledger_key, reference, message_id, workflow_id, enrolment, journey,
                    customer_id, n, step, template, channel, message_class, topic, state, reason,
                    attempt, due_at, decided_at, held_until, held_for, claimed_at,
                    possible_duplicate, version)
SELECT id, 'k' || id, 'r' || id, 'm' || id, journey || ':c' || c || ':k' || k, 'e' || id, journey,
       'c' || c, 1, (array['reminder', 'nudge'])[1 + k % 2], 't',
       (array['email', 'sms'])[1 + k % 2], 'promotional', 'offers',
       CASE WHEN c % 20 = 0 OR id % 8 = 0 THEN 'skipped' ELSE 'sent' END,
       CASE WHEN c % 20 = 0 THEN 'held_out'
            WHEN id % 8 = 0
                THEN (array['no_consent', 'goal_reached', 'cap', 'no_address'])[1 + id % 32 / 8]
       END,
       1, at, at, CASE WHEN id % 5 = 0 THEN at END,
       CASE WHEN id % 5 = 0 THEN 'quiet_hours' END, at, false, (array['v1', 'v2'])[1 + k / 3]
FROM (
    SELECT i AS id, (i - 1) / 5 AS c, (i - 1) % 5 AS k,
           (array['left-cart', 'looked', 'welcome', 'offer'])[1 + (i - 1) / 5 % 4] AS journey,
           $3::timestamptz + ((i - 1) / 5 * 7919 % 240) * interval '1 day'
               + ((i - 1) / 5 % 1440) * interval '1 minute'
               + ((i - 1) % 5) * interval '30 days' AS at
    FROM generate_series($1::bigint, $2::bigint) i
) made
"""
ATTEMPTS = """
INSERT INTO attempts (ledger_id, attempt, provider, state, submitted_at, journey_at, settled_at,
                      keyed, language, mailbox)
SELECT id, 1, 'postmark', 'accepted', at, at, at, true, (array['en', 'it', 'pl'])[1 + id % 3],
       CASE WHEN channel = 'email' THEN (array['gmail', 'microsoft', 'other'])[1 + id / 3 % 3] END
FROM (SELECT id, channel, decided_at AS at FROM ledger
      WHERE state = 'sent' AND id BETWEEN $1::bigint AND $2::bigint) sent
"""
REPORTS = """
INSERT INTO reports (provider, event_id, ledger_id, kind, at, received_at, detail)
SELECT 'postmark', 'x' || id, id, 'clicked', decided_at, decided_at, ''
FROM ledger WHERE state = 'sent' AND id % 9 = 0 AND id BETWEEN $1::bigint AND $2::bigint
"""
ORDERS = """
INSERT INTO events (message_id, customer_id, name, occurred_at, received_at, routed_at, properties)
SELECT 'o' || id, customer_id, 'Order Completed', at, at, at,
       json_build_object('order_id', 'o' || id, 'total', 10 + id % 97 + (id % 1009 = 0)::int * 900,
                         'currency', (array['EUR', 'PLN'])[1 + c % 3 / 2])
FROM (SELECT id, customer_id, (id - 1) / 5 AS c, (id - 1) % 5 AS k,
             decided_at + interval '1 day' AS at
      FROM ledger WHERE id BETWEEN $1::bigint AND $2::bigint) made
WHERE c * 31 % 10 = 1 AND (k = c % 3 OR k = 4 AND c % 2 = 0)
"""
"""A tenth of the customers buy, once or twice, a day after a message."""
EXPOSURES = """
INSERT INTO exposures (experiment, customer_id, variant, at, workflow_id)
SELECT experiment, customer_id, variant, decided_at, workflow_id
FROM (SELECT customer_id, decided_at, workflow_id, (id - 1) / 5 AS c FROM ledger
      WHERE id % 5 = 1 AND id BETWEEN $1::bigint AND $2::bigint) firsts,
LATERAL (VALUES
    ('holdout', CASE WHEN c % 20 = 0 THEN 'held-out' ELSE 'treated' END),
    ((array['holdout-left-cart', 'holdout-looked', 'tone', 'price'])[1 + c % 4],
     CASE WHEN c % 4 < 2 THEN (array['held-out', 'treated'])[1 + c / 4 % 2]
          WHEN c % 4 = 2 THEN (array['calm', 'shouting'])[1 + c / 4 % 2]
          ELSE (array['full', 'sale'])[1 + c / 4 % 2] END)
) each (experiment, variant)
"""
PAGED = (LEDGER, ATTEMPTS, REPORTS, ORDERS, EXPOSURES)

COUNTED = """
CREATE TEMP TABLE facts AS
SELECT l.id, to_char(l.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, l.journey AS source,
       l.version, l.step, l.channel, coalesce(a.language, '') AS language,
       coalesce(a.mailbox, '') AS mailbox, l.state, l.reason,
       l.held_for, r.ledger_id IS NOT NULL AS clicked, e.seq,
       e.occurred_at AS at, (e.properties ->> 'total')::bigint * 1000000 AS value,
       e.properties ->> 'currency' AS currency, e.properties ->> 'order_id' AS order_id
FROM ledger l LEFT JOIN attempts a ON a.ledger_id = l.id LEFT JOIN reports r ON r.ledger_id = l.id
LEFT JOIN events e ON e.message_id = 'o' || l.id AND l.state = 'sent';

INSERT INTO rollups (day, source, occasion, version, step, variant, channel, language, mailbox, due,
                     held, sent, skipped, held_out, clicked, converted)
SELECT day, source, '', version, step, '', channel, language, mailbox, count(*),
       count(held_for), count(*) FILTER (WHERE state = 'sent'),
       count(*) FILTER (WHERE state = 'skipped'), count(*) FILTER (WHERE reason = 'held_out'),
       count(*) FILTER (WHERE clicked), count(seq)
FROM facts GROUP BY day, source, version, step, channel, language, mailbox;

CREATE TEMP TABLE numbered AS
SELECT f.*, r.id AS rollup_id FROM facts f
JOIN rollups r USING (day, source, version, step, channel, language, mailbox);

INSERT INTO rollup_reasons (rollup_id, reason, n)
SELECT rollup_id, reason, count(*) FROM numbered WHERE reason IS NOT NULL GROUP BY 1, 2;

INSERT INTO rollup_holds (rollup_id, reason, n)
SELECT rollup_id, held_for, count(*) FROM numbered WHERE held_for IS NOT NULL GROUP BY 1, 2;

INSERT INTO rollup_money (rollup_id, model, currency, orders, value)
SELECT rollup_id, model, currency, 1000000 * count(*), sum(value)
FROM numbered, unnest(array['first', 'last', 'linear']) model WHERE seq IS NOT NULL
GROUP BY 1, 2, 3;

INSERT INTO conversions (ledger_id, seq, occasion, name, at, currency, value, place, touches)
SELECT id, seq, 'order:' || order_id, 'Order Completed', at, currency, value, 1, 1
FROM numbered WHERE seq IS NOT NULL;

CREATE TEMP TABLE came AS
SELECT id, experiment, variant, split_part(workflow_id, ':', 1) AS source,
       to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD') AS day, customer_id, at
FROM exposures;

INSERT INTO cohorts (experiment, variant, source, day, customers)
SELECT experiment, variant, source, day, count(*) FROM came GROUP BY 1, 2, 3, 4;

INSERT INTO cohort_members (exposure_id, cohort_id)
SELECT c.id, g.id FROM came c JOIN cohorts g USING (experiment, variant, source, day);

INSERT INTO cohort_orders (exposure_id, seq, at, currency, value, age, months)
SELECT c.id, e.seq, e.occurred_at, e.properties ->> 'currency',
       (e.properties ->> 'total')::bigint * 1000000,
       extract(epoch FROM e.occurred_at - c.at)::bigint * 1000000,
       (SELECT count(*) FROM generate_series(1, 13) n
        WHERE (c.at AT TIME ZONE 'UTC') + n * interval '1 month'
              <= e.occurred_at AT TIME ZONE 'UTC')
FROM came c JOIN events e USING (customer_id);
"""


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Fill PostgreSQL, and read a report."""
    commands = find()
    if commands is None:
        stderr.print("report: PostgreSQL is not installed, so it is left out")
        return []
    messages = FULL_MESSAGES if full else MESSAGES
    server = Postgres(commands)
    server.start()
    try:
        url = await server.create()
        async with await Store.open(url, migrate=True) as store:
            await fill(url, messages)
            return await _rows(store, messages)
    finally:
        server.stop()


async def fill(url: str, messages: int) -> None:
    """Make the rows, and the counts of them.

    Args:
        url: of an empty database.
        messages: their number, of `EACH` times as few customers.
    """
    connection = await asyncpg.connect(url)
    try:
        # no triggers: they would mark each row for a worker to count
        await connection.execute("SET session_replication_role = replica")
        for first in range(1, messages + 1, STEP):
            end = min(first + STEP - 1, messages)
            for statement in PAGED:
                more = (BEGIN,) if statement is LEDGER else ()
                await connection.execute(statement, first, end, *more)
        await connection.execute("ANALYZE")
        await connection.execute(COUNTED)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


async def _rows(store: Store, messages: int) -> list[Row]:
    asked = Asked(zone("UTC"), since=(NOW - timedelta(days=399)).date().isoformat())
    at, spent = perf_counter(), process_time()
    async with store.reading() as session:
        found = await read(session, shop(), asked, everywhere=HELD_OUT, now=NOW)
    written = page(found, "the shop")
    taken, cpu = perf_counter() - at, process_time() - spent
    every = [*found.brought, *(one for part in found.parts for one in part.brought)]
    sides = [side for one in every for side in one.sides]
    what = f"a page of {messages:,} messages"
    return [
        Row("report", what, taken, "s", at_most=SECONDS),
        Row("report", f"{what}: CPU of its process", cpu, "s"),
        Row("report", f"{what}: size", len(written) / 1000, "kB"),
        Row("report", "control groups and experiments on it", len(every)),
        Row("report", "their customers", sum(one.customers for one in sides)),
        Row("report", "those of them who bought in time", sum(one.converted for one in sides)),
    ]
