"""Read what has changed, as the rows of an export."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import ENVELOPE, Event, personal_fields
from sojourn.domain.events.fleeting import counted_of, secrets_of, without_secrets
from sojourn.domain.keys import veiled
from sojourn.domain.states import MessageState
from sojourn.insight.exporting.schema import BY_KIND, STREAMS, Stream
from sojourn.store.changes import TABLE_OF, TABLES, Change, Kind
from sojourn.store.tombstones import is_tombstone

Row = dict[str, Any]
OF_MESSAGE = ("reports", "conversions")
"""Streams whose customer the message tells."""
PART = 500
"""Rows of one query: a database takes so many values at most."""


@dataclass
class Batch:
    """The rows that have changed, up to a number.

    Args:
        upto: the number of the last change.
        rows: by stream, each under every column of the schema, personal ones included.
        forget: by stream, the rows of which nothing older may stay: they are gone, or their
            customer was erased.
    """

    upto: int
    rows: dict[str, list[Row]] = field(default_factory=dict)
    forget: dict[str, set[int]] = field(default_factory=dict)


async def read(
    session: AsyncSession, changes: Collection[Change], events: Mapping[str, type[Event]]
) -> Batch:
    """Read the rows behind changes, as they are now.

    Args:
        session: any session.
        changes: in their order, at least one.
        events: the project's, by wire name: they tell which fields are personal.

    Returns:
        A row for each; of what is gone, one that says so; of what is in shadow, none.
    """
    found = Batch(max(one.seq for one in changes))
    for stream in STREAMS.values():
        seqs = {one.ref: one.seq for one in changes if BY_KIND[one.kind] is stream}
        if not seqs:
            continue
        for ref in await _in_shadow(session, stream, sorted(seqs)):
            del seqs[ref]
        rows, erased = await _rows(session, stream, sorted(seqs), events)
        gone = seqs.keys() - rows.keys()
        found.rows[stream.name] = [
            {"id": ref, "seq": seq, "gone": ref in gone, **rows.get(ref, {})}
            for ref, seq in seqs.items()
        ]
        if forget := {*gone, *erased}:
            found.forget[stream.name] = forget
    return found


async def _rows(
    session: AsyncSession, stream: Stream, refs: list[int], events: Mapping[str, type[Event]]
) -> tuple[dict[int, Row], set[int]]:
    """Return rows by number, and the numbers of those whose customer was erased."""
    connection = await session.connection()
    rows: dict[int, Row] = {}
    erased = set()
    for begin in range(0, len(refs), PART):
        query = _query(stream, refs[begin : begin + PART])
        for ref, whose, *values in await connection.execute(query):
            names = (one.name for one in stream.columns if one.of)
            row = dict(zip(names, values, strict=False))
            if stream.name == "events":
                row["properties"], row["personal"] = properties_of(
                    events.get(row["name"]), values[-1]
                )
            rows[ref] = row
            if whose is not None and is_tombstone(whose):
                erased.add(ref)
    return rows, erased


async def _in_shadow(session: AsyncSession, stream: Stream, refs: list[int]) -> set[int]:
    """Return the numbers of messages and runs in shadow: who counts rows counts none of them."""
    table = TABLES[TABLE_OF[stream.kind]]
    apart: dict[Kind, Any] = {
        Kind.MESSAGE: TABLES["ledger"].c.state == MessageState.SHADOW,
        Kind.RUN: TABLES["runs"].c.shadow,
    }
    found: set[int] = set()
    if stream.kind not in apart:
        return found
    for begin in range(0, len(refs), PART):
        query = select(table.c.id).where(table.c.id.in_(refs[begin : begin + PART]))
        rows = await (await session.connection()).execute(query.where(apart[stream.kind]))
        found.update(rows.scalars())
    return found


def _query(stream: Stream, refs: Iterable[int]) -> Any:
    table, ledger = TABLES[TABLE_OF[stream.kind]], TABLES["ledger"]
    number = next(iter(table.primary_key.columns))
    source: Any = table
    whose = (ledger if stream.name in OF_MESSAGE else table).c.customer_id
    wanted = []
    for one in stream.columns:
        where, _, name = one.of.rpartition(".")
        if name:
            wanted.append((TABLES[where] if where else table).c[name])
    if stream.name in OF_MESSAGE:
        source = source.outerjoin(ledger, ledger.c.id == table.c.ledger_id)
    order = number
    if stream.name == "messages":
        attempts = TABLES["attempts"]
        last = and_(attempts.c.ledger_id == table.c.id, attempts.c.attempt == table.c.attempt)
        source, order = source.outerjoin(attempts, last), attempts.c.id
    if stream.name == "events":
        wanted.append(table.c.properties)
    query = select(number, whose, *wanted).select_from(source)
    return query.where(number.in_(list(refs))).order_by(order)


def properties_of(
    event: type[Event] | None, properties: Mapping[str, Any]
) -> tuple[str | None, str | None]:
    """Divide an event's properties into those that anybody may read, and the others.

    The first are those that a workflow's history may hold. A secret, such as a login code, is
    neither.

    Args:
        event: its class; None: nobody knows which of them are personal, so that all of them are.
        properties: as they are stored.

    Returns:
        Two JSON objects; None for one without fields.
    """
    if event is None:
        return None, _json(properties)
    hidden = {*ENVELOPE, *personal_fields(event), *secrets_of(event), *counted_of(event)}
    plain, others = {}, {}
    for name, value in without_secrets(event, properties).items():
        if name not in event.model_fields or name in hidden or isinstance(value, list | dict):
            others[name] = value
        else:
            plain[name] = veiled(value) if isinstance(value, str) else value
            if plain[name] != value:
                others[name] = value
    return _json(plain), _json(others)


def _json(values: Mapping[str, Any]) -> str | None:
    return json.dumps(values, ensure_ascii=False) if values else None
