"""Rows of a made-up shop, and their counts by DuckDB, which knows nothing of Sojourn."""

import asyncio
import csv
import random
import tempfile
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
from sqlalchemy import delete, update
from sqlmodel import SQLModel, col

from sojourn.domain.reports import Kind
from sojourn.domain.states import WAITING, AttemptState, MessageState
from sojourn.store import Store
from sojourn.store.tables import AttemptRow, EventRow, ExposureRow, LedgerRow, ReportRow, RunRow

BEGIN = datetime(2024, 1, 1, tzinfo=UTC)
GOALS = {"cart": ("Order Completed",), "winback": ("Order Completed", "Trial Started")}
"""The sources with their goals; ``greeting`` has none."""
WINDOWS = {"cart": timedelta(days=7), "winback": timedelta(days=2)}
REASONS = ("no_consent", "cap", "held_out", "goal_reached")


@dataclass
class Shop:
    """Random events of a few customers, each stored as the engine would.

    Args:
        store: the open store.
        chance: the source of random numbers.
    """

    store: Store
    chance: random.Random
    messages: list[int] = field(default_factory=list)
    number: int = 0

    async def something(self) -> None:
        """Make one more thing happen."""
        happens = self.chance.choice(
            [self._message, self._message, self._settle, self._report, self._order, self._order,
             self._take_back, self._move, self._judge, self._start]
        )  # fmt: skip
        await happens()

    def _at(self) -> datetime:
        return BEGIN + timedelta(minutes=self.chance.randrange(0, 14 * 24 * 60))

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _who(self) -> str:
        return f"u{self.chance.randrange(4)}"

    async def _message(self) -> None:
        number, at = self._next(), self._at()
        source = self.chance.choice(["cart", "winback", "greeting"])
        is_campaign = source == "winback" and self.chance.random() < 0.5
        state = self.chance.choice([one for one in MessageState if one is not MessageState.SHADOW])
        row = LedgerRow(
            ledger_key=f"k{number}",
            reference=f"r{number}",
            message_id=f"m{number}",
            workflow_id="campaign:winback@2024-01-05" if is_campaign else f"{source}:{number}",
            enrolment=f"e{number}",
            journey=source,
            customer_id=self._who(),
            n=1,
            step=self.chance.choice(["first", "second"]),
            template="t",
            channel=self.chance.choice(["email", "sms"]),
            message_class="promotional",
            topic="t",
            state=state,
            due_at=at,
            decided_at=at + timedelta(minutes=self.chance.randrange(3)),
            version=self.chance.choice([None, "abc"]),
            variant=self.chance.choice([None, None, "warm"]),
            held_until=self.chance.choice([None, at]),
            held_for=self.chance.choice([None, "cap", "quiet_hours cap"]),
        )
        if state in (MessageState.SKIPPED, MessageState.REJECTED, MessageState.EXPIRED):
            row.reason = self.chance.choice(REASONS)
        async with self.store.transaction() as session:
            session.add(row)
            await session.flush()
            assert row.id is not None
            if state in (MessageState.SENT, MessageState.UNKNOWN, MessageState.SUBMITTING):
                row.attempt = 1
                session.add(
                    AttemptRow(
                        ledger_id=row.id,
                        attempt=1,
                        provider="outbox",
                        state=AttemptState.SUBMITTING,
                        submitted_at=at,
                        journey_at=at,
                        language=self.chance.choice(["en", "it"]),
                        mailbox=self.chance.choice([None, "gmail", "other"]),
                    )
                )
            self.messages.append(row.id)

    async def _settle(self) -> None:
        if not self.messages:
            return
        if self.chance.random() < 0.3:
            await self._hold()
            return
        state = self.chance.choice([MessageState.SENT, MessageState.SKIPPED, MessageState.CLAIMED])
        reason = self.chance.choice(REASONS) if state is MessageState.SKIPPED else None
        async with self.store.transaction() as session:
            await session.exec(
                update(LedgerRow)
                .where(
                    col(LedgerRow.id) == self.chance.choice(self.messages),
                    col(LedgerRow.state).in_(WAITING),
                )
                .values(state=state, reason=reason)
            )

    async def _hold(self) -> None:
        async with self.store.transaction() as session:
            await session.exec(
                update(LedgerRow)
                .where(
                    col(LedgerRow.id) == self.chance.choice(self.messages),
                    col(LedgerRow.state) == MessageState.DEFERRED,
                )
                .values(held_until=self._at(), held_for="window", reason="window")
            )

    async def _report(self) -> None:
        if not self.messages:
            return
        async with self.store.transaction() as session:
            session.add(
                ReportRow(
                    provider="outbox",
                    event_id=f"x{self._next()}",
                    ledger_id=self.chance.choice([*self.messages, None]),
                    kind=self.chance.choice(list(Kind)),
                    at=BEGIN,
                    received_at=BEGIN,
                    machine=self.chance.choice([None, None, "scanner"]),
                )
            )

    async def _judge(self) -> None:
        """Judge some reports again: whether a machine caused them."""
        async with self.store.transaction() as session:
            await session.exec(
                update(ReportRow)
                .where(col(ReportRow.ledger_id) == self.chance.choice([0, *self.messages]))
                .values(machine=self.chance.choice([None, "burst"]))
            )

    async def _order(self) -> None:
        named = {"order_id": f"o{self.chance.randrange(6)}"} if self.chance.random() < 0.8 else {}
        await self._event(
            self.chance.choice(["Order Completed", "Order Completed", "Trial Started", "Viewed"]),
            {
                **named,
                "total": self.chance.choice(["59.9", 20, None]),
                "currency": self.chance.choice(["EUR", "PLN", None]),
            },
        )

    async def _take_back(self) -> None:
        await self._event(
            self.chance.choice(["Order Refunded", "Order Refunded", "Order Cancelled"]),
            {
                "order_id": f"o{self.chance.randrange(6)}",
                "total": self.chance.choice([10, 15, None]),
            },
        )

    async def _event(self, name: str, properties: dict[str, Any]) -> None:
        said = {key: value for key, value in properties.items() if value is not None}
        async with self.store.transaction() as session:
            session.add(
                EventRow(
                    message_id=f"v{self._next()}",
                    customer_id=self._who(),
                    name=name,
                    occurred_at=self._at(),
                    received_at=BEGIN,
                    properties=said or {"x": 1},
                )
            )

    async def _move(self) -> None:
        """Join a customer to another, as an alias call does."""
        if self.chance.random() < 0.8:
            return
        old, new = self._who(), self._who()
        async with self.store.transaction() as session:
            for table in (EventRow, LedgerRow, ExposureRow):
                await session.exec(
                    update(table).where(col(table.customer_id) == old).values(customer_id=new)
                )

    async def expose(self) -> None:
        """Have a customer come into an experiment, by a journey or a campaign."""
        source = self.chance.choice(["cart", "winback", "greeting"])
        is_campaign = source == "winback" and self.chance.random() < 0.5
        since = timedelta(minutes=self.chance.randrange(100 * 24 * 60))
        async with self.store.transaction() as session:
            session.add(
                ExposureRow(
                    experiment=self.chance.choice(["tone", "price", "holdout"]),
                    customer_id=self._who(),
                    variant=self.chance.choice(["plain", "warm"]),
                    at=BEGIN + timedelta(days=7) - since,
                    workflow_id="campaign:winback@2024-01-05" if is_campaign else f"{source}:u:k",
                )
            )

    async def erase(self) -> None:
        """Delete what an erasure deletes of a customer."""
        who = self._who()
        async with self.store.transaction() as session:
            for table in (EventRow, ExposureRow):
                await session.exec(delete(table).where(col(table.customer_id) == who))

    async def _start(self) -> None:
        number = self._next()
        async with self.store.transaction() as session:
            session.add(
                RunRow(
                    workflow_id=f"cart:{number}",
                    run_id=f"{number}",
                    journey=self.chance.choice(["cart", "greeting"]),
                    customer_id=self._who(),
                    enrolment=f"e{number}",
                    started_at=self._at(),
                )
            )


