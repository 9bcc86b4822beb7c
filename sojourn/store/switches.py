"""Switches that operators set, each with its author, reason and moment; ended ones are the history.

A claim shares a lock (`LOCK`) from before it reads the switches until it is committed. A command
first stores its switch, and then waits until nobody shares the lock (`settle`): when it answers,
every claim that had not seen the switch is committed, and no later one can miss it. The row comes
first, so that a switch holds even if some claim does not end.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import Executable, bindparam, literal, text, union_all, update
from sqlalchemy.exc import DBAPIError
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.messages import Channel
from sojourn.domain.switches import Part, Scope, Switch
from sojourn.domain.text import LONGEST_NOTE, writable
from sojourn.store import locks, prepared
from sojourn.store.dialects import insert, is_postgresql
from sojourn.store.engine import Store
from sojourn.store.tables import ON, ChannelRow, SwitchRow

LOCK = locks.number("switches")
PATIENCE_MS = 5_000
"""A claim lasts milliseconds; one that lasts this long belongs to a machine that has stalled."""
_CHANNEL = "channel"
_HOLDS: Executable = union_all(
    select(
        literal(_CHANNEL).label("scope"),
        col(ChannelRow.channel).label("name"),
        col(ChannelRow.paused_at).label("since"),
    ).where(col(ChannelRow.paused_at).is_not(None)),
    select(col(SwitchRow.scope), col(SwitchRow.name), col(SwitchRow.since)).where(
        text(ON), col(SwitchRow.part) == Part.SENDS.value
    ),
)
_ON = select(SwitchRow).where(text(ON)).order_by(col(SwitchRow.id))
_ON_IN_PART = _ON.where(col(SwitchRow.part) == bindparam("part"))


@dataclass(frozen=True)
class Holds:
    """All that operators and providers hold back from being sent now.

    Args:
        channels: the moment since which each paused channel has been paused.
        switches: those that hold sends back.
    """

    channels: Mapping[Channel, datetime] = field(default_factory=dict)
    switches: Sequence[Switch] = ()


async def holds(session: AsyncSession) -> Holds:
    """Return everything that is held back from being sent, by one statement."""
    channels: dict[Channel, datetime] = {}
    switches: list[Switch] = []
    for found in await prepared.rows(session, _HOLDS):
        if found.scope == _CHANNEL:
            channels[Channel(found.name)] = found.since
        else:
            switches.append(Switch(Scope(found.scope), found.name, found.since))
    return Holds(channels, switches)


async def on(session: AsyncSession, part: Part | None = None) -> Sequence[SwitchRow]:
    """Return the switches that hold something back now, oldest first.

    Args:
        session: any session.
        part: only those of this part.
    """
    if part is None:
        return (await session.exec(_ON)).all()
    return (await session.exec(_ON_IN_PART, params={"part": part.value})).all()


def switch(row: SwitchRow) -> Switch:
    """Return a row as the domain sees it."""
    return Switch(Scope(row.scope), row.name, row.since, row.by, row.because)


async def history(session: AsyncSession, limit: int) -> Sequence[SwitchRow]:
    """Return the switches that are on and those that were, newest first.

    Args:
        session: any session.
        limit: the most rows to return.
    """
    query = select(SwitchRow).order_by(col(SwitchRow.id).desc()).limit(limit)
    return (await session.exec(query)).all()


async def begin(
    session: AsyncSession,
    scope: Scope,
    name: str,
    parts: Collection[Part],
    *,
    closed: bool,
    because: str,
    by: str,
) -> Sequence[SwitchRow]:
    """Hold something back. A switch that is on keeps its moment and its reason.

    Args:
        session: a writing transaction; report success only once `settle` has followed its commit.
        scope: the kind of thing that is switched: a journey, a topic, or all.
        name: the name of the journey or the topic; empty for all.
        parts: what to hold back.
        closed: the operator means it for good; a closing replaces a pause.
        because: the operator's words.
        by: the operator's name.

    Returns:
        The switches that are new.
    """
    now = datetime.now(UTC)
    new = []
    for part in parts:
        if closed:
            await _end(session, scope, name, part, because=because, by=by, at=now, closed=False)
        row = SwitchRow(
            scope=scope.value,
            name=name,
            part=part.value,
            closed=closed,
            since=now,
            because=writable(because, LONGEST_NOTE),
            by=by,
        )
        added = await session.exec(
            insert(session, SwitchRow)
            .values(row.model_dump(exclude={"id"}))
            .on_conflict_do_nothing()
            .returning(col(SwitchRow.id))
        )
        row.id = added.scalar_one_or_none()
        if row.id is not None:
            new.append(row)
    return new


async def end(
    session: AsyncSession,
    scope: Scope,
    name: str,
    parts: Collection[Part],
    *,
    because: str,
    by: str,
) -> int:
    """Resume what was held back.

    Args:
        session: a writing transaction.
        scope: as it was set.
        name: as it was set.
        parts: what to resume.
        because: the operator's words.
        by: the operator's name.

    Returns:
        The number of switches that ended.
    """
    now = datetime.now(UTC)
    ended = [
        await _end(session, scope, name, part, because=because, by=by, at=now) for part in parts
    ]
    return sum(ended)


async def _end(
    session: AsyncSession,
    scope: Scope,
    name: str,
    part: Part,
    *,
    because: str,
    by: str,
    at: datetime,
    closed: bool | None = None,
) -> int:
    change = update(SwitchRow).where(
        text(ON),
        col(SwitchRow.scope) == scope.value,
        col(SwitchRow.name) == name,
        col(SwitchRow.part) == part.value,
    )
    if closed is not None:
        change = change.where(col(SwitchRow.closed) == closed)
    ended = await session.exec(
        change.values(ended_at=at, ended_because=writable(because, LONGEST_NOTE), ended_by=by)
    )
    return int(ended.rowcount)


async def settle(store: Store, *, patience_ms: int = PATIENCE_MS) -> bool:
    """Wait until every claim that may not have seen the switches is committed.

    Args:
        store: the open store.
        patience_ms: how long to wait, in milliseconds.

    Returns:
        False if one of them is still running after that.
    """
    try:
        async with store.transaction() as session:
            if is_postgresql(session):
                await session.exec(text(f"SET LOCAL lock_timeout = {int(patience_ms)}"))  # type: ignore[call-overload]
                await locks.hold(session, LOCK)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        return False
    return True


_LOCK_NOT_AVAILABLE = "55P03"
