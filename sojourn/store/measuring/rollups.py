"""Rollups: counts of messages by day and kind, kept up to date as messages change."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, func, tuple_
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.measuring.attribution import Credit, Model
from sojourn.domain.measuring.measures import Measure
from sojourn.domain.measuring.tally import Cell, Change, Tally
from sojourn.domain.states import MessageState
from sojourn.store.dialects import insert

TABLES = SQLModel.metadata.tables
LEDGER, ATTEMPTS, REPORTS, RUNS = (
    TABLES[name] for name in ("ledger", "attempts", "reports", "runs")
)
ROLLUPS, REASONS, HOLDS, MONEY, MEASURED = (
    TABLES[name]
    for name in ("rollups", "rollup_reasons", "rollup_holds", "rollup_money", "measured")
)
CELL = tuple(one.name for one in fields(Cell))
COUNTS = tuple(c.name for c in ROLLUPS.columns if c.name not in (*CELL, "id"))
PARTS = 200
"""Cells of one statement: a database limits the values of a statement."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message with the fields that are measured.

    Args:
        id: the number of its row.
        source: its journey or campaign.
        workflow_id: the workflow id of its run.
        version: the version of the code that decided on it.
        step: its step.
        variant: the variant whose words it has.
        channel: its channel.
        state: its state.
        reason: why it has that state.
        held_until: the end of its last hold.
        held_for: the reasons of its holds.
        due_at: when it was due.
        progress: how far it got.
        language: the language of its words.
        mailbox: the operator of the mailbox that it went to.
    """

    id: int
    source: str
    workflow_id: str
    version: str | None
    step: str
    variant: str | None
    channel: str
    state: MessageState
    reason: str | None
    held_until: datetime | None
    held_for: str | None
    due_at: datetime
    progress: str | None
    language: str | None
    mailbox: str | None


async def messages(session: AsyncSession, numbers: Collection[int]) -> list[Message]:
    """Return the messages with these row numbers, with the fields that are measured.

    What is in shadow is not measured: `store.shadow` compares it.
    """
    if not numbers:
        return []
    last = and_(ATTEMPTS.c.ledger_id == LEDGER.c.id, ATTEMPTS.c.attempt == LEDGER.c.attempt)
    query = (
        select(  # type: ignore[call-overload]
            LEDGER.c.id, LEDGER.c.journey, LEDGER.c.workflow_id, LEDGER.c.version, LEDGER.c.step,
            LEDGER.c.variant,
            LEDGER.c.channel, LEDGER.c.state, LEDGER.c.reason, LEDGER.c.held_until,
            LEDGER.c.held_for, LEDGER.c.due_at, LEDGER.c.progress, ATTEMPTS.c.language,
            ATTEMPTS.c.mailbox,
        )
        .select_from(LEDGER.outerjoin(ATTEMPTS, last))
        .where(LEDGER.c.id.in_(numbers), LEDGER.c.state != MessageState.SHADOW)
        .order_by(ATTEMPTS.c.id)
    )  # fmt: skip
    found = {row[0]: Message(*row) for row in await (await session.connection()).execute(query)}
    return list(found.values())


async def reports(
    session: AsyncSession, numbers: Collection[int]
) -> dict[int, set[tuple[str, bool]]]:
    """Return the kinds of reports on messages, and whether a machine was behind each."""
    if not numbers:
        return {}
    by_machine = REPORTS.c.machine.is_not(None)
    query = (
        select(REPORTS.c.ledger_id, REPORTS.c.kind, by_machine)
        .where(REPORTS.c.ledger_id.in_(numbers))
        .distinct()
    )
    found: dict[int, set[tuple[str, bool]]] = {}
    for number, kind, machine in await (await session.connection()).execute(query):
        found.setdefault(number, set()).add((kind, bool(machine)))
    return found


async def entries(session: AsyncSession, numbers: Collection[int]) -> list[tuple[str, datetime]]:
    """Return the journeys of runs, and when they were started; those in shadow are left out."""
    if not numbers:
        return []
    query = select(RUNS.c.journey, RUNS.c.started_at).where(RUNS.c.id.in_(numbers), ~RUNS.c.shadow)
    found = await (await session.connection()).execute(query)
    return [(journey, at) for journey, at in found]


async def measured(session: AsyncSession, numbers: Collection[int]) -> dict[int, Tally]:
    """Return what each message counted when it was last measured."""
    if not numbers:
        return {}
    query = (
        select(  # type: ignore[call-overload]
            MEASURED.c.ledger_id, MEASURED.c.measures, MEASURED.c.reason, MEASURED.c.holds,
            MEASURED.c.money,
            *(ROLLUPS.c[name] for name in CELL),
        )
        .join(ROLLUPS, ROLLUPS.c.id == MEASURED.c.rollup_id)
        .where(MEASURED.c.ledger_id.in_(numbers))
    )  # fmt: skip
    return {
        number: Tally(Cell(*cell), Measure(measures), reason, _read(money), tuple(holds.split()))
        for number, measures, reason, holds, money, *cell in await (
            await session.connection()
        ).execute(query)
    }


async def change(
    session: AsyncSession, changes: Mapping[Cell, Change], tallies: Mapping[int, Tally]
) -> None:
    """Add changes to the rollups, and keep what each message counts now.

    Args:
        session: the writing transaction that has read what they counted before.
        changes: the changes by cell.
        tallies: what messages count now, by the number of the message.
    """
    wanted = sorted({*(one.cell for one in tallies.values()),
                     *(cell for cell, one in changes.items() if not one.is_nothing)})  # fmt: skip
    numbers = await _cells(session, wanted)
    connection = await session.connection()
    of = {cell: change for cell, change in changes.items() if not change.is_nothing}
    counts = [
        {"number": numbers[cell], **{f"n_{name}": one.counts.get(name, 0) for name in COUNTS}}
        for cell, one in of.items()
    ]
    if counts:
        await connection.execute(
            ROLLUPS.update()
            .where(ROLLUPS.c.id == bindparam("number"))
            .values({name: ROLLUPS.c[name] + bindparam(f"n_{name}") for name in COUNTS}),
            counts,
        )
    for table, name in ((REASONS, "reasons"), (HOLDS, "holds")):
        numbered = [
            {"rollup_id": numbers[cell], "reason": reason, "n": n}
            for cell, one in of.items()
            for reason, n in getattr(one, name).items()
            if n
        ]
        await _add(session, table, ("rollup_id", "reason"), ("n",), numbered)
    money = [
        {"rollup_id": numbers[cell], "model": model, "currency": currency,
         "orders": orders, "value": value}
        for cell, one in of.items()
        for (model, currency), (orders, value) in one.money.items()
        if orders or value
    ]  # fmt: skip
    await _add(session, MONEY, ("rollup_id", "model", "currency"), ("orders", "value"), money)
    kept = [
        {
            "ledger_id": number,
            "rollup_id": numbers[one.cell],
            "measures": int(one.measures),
            "reason": one.reason,
            "holds": " ".join(one.holds),
            "money": _written(one),
        }
        for number, one in sorted(tallies.items())
    ]
    if kept:
        writing = insert(session, MEASURED)
        columns = ("rollup_id", "measures", "reason", "holds", "money")
        await connection.execute(
            writing.on_conflict_do_update(
                index_elements=["ledger_id"],
                set_={name: writing.excluded[name] for name in columns},
            ),
            kept,
        )


async def days(session: AsyncSession) -> tuple[str | None, str | None]:
    """Return the first and the last day that has counts; None if there are none."""
    query = select(func.min(ROLLUPS.c.day), func.max(ROLLUPS.c.day))
    first, last = (await (await session.connection()).execute(query)).one()
    return first, last


async def clear(session: AsyncSession) -> None:
    """Delete all rollups and marks, so that the rows can be counted again."""
    connection = await session.connection()
    for table in (MEASURED, REASONS, HOLDS, MONEY, ROLLUPS, TABLES["marks"]):
        await connection.execute(table.delete())


async def _cells(session: AsyncSession, cells: Iterable[Cell]) -> dict[Cell, int]:
    """Return the numbers of cells; create new ones."""
    every = list(cells)
    found: dict[Cell, int] = {}
    connection = await session.connection()
    for start in range(0, len(every), PARTS):
        part = every[start : start + PARTS]
        await connection.execute(
            insert(session, ROLLUPS).on_conflict_do_nothing(), [vars(cell) for cell in part]
        )
        columns = [ROLLUPS.c[name] for name in CELL]
        rows = await connection.execute(
            select(ROLLUPS.c.id, *columns).where(
                tuple_(*columns).in_([astuple(cell) for cell in part])
            )
        )
        found.update({Cell(*cell): number for number, *cell in rows})
    return found


async def _add(
    session: AsyncSession,
    table: Any,
    key: tuple[str, ...],
    columns: tuple[str, ...],
    rows: list[dict[str, Any]],
) -> None:
    if not rows:
        return
    adding = insert(session, table)
    await (await session.connection()).execute(
        adding.on_conflict_do_update(
            index_elements=list(key),
            set_={name: table.c[name] + adding.excluded[name] for name in columns},
        ),
        rows,
    )


def _written(tally: Tally) -> dict[str, list[int]] | None:
    return {
        f"{model} {currency}": [credit.order, credit.value]
        for (model, currency), credit in tally.money.items()
    } or None


def _read(money: Mapping[str, list[int]] | None) -> dict[tuple[Model, str], Credit]:
    found = {}
    for name, (order, value) in (money or {}).items():
        model, _, currency = name.partition(" ")
        found[Model(model), currency] = Credit(order, value)
    return found
