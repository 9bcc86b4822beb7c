"""Audiences over many customers: the time of a count, of an answer for one, and of a look."""

from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter

import asyncpg
from temporalio.client import Client

from benchmarks.row import Row
from sojourn.campaigns.watching import watch
from sojourn.cli.output import stderr
from sojourn.dispatch import Sojourn
from sojourn.domain.audience import Audience, Audiences
from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.facts import consents, did, field, last, total, trait
from sojourn.domain.messages import Channel
from sojourn.domain.span import days
from sojourn.insight import audiences
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store
from tests.support.postgres import Postgres, find

SMALL, FULL = 20_000, 1_000_000
EACH = 10
"""The average number of events of a customer."""
ASKED = 200
"""The number of customers to ask for one by one."""
STEP = 500_000

COME = 100
"""The number of customers who enter the audience between two looks."""

AUDIENCES = {
    "a trait": Audience("plan", trait("plan") == "pro"),
    "two orders in 90 days": Audience("regulars", did(OrderCompleted, at_least=2, within=days(90))),
    "no order for 90 days": Audience("asleep", last(OrderCompleted) > days(90)),
    "300 EUR in 90 days": Audience(
        "spenders",
        total(OrderCompleted, "total", within=days(90), where=field("currency") == "EUR") >= 300,
    ),
    "orders of 200 or more": Audience(
        "big", did(OrderCompleted, within=days(90), where=field("total") >= 200)
    ),
    "consent to a channel": Audience("email", consents(Channel.EMAIL)),
    "consent to a topic": Audience("agree", consents(Channel.EMAIL, "offers")),
    "all of these": Audience(
        "mixed",
        (trait("plan") == "pro")
        & did(OrderCompleted, at_least=2, within=days(90))
        & ~did(ProductAdded, within=days(7))
        & consents(Channel.EMAIL, "offers"),
    ),
}

CUSTOMERS = """
INSERT INTO customers (customer_id, merged, identified_at, first_name, email, phone, push_token,
                       locale, timezone, attributes)
SELECT 'c' || i, false, now() - interval '1 year', 'Ada', 'c' || i || '@shop.example', '', '',
       (array['en', 'it', 'pl'])[1 + i % 3],
       (array['Europe/Rome', 'Europe/Warsaw', 'America/New_York', 'Asia/Tokyo'])[1 + i % 4],
       json_build_object('plan', (array['pro', 'free', 'team'])[1 + i % 3])
FROM generate_series(1, $1::int) i
"""
CONSENTS = """
INSERT INTO consents (customer_id, channel, topic, granted, at, received_at, source)
SELECT 'c' || i, 'email', '', i % 10 <> 0, now() - interval '200 days', now(), 'a form'
FROM generate_series(1, $1::int) i
"""
EVENTS = """
INSERT INTO events (message_id, customer_id, name, occurred_at, received_at, routed_at, properties)
SELECT 'm' || i, 'c' || (1 + (hashint4(i)::bigint + 2147483648) % $3::bigint),
       (array['Order Completed', 'Product Added', 'Product Viewed', 'Email Link Clicked',
              'Page'])[1 + i % 5],
       now() - ((hashint4(i + 7)::bigint + 2147483648) % (400 * 86400)) * interval '1 second',
       now(), now(), json_build_object('total', i % 300, 'currency', 'EUR')
FROM generate_series($1::int, $2::int) i
"""


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Fill PostgreSQL, and ask."""
    commands = find()
    if commands is None:
        stderr.print("audiences: PostgreSQL is not installed, so it is left out")
        return []
    number = FULL if full else SMALL
    server = Postgres(commands)
    server.start()
    try:
        url = await server.create()
        async with await Store.open(url, migrate=True) as store:
            await _fill(url, number)
            return [*await _ask(store, number, full=full), *await _watch(store, url, number)]
    finally:
        server.stop()


ORDERS = """
INSERT INTO events (message_id, customer_id, name, occurred_at, received_at, routed_at, properties)
SELECT 'n' || i || '-' || n, 'c' || i, 'Order Completed', now(), now(), now(), '{}'
FROM generate_series(1, $1::int) i, generate_series(1, 2) n
"""


async def _fill(url: str, customers: int) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(CUSTOMERS, customers)
        await connection.execute(CONSENTS, customers)
        for first in range(1, customers * EACH, STEP):
            end = min(first + STEP, customers * EACH + 1) - 1
            await connection.execute(EVENTS, first, end, customers)
        for table in ("customers", "consents", "events"):
            await connection.execute(f"VACUUM ANALYZE {table}")
    finally:
        await connection.close()


async def _ask(store: Store, number: int, *, full: bool) -> list[Row]:
    project, now = Project(), datetime.now(UTC)
    rows = []
    for what, audience in AUDIENCES.items():
        async with store.reading() as session:
            counting = await _seconds(audiences.count(session, project, audience, now))
        rows.append(
            Row(
                "audiences",
                f"count by {what}, {number:,} customers, {number * EACH:,} events",
                round(counting, 2),
                "s",
                at_most=10 if full else None,
            )
        )
    mixed = AUDIENCES["all of these"]
    waits = []
    for customer in range(1, ASKED + 1):
        async with store.reading() as session:
            asked = audiences.explain(session, project, mixed, f"c{customer}", now)
            waits.append(await _seconds(asked))
    one = Row(
        "audiences",
        "one customer, all of these",
        median(waits) * 1000,
        "ms",
        at_most=5 if full else None,
    )
    return [*rows, one]


async def _watch(store: Store, url: str, number: int) -> list[Row]:
    """Look at an audience, let customers enter it, and look again."""
    watched = replace(AUDIENCES["two orders in 90 days"], watched=True)
    nowhere = await Client.connect("127.0.0.1:9", lazy=True)  # no journey is to be told
    project = Project(audiences=Audiences([watched]))
    sojourn = Sojourn(nowhere, store, Settings(), project)
    often = timedelta(microseconds=1)
    first = await _seconds(watch(sojourn, every=often))
    connection = await asyncpg.connect(url)
    await connection.execute(ORDERS, COME)
    await connection.close()
    next_ = await _seconds(watch(sojourn, every=often))
    of = f"of {number:,} customers, {number * EACH:,} events"
    return [
        Row("audiences", f"first look at two orders in 90 days, {of}", round(first, 2), "s"),
        Row("audiences", f"next look, {COME} have come and are told", round(next_, 2), "s"),
    ]


async def _seconds(asked: Awaitable[object]) -> float:
    began = perf_counter()
    await asked
    return perf_counter() - began
