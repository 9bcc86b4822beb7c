"""Tables that have grown: what the engine does most, on an empty and on a filled PostgreSQL.

Both databases are in one server, and rounds alternate. A figure is the median of its rounds on the
filled database over that on the empty one. No run is told: the client of Temporal is one that
nobody listens to, and what tells runs only answers.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

import asyncpg
from sqlmodel import col, select
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from benchmarks.bare import delivery
from benchmarks.filling import FULL, SMALL, Size, fill
from benchmarks.messages import REMINDER
from benchmarks.row import Row
from benchmarks.shoppers import enrolments, in_cart
from sojourn.cli.output import stderr
from sojourn.composing import load_project
from sojourn.dispatch import Sojourn, aliasing
from sojourn.dispatch.aging import Aging
from sojourn.dispatch.planning import Plan
from sojourn.dispatch.routing import Start, Target, Tell
from sojourn.dispatch.telling import Reached
from sojourn.domain.errors import SojournError, TemporalUnavailable
from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.messages import EDITION, Channel, Delivery, Enrolment, Heard, Status
from sojourn.domain.reports import Kind, Report
from sojourn.domain.retention import AGING
from sojourn.domain.rules import Rules
from sojourn.domain.states import MessageState
from sojourn.insight import story
from sojourn.rendering.render import Renderer
from sojourn.sending.drafting import Claim
from sojourn.sending.gate import Gate
from sojourn.sending.recording import Recorder
from sojourn.sending.send import Messages
from sojourn.settings import Settings, signing_key
from sojourn.store import Store, events, ledger, quarantine, reports, runs, suppressions, tasks
from sojourn.store.suppressions import Asked
from sojourn.store.tables import EventRow, LedgerRow
from tests.support.postgres import Postgres, find

ROUNDS = 15
SHOPPERS = 400
SWEPT = 5
NOON = time(12)
YEARS = 4000
"""Days: no row is as old."""
"""The customers of the benchmark, in either database."""
ORDINARY, HEAVY = 2.0, 5.0
"""The bars: filled over empty, for an ordinary customer and for a heavy one."""
NOT_ASKED = TemporalUnavailable("not asked")


class Answers:
    """Answers for runs that are not there: each is told."""

    missing: str | None = None

    async def reach(self, target: Target, plan: Plan) -> Reached | None:
        """Answer that the run was told, or started."""
        return Reached(execution=uuid4().hex if isinstance(target, Start) else "")

    async def is_open(self, workflow_id: str, plan: Plan) -> bool:
        """Answer that the run is open."""
        return True

    async def enter(self, target: Start, enrolment: Enrolment) -> str:
        """Answer with the id of an execution."""
        return uuid4().hex

    async def retell(self, target: Tell, event: Heard) -> bool:
        """Answer that the run is open."""
        return True


@dataclass
class Place:
    """A database, and the parts of an installation on it.

    Args:
        store: the database, open.
        sojourn: the client of services.
        gate: of the installation.
        messages: the send activity.
        shoppers: customers with a run that has sent nothing.
        aging: what makes tables give up old rows.
        heavy: the numbers of heavy customers, in the filled one.
        numbers: tell what is made apart.
        usual: the seconds that a deed took.
    """

    store: Store
    sojourn: Sojourn
    gate: Gate
    messages: Messages
    shoppers: Iterator[Enrolment]
    aging: Aging
    heavy: Iterator[int] = field(default_factory=lambda: count(1))
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    usual: dict[str, float] = field(default_factory=dict)


Deed = Callable[[Place], Awaitable[float]]
"""Does something, and returns the seconds that it took."""


async def measure(home: Path, *, full: bool) -> list[Row]:
    """Fill one of two databases, and compare."""
    commands = find()
    if commands is None:
        stderr.print("tables: PostgreSQL is not installed, so it is left out")
        return []
    size = FULL if full else SMALL
    server = Postgres(commands)
    server.start()
    try:
        async with (
            place(home, await server.create()) as empty,
            place(home, url := await server.create()) as filled,
        ):
            await fill(url, size)
            disk = await _disk(url)
            return [
                *await _ordinary(empty, filled, TOLD),
                *await _updates(url),
                *await _ordinary(empty, filled, ASKED),
                *await _heavy(empty, filled, size),
                *disk,
            ]
    finally:
        server.stop()


@asynccontextmanager
async def place(home: Path, url: str, *, shoppers: int = SHOPPERS) -> AsyncIterator[Place]:
    """Make an installation in an empty database, with its shoppers.

    Args:
        home: its folder.
        url: of the database.
        shoppers: their number.

    Yields:
        The parts.
    """
    settings = Settings(home=home, database_url=url)
    project = load_project()
    nowhere = await Client.connect("127.0.0.1:9", lazy=True)
    async with await Store.open(url, migrate=True) as store:
        sojourn = Sojourn(nowhere, store, settings, project, teller=Answers())
        rules = Rules()
        renderer = Renderer.of(settings, signing_key(settings), project)
        gate = Gate.of(store, settings, project, lambda: rules, renderer.channels_of)
        messages = Messages(gate, project.carriers.chosen(settings), renderer, Recorder(store))
        made = iter(await enrolments(store, shoppers))
        aging = Aging(store, dict.fromkeys(AGING, YEARS), _is_closed)
        yield Place(store, sojourn, gate, messages, made, aging)
        await sojourn.drain()


async def _is_closed(workflow_id: str) -> bool:
    return False


# ---- what is measured --------------------------------------------------------------------------


async def _began(place: Place, customer_id: str) -> Enrolment:
    """Store the event that starts a run of this customer, as the dispatcher does."""
    number, now = next(place.numbers), datetime.now(UTC)
    before = now - timedelta(minutes=1)
    event = ProductAdded(
        customer_id=customer_id, occurred_at=before, cart_id=f"new{number}", product_id="mug"
    )
    async with place.store.transaction() as session:
        row, _ = await events.add(
            session,
            EventRow(
                message_id=event.message_id,
                customer_id=customer_id,
                name=event.event_name,
                occurred_at=before,
                received_at=now,
                routed_at=now,
                properties=event.properties(),
            ),
        )
    start = events.heard(row, event)
    return Enrolment(customer_id=customer_id, key=f"new{number}", start=start, edition=EDITION)


def _message(enrolment: Enrolment) -> Delivery:
    run = f"abandoned-cart:{enrolment.customer_id}:{enrolment.key}"
    now = datetime.combine(datetime.now(UTC).date() + timedelta(days=1), NOON, UTC)
    return delivery(run, enrolment, 1, REMINDER, now)


async def _gate(place: Place, customer_id: str) -> float:
    message = _message(await _began(place, customer_id))
    began = perf_counter()
    answer = await place.gate.pass_or_refuse(message, message.now)
    took = perf_counter() - began
    if not isinstance(answer, Claim):
        raise SojournError(f"the gate should have let it pass, not answered {answer}")
    return took


async def gate(place: Place) -> float:
    """Claim a message."""
    return await _gate(place, next(place.shoppers).customer_id)


async def send(place: Place) -> float:
    """Send a message, from the gate to the outcome."""
    message = _message(await _began(place, next(place.shoppers).customer_id))
    began = perf_counter()
    receipt = await ActivityEnvironment().run(place.messages.send, message)
    took = perf_counter() - began
    if receipt.status is not Status.SENT:
        raise SojournError(f"the message should have been sent, not {receipt.status}")
    return took


async def _intake(place: Place, customer_id: str) -> float:
    number = next(place.numbers)
    added = ProductAdded(
        customer_id=customer_id,
        occurred_at=datetime.now(UTC),
        cart_id=f"taken{number}",
        product_id="mug",
    )
    bought = OrderCompleted(
        customer_id=customer_id,
        occurred_at=datetime.now(UTC),
        cart_id=f"taken{number}",
        order_id=f"o{number}",
    )
    began = perf_counter()
    await place.sojourn.publish(added)
    await place.sojourn.publish(bought)
    return (perf_counter() - began) / 2


async def intake(place: Place) -> float:
    """Take in an event that starts a run, and one that ends it."""
    return await _intake(place, next(place.shoppers).customer_id)


async def sweep(place: Place) -> float:
    """Route events that nobody was told of."""
    before = datetime.now(UTC) - timedelta(minutes=1)
    async with place.store.transaction() as session:
        for _ in range(SWEPT):
            shopper = next(place.shoppers)
            event = in_cart(shopper.customer_id, before)
            row = EventRow(
                message_id=event.message_id,
                customer_id=shopper.customer_id,
                name=event.event_name,
                occurred_at=before,
                received_at=before,
                properties=event.properties(),
            )
            await events.add(session, row)
    began = perf_counter()
    routed = await place.sojourn.sweep()
    took = perf_counter() - began
    if routed != SWEPT:
        raise SojournError(f"the sweep should have routed {SWEPT} events, not {routed}")
    return took


async def report(place: Place) -> float:
    """Take a provider's report on a message in, by the provider's own id."""
    async with place.store.reading() as session:
        query = select(LedgerRow).where(
            LedgerRow.state == MessageState.SENT, LedgerRow.journey == "abandoned-cart"
        )
        sent = (await session.exec(query.order_by(col(LedgerRow.id).desc()).limit(1))).one()
    now = datetime.now(UTC)
    assert sent.provider is not None
    told = Report(
        event_id=uuid4().hex,
        kind=Kind.DELIVERED,
        at=now,
        channel=Channel.EMAIL,
        provider_id=sent.provider_id or "",
    )
    began = perf_counter()
    async with place.store.transaction() as session:
        found = await reports.take(session, sent.provider, told, now)
    took = perf_counter() - began
    if found is None:
        raise SojournError("the report should have found its message")
    return took


async def unsubscribe(place: Place) -> float:
    """Take in that somebody unsubscribed by e-mail, from an address that got nothing from us."""
    now = datetime.now(UTC)
    told = Report(
        event_id=uuid4().hex,
        kind=Kind.UNSUBSCRIBED,
        at=now,
        channel=Channel.EMAIL,
        address=f"Nobody.{uuid4().hex}@Elsewhere.example",
    )
    began = perf_counter()
    async with place.store.transaction() as session:
        await reports.take(session, "postmark", told, now)
    return perf_counter() - began


async def _alias(place: Place, previous_id: str, customer_id: str) -> float:
    began = perf_counter()
    await aliasing.join(
        place.store,
        previous_id,
        customer_id,
        place.sojourn.project,
        at=datetime.now(UTC),
        timezone="UTC",
        within=place.sojourn.settings.clock_skew,
    )
    return perf_counter() - began


async def alias(place: Place) -> float:
    """Join two ids."""
    first, second = [next(place.shoppers).customer_id for _ in range(2)]
    return await _alias(place, first, second)


async def _explain(place: Place, customer_id: str) -> float:
    began = perf_counter()
    parts = place.sojourn
    await story.tell(parts.store, parts.settings, parts.project, NOT_ASKED, customer_id)
    return perf_counter() - began


async def explain(place: Place) -> float:
    """Tell a customer's story."""
    return await _explain(place, next(place.shoppers).customer_id)