Counts = dict[tuple[str, ...], int]
"""A number by day, source, occasion, version, step, channel, language, mailbox and kind of count;
numbers of 0 are left out."""


async def counted(
    store: Store,
    goals: Mapping[str, Collection[str]] = GOALS,
    windows: Mapping[str, timedelta] = WINDOWS,
) -> Counts:
    """Count the rows of a store by DuckDB; days are those of UTC.

    Args:
        store: open.
        goals: the wire names of each source's goals.
        windows: how long after a message each source's goals count.
    """
    base = await loaded(store, goals, windows)
    found: Counter[tuple[str, ...]] = Counter()
    for *cell, what, number in base.execute(_COUNTS).fetchall():
        found[*cell, what] += int(number)
    return {key: number for key, number in found.items() if number}


async def loaded(
    store: Store, goals: Mapping[str, Collection[str]], windows: Mapping[str, timedelta]
) -> duckdb.DuckDBPyConnection:
    """Return a base of DuckDB with the rows of a store, and what they come to as views."""
    base = duckdb.connect()
    async with store.reading() as session:
        connection = await session.connection()
        for table in (LedgerRow, AttemptRow, ReportRow, EventRow, RunRow, ExposureRow):
            name = table.__tablename__
            rows = await connection.execute(SQLModel.metadata.tables[name].select())
            await asyncio.to_thread(_load, base, name, rows.mappings().all())
    base.execute("CREATE TABLE goals (source VARCHAR, name VARCHAR, days INTEGER)")
    for source, names in goals.items():
        for one in names:
            base.execute("INSERT INTO goals VALUES (?, ?, ?)", [source, one, windows[source].days])
    base.execute(_VIEWS)
    return base


