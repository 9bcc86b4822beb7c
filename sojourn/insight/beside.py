"""A journey in shadow beside the one that it is instead of: the same span, decision by decision."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadInput
from sojourn.domain.ordering import counts_for
from sojourn.domain.states import WAITING, MessageState
from sojourn.insight.backtesting.comparing import PREVENTING, Comparison, compare
from sojourn.insight.backtesting.side import Line, Side
from sojourn.journeys.journey import Journey
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.store import events, shadow
from sojourn.store.tables import EventRow, LedgerRow, RunRow

PAGE = 500
"""Starts that one query reads."""


@dataclass(frozen=True)
class Beside:
    """A journey in shadow, and the one that it is instead of.

    Args:
        name: of the journey in shadow.
        instead_of: the name of the other one; empty: there is none.
        is_in_shadow: runs that begin now are in shadow.
        since: the moment from which runs are compared.
        comparison: what the other one did, and what this one would have done.
        reached: the runs of both whose goal came after their start.
        waiting: the messages of both that still wait; they are compared once they do not.
    """

    name: str
    instead_of: str
    is_in_shadow: bool
    since: datetime
    comparison: Comparison
    reached: tuple[int, int]
    waiting: tuple[int, int]

    @property
    def entered(self) -> tuple[int, int]:
        """The runs of both that began in the span."""
        both = self.comparison.before, self.comparison.after
        then, now = (side.entered[self.name] for side in both)
        return then, now


@dataclass(frozen=True)
class Kept:
    """Runs in shadow that the store has of a journey.

    Args:
        first: when the first of them began.
        runs: how many they are.
        would_be_sent: their messages that would have left.
    """

    first: datetime
    runs: int
    would_be_sent: int


async def kept(session: AsyncSession) -> dict[str, Kept]:
    """Return the journeys that the store has runs in shadow of, by name."""
    query = (
        select(RunRow.journey, func.min(RunRow.started_at), func.count())
        .where(col(RunRow.shadow))
        .group_by(col(RunRow.journey))
    )
    sent = (
        select(LedgerRow.journey, func.count())
        .where(shadow.would_be([MessageState.SENT]))
        .group_by(col(LedgerRow.journey))
    )
    left = dict((await session.exec(sent)).all())
    return {
        name: Kept(first, number, left.get(name, 0))
        for name, first, number in sorted((await session.exec(query)).all())
    }


async def beside(
    session: AsyncSession,
    project: Project,
    name: str,
    *,
    within: timedelta,
    since: datetime | None = None,
) -> Beside:
    """Compare a journey's runs in shadow with those of the one that it is instead of.

    Compared are the runs that began while it was in shadow.

    Args:
        session: any session.
        project: its journeys and events.
        name: of the journey in shadow.
        within: how far senders' clocks may differ.
        since: runs that began before are left out; None: all count.

    Returns:
        Both.

    Raises:
        UnknownName: there is no such journey.
        BadInput: it is not in shadow, and no run of it ever was.
    """
    new = project.journeys.named(name)
    old = project.journeys.get(new.terms.instead_of)
    found = (await kept(session)).get(name)
    is_in_shadow = name in project.journeys.shadow
    if found is None:
        raise BadInput(
            f"no run of {name} has begun in shadow yet"
            if is_in_shadow
            else f"{name} was never in shadow: list it in `shadow` of [tool.sojourn]"
        )
    first = found.first if since is None else max(since, found.first)
    before, after = (
        Side(),
        await _side(session, new, project, name, first, within=within, in_shadow=True),
    )
    if old is not None:
        before = await _side(session, old, project, name, first, within=within, in_shadow=False)
    (then, waiting), (now, would_wait) = _settled(before), _settled(after)
    return Beside(
        name,
        old.name if old else "",
        is_in_shadow,
        first,
        compare(then, now),
        (before.outcomes[name]["reached"] if old else 0, after.outcomes[name]["reached"]),
        (waiting, would_wait),
    )


def _settled(side: Side) -> tuple[Side, int]:
    """Return a side without messages that wait, and how many do."""
    waiting = {state.value for state in WAITING}
    lines = [line for line in side.lines if line.state not in waiting]
    return replace(side, lines=lines), len(side.lines) - len(lines)


async def _side(
    session: AsyncSession,
    journey: type[Journey],
    project: Project,
    name: str,
    since: datetime,
    *,
    within: timedelta,
    in_shadow: bool,
) -> Side:
    """Return what runs of a journey did, or would have done; under one name for both sides."""
    began = select(RunRow).where(
        RunRow.journey == journey.name,
        col(RunRow.started_at) >= since,
        col(RunRow.shadow) if in_shadow else ~col(RunRow.shadow),
    )
    runs = list((await session.exec(began.order_by(col(RunRow.id)))).all())
    reached = await _reached(session, journey, project, runs, within)
    return Side(
        entered=Counter({name: len(runs)}),
        outcomes={name: Counter(reached=reached)},
        lines=await _lines(session, journey, name, since, in_shadow=in_shadow),
    )


async def _lines(
    session: AsyncSession, journey: type[Journey], name: str, since: datetime, *, in_shadow: bool
) -> list[Line]:
    """Return the messages of runs that began since a moment."""
    began, caused, state = aliased(EventRow), aliased(EventRow), col(LedgerRow.state)
    query = (
        select(LedgerRow, caused.occurred_at)
        .join(began, col(began.message_id) == col(LedgerRow.enrolment))
        .outerjoin(caused, col(caused.message_id) == col(LedgerRow.caused_by))
        .where(
            LedgerRow.journey == journey.name,
            state == MessageState.SHADOW if in_shadow else state != MessageState.SHADOW,
            col(began.occurred_at) >= since,
        )
        .order_by(col(LedgerRow.id))
    )
    return [_line(row, at, journey.name, name) for row, at in await session.exec(query)]


def _line(row: LedgerRow, caused_at: datetime | None, journey: str, name: str) -> Line:
    overtaken = row.reason in PREVENTING and caused_at is not None and caused_at < row.due_at
    return Line(
        row.message_id.removeprefix(f"{journey}:"),  # both have the same, but for the journey
        row.customer_id,
        name,
        row.step,
        row.channel,
        shadow.state_of(row).value,
        row.reason or "",
        row.due_at,
        row.decided_at,
        held=row.held_for is not None,
        overtaken=overtaken,
    )


async def _reached(
    session: AsyncSession,
    journey: type[Journey],
    project: Project,
    runs: Sequence[RunRow],
    within: timedelta,
) -> int:
    """Count the runs whose goal came after their start, as the gate judges it."""
    goals, terms = names(journey.terms.goal), journey.terms
    starts = await _starts(session, [run.enrolment for run in runs]) if goals else {}
    reached = 0
    for run in runs:
        start = starts.get(run.enrolment)
        if start is None or start.seq is None:
            continue
        begun = (start.occurred_at, start.seq)
        news = await events.newer(
            session,
            run.customer_id,
            goals,
            than=begun,
            reach=terms.reach,
            key=run.key,
            known=project.events,
            run=run.workflow_id,
            regardless=goals,
            within=within,
        )
        reached += any(counts_for(event.order, begun, within=event.within) for event in news)
    return reached


async def _starts(session: AsyncSession, enrolments: Sequence[str]) -> Mapping[str, EventRow]:
    found: dict[str, EventRow] = {}
    for first in range(0, len(enrolments), PAGE):
        page = enrolments[first : first + PAGE]
        rows = await session.exec(select(EventRow).where(col(EventRow.message_id).in_(page)))
        found |= {row.message_id: row for row in rows}
    return found