async def lists(place: Place) -> float:
    """Read what operators look at: the ledger, its counts, the outbox, tasks, suppressions."""
    began = perf_counter()
    async with place.store.reading() as session:
        await ledger.listed(session)
        await ledger.listed(session, state=MessageState.UNKNOWN)
        await ledger.listed(session, state=MessageState.SENT)
        await ledger.outbox(session, limit=50)
        await ledger.counts(session, since=datetime.now(UTC) - timedelta(minutes=5))
        await tasks.listed(session)
        await quarantine.listed(session)
        [row async for row in suppressions.listed(session, Asked(), limit=50)]
    return perf_counter() - began


async def chores(place: Place) -> float:
    """Look for what workers look for again and again: overdue messages, runs, old rows."""
    now = datetime.now(UTC)
    began = perf_counter()
    async with place.store.reading() as session:
        await ledger.overdue(session, before=now - timedelta(days=4000), limit=200)
        await runs.not_closed(session, after=0, limit=200)
    await place.aging.sweep()
    return perf_counter() - began


TOLD: dict[str, Deed] = {
    "gate": gate,
    "gate to outcome": send,
    "intake": intake,
    "sweep": sweep,
    "provider's report": report,
}
"""Work that never ends: each of these changes rows."""
ASKED: dict[str, Deed] = {
    "unsubscribe by an unknown address": unsubscribe,
    "alias": alias,
    "explain": explain,
    "operators' lists": lists,
    "workers' chores": chores,
}
ORDINARY_DEEDS = {**TOLD, **ASKED}