def _load(base: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Mapping[Any, Any]]) -> None:
    columns = {
        "ledger": "id customer_id journey workflow_id version step variant channel state reason "
        "held_until held_for due_at decided_at progress attempt",
        "attempts": "id ledger_id attempt language mailbox",
        "reports": "ledger_id kind machine",
        "events": "seq customer_id name occurred_at message_id p_total p_order_id p_currency",
        "runs": "journey started_at",
        "exposures": "id experiment customer_id variant at workflow_id",
    }[name].split()
    kinds = {"id": "BIGINT", "seq": "BIGINT", "ledger_id": "BIGINT", "attempt": "INTEGER"}
    made = ", ".join(
        f'"{c}" {kinds.get(c) or ("TIMESTAMP" if c.endswith(("at", "_until")) else "VARCHAR")}'
        for c in columns
    )
    base.execute(f"CREATE TABLE {name} ({made})")
    with tempfile.NamedTemporaryFile("w", suffix=".csv", newline="") as file:
        writer = csv.writer(
            file,
            quoting=csv.QUOTE_ALL,
        )
        writer.writerows([_text(row, c) for c in columns] for row in rows)
        file.flush()
        if rows:
            base.execute(
                f"COPY {name} FROM '{file.name}' (FORMAT csv, HEADER false, NULLSTR '{_NULL}', "
                "QUOTE '\"', ALLOW_QUOTED_NULLS true)"
            )


_NULL = "<none>"


def _text(row: Mapping[Any, Any], column: str) -> str:
    value = row["properties"].get(column[2:]) if column.startswith("p_") else row[column]
    if value is None:
        return _NULL
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat()
    return str(value)


_VIEWS = """
CREATE VIEW orders AS
SELECT source, days, customer_id, occasion, min_by(seq, (occurred_at, seq)) AS seq
FROM (
    SELECT e.*, g.source, g.days, coalesce('order:' || p_order_id, message_id) AS occasion
    FROM events e JOIN goals g ON g.name = e.name
) GROUP BY ALL;

CREATE VIEW backs AS
SELECT customer_id, p_order_id AS order_id,
    count(*) FILTER (name = 'Order Cancelled' OR p_total IS NULL) AS whole,
    coalesce(sum(p_total::DECIMAL(18, 2)), 0) AS given
FROM events WHERE name IN ('Order Cancelled', 'Order Refunded') AND p_order_id IS NOT NULL
GROUP BY ALL;

CREATE VIEW standing AS
SELECT o.source, o.days, o.customer_id, e.occurred_at AS at, o.seq,
    coalesce(e.p_currency, '') AS currency,
    coalesce(e.p_total::DECIMAL(18, 2), 0) - coalesce(b.given, 0) AS value
FROM orders o JOIN events e ON e.seq = o.seq
LEFT JOIN backs b ON b.customer_id = o.customer_id AND b.order_id = e.p_order_id
WHERE b.order_id IS NULL OR (b.whole = 0 AND b.given < coalesce(e.p_total::DECIMAL(18, 2), 0));

CREATE VIEW touches AS
SELECT l.id, s.seq, s.value, s.currency,
    row_number() OVER (PARTITION BY s.seq ORDER BY l.decided_at, l.id) AS place,
    count(*) OVER (PARTITION BY s.seq) AS touches
FROM standing s
JOIN ledger l ON l.journey = s.source AND l.customer_id = s.customer_id AND l.state = 'sent'
WHERE s.at BETWEEN l.decided_at AND l.decided_at + to_days(s.days);

CREATE VIEW last_attempt AS
SELECT l.id, a.language, a.mailbox FROM ledger l
JOIN attempts a ON a.ledger_id = l.id AND a.attempt = l.attempt;

CREATE VIEW cells AS
SELECT l.*, strftime(l.due_at, '%Y-%m-%d') AS day,
    CASE WHEN starts_with(workflow_id, 'campaign:') THEN split_part(workflow_id, '@', 2) ELSE '' END
        AS occasion,
    coalesce(l.version, '') AS v, coalesce(l.variant, '') AS varied,
    coalesce(a.language, '') AS language,
    coalesce(a.mailbox, '') AS mailbox
FROM ledger l LEFT JOIN last_attempt a ON a.id = l.id;

CREATE VIEW told AS
SELECT DISTINCT ledger_id AS id, CASE
    WHEN kind IN ('opened', 'read') THEN if(machine IS NULL, 'opened', 'opened_by_machine')
    WHEN kind = 'clicked' THEN if(machine IS NULL, 'clicked', 'clicked_by_machine')
    ELSE kind END AS what
FROM reports WHERE ledger_id IS NOT NULL AND kind NOT IN ('accepted', 'deferred');
"""

_COUNTS = """
WITH facts AS (
    SELECT id, 'due' AS what, 1 AS n FROM ledger
    UNION ALL SELECT id, 'held', 1 FROM ledger WHERE held_until IS NOT NULL
    UNION ALL SELECT id, state, 1 FROM ledger
        WHERE state IN ('sent', 'skipped', 'rejected', 'expired', 'unknown')
    UNION ALL SELECT id, 'held_out', 1 FROM ledger WHERE state = 'skipped' AND reason = 'held_out'
    UNION ALL SELECT id, 'because ' || reason, 1 FROM ledger
        WHERE state IN ('skipped', 'rejected', 'expired') AND reason IS NOT NULL
    UNION ALL SELECT id, 'held because ' || unnest(string_split(held_for, ' ')), 1 FROM ledger
        WHERE held_for IS NOT NULL
    UNION ALL SELECT id, what, 1 FROM told
    UNION ALL SELECT DISTINCT id, 'converted', 1 FROM touches WHERE place = touches
    UNION ALL SELECT id, 'last ' || currency, 1000000 FROM touches WHERE place = touches
    UNION ALL SELECT id, 'first ' || currency, 1000000 FROM touches WHERE place = 1
    UNION ALL SELECT id, 'last money ' || currency, (value * 1000000)::BIGINT FROM touches
        WHERE place = touches
    UNION ALL SELECT id, 'first money ' || currency, (value * 1000000)::BIGINT FROM touches
        WHERE place = 1
)
SELECT c.day, c.journey, c.occasion, c.v, c.step, c.varied, c.channel, c.language, c.mailbox,
    f.what, sum(f.n)
FROM facts f JOIN cells c ON c.id = f.id GROUP BY ALL
UNION ALL
SELECT strftime(started_at, '%Y-%m-%d'), journey, '', '', '', '', '', '', '', 'entered', count(*)
FROM runs GROUP BY ALL
"""