async def heavy_gate(place: Place) -> float:
    """Claim a message to a heavy customer."""
    return await _gate(place, f"h{next(place.heavy)}")


async def heavy_intake(place: Place) -> float:
    """Take in two events of a heavy customer."""
    return await _intake(place, f"h{next(place.heavy)}")


async def heavy_explain(place: Place) -> float:
    """Tell the story of a heavy customer."""
    return await _explain(place, f"h{next(place.heavy)}")


async def heavy_alias(place: Place) -> float:
    """Join two heavy customers."""
    first = next(place.heavy)
    return await _alias(place, f"h{first}", f"h{first + 1}")


HEAVY_DEEDS: dict[str, Deed] = {
    "gate": heavy_gate,
    "intake": heavy_intake,
    "explain": heavy_explain,
    "alias": heavy_alias,
}


async def _ordinary(empty: Place, filled: Place, deeds: Mapping[str, Deed]) -> list[Row]:
    rows = []
    for what, deed in deeds.items():
        before, after = await _alternating(deed, empty, filled)
        empty.usual[what] = before
        rows.append(_row(f"{what}, filled / empty", after / before, ORDINARY))
        rows.append(Row("tables", f"{what}, filled", after * 1000, "ms"))
    return rows


async def _heavy(empty: Place, filled: Place, size: Size) -> list[Row]:
    rows = []
    for what, deed in HEAVY_DEEDS.items():
        filled.heavy = count(1, 2)  # two at a time: an alias call takes two
        took = median([await deed(filled) for _ in range(size.heavy // 2)])
        of = f"{what}, {size.heavy_events:,} events and {size.heavy_runs} runs"
        # a story has a line for each event: it has no bar
        bar = None if deed is heavy_explain else HEAVY
        rows.append(_row(f"{of} / ordinary and empty", took / empty.usual[what], bar))
        rows.append(Row("tables", of, took * 1000, "ms"))
    return rows


def _row(what: str, ratio: float, bar: float | None) -> Row:
    return Row("tables", what, ratio, at_most=bar)


async def _alternating(deed: Deed, empty: Place, filled: Place) -> tuple[float, float]:
    """Return the usual seconds on either; the first round fills caches, and does not count."""
    took = [(await deed(empty), await deed(filled)) for _ in range(ROUNDS + 1)]
    return median(one for one, _ in took[1:]), median(other for _, other in took[1:])


# ---- what the database says -------------------------------------------------------------------


async def _updates(url: str) -> list[Row]:
    """Return which part of the updates changed no index, by the database's own counts.

    An attempt is written once with its end, which an index needs; so is a run.
    """
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SELECT pg_stat_force_next_flush()")
        found = await connection.fetch(
            "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables "
            "WHERE relname IN ('events', 'ledger') ORDER BY relname"
        )
    finally:
        await connection.close()
    return [
        Row(
            "tables",
            f"updates of {row['relname']} that changed no index",
            100 * row["n_tup_hot_upd"] / max(row["n_tup_upd"], 1),
            "%",
        )
        for row in found
    ]


async def _disk(url: str) -> list[Row]:
    """Return what a customer, an event and a message take on the disk, freshly written."""
    connection = await asyncpg.connect(url)
    try:
        found = await connection.fetch(
            "SELECT relname, pg_table_size(relid) AS heap, pg_indexes_size(relid) AS indexes, "
            "n_live_tup AS rows FROM pg_stat_user_tables WHERE n_live_tup > 1000"
        )
    finally:
        await connection.close()
    tables = {row["relname"]: row for row in found}
    rows = []
    for what, name in (
        ("customer's card", "customers"),
        ("event", "events"),
        ("run", "runs"),
        ("row of the ledger", "ledger"),
        ("attempt", "attempts"),
        ("text of a message", "contents"),
        ("report", "reports"),
    ):
        one = tables[name]
        whole = (one["heap"] + one["indexes"]) / one["rows"]
        part = 100 * one["indexes"] / (one["heap"] + one["indexes"])
        rows.append(Row("tables", f"{what}, {part:.0f} % of it indexes", round(whole), "bytes"))
    return rows
