"""Ramps: the step of each sending domain, its days, and the log of its decisions.

The first call on a day decides on the domain's step, under the lock of its row; the day's row keeps
the decision, so that it is made once.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.brakes import Harm, Tally
from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.ramp import Ladder, Move, Tenure, Turn
from sojourn.domain.text import LONGEST_NOTE, writable
from sojourn.store import recipients
from sojourn.store.dialects import insert
from sojourn.store.tables import CampaignRow, HarmRow, RampDayRow, RampRow, RampWordRow

ITSELF = "ramp"
"""The name by which a ladder's own decisions are noted."""


async def today(
    session: AsyncSession, domain: str, ladder: Ladder, day: date, *, hold: bool = False
) -> RampDayRow:
    """Return the row of a day; the first call on a day decides on the domain's step.

    Args:
        session: a writing transaction.
        domain: the sending domain.
        ladder: the domain's ladder.
        day: today.
        hold: lock the row until the transaction ends, so that its budget stays true.

    Returns:
        The row.
    """
    found = await look(session, domain, day, hold=hold)
    if found is not None:
        return found
    now = datetime.now(UTC)
    await _first(session, domain, now)
    held = select(RampRow).where(RampRow.domain == domain).with_for_update()
    row = (await session.exec(held.execution_options(populate_existing=True))).one()
    if (found := await look(session, domain, day, hold=hold)) is not None:
        return found
    move, tally = await _decided(session, row, ladder, day)
    if move.level != row.level:
        row.level, row.since = move.level, now
        row.changed_by, row.because = ITSELF, move.because
        session.add(row)
    opened = RampDayRow(
        domain=domain,
        day=day,
        level=move.level,
        budget=None if row.is_off else ladder.budget(move.level),
        used=0,
        turn=move.turn,
        because=move.because,
        opened_at=now,
    )
    session.add(opened)
    if move.turn is not Turn.STAYS:
        _note(session, domain, move, day=day, by=ITSELF, at=now, tally=tally)
    await session.flush()
    return opened


async def look(
    session: AsyncSession, domain: str, day: date, *, hold: bool = False
) -> RampDayRow | None:
    """Return the row of a day; None if nobody has asked on it.

    Args:
        session: any session; a writing transaction if ``hold`` is set.
        domain: the sending domain.
        day: the day.
        hold: lock the row until the transaction ends.

    Returns:
        The row.
    """
    query = select(RampDayRow).where(RampDayRow.domain == domain, RampDayRow.day == day)
    if hold:
        query = query.with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def foreseen(session: AsyncSession, domain: str, ladder: Ladder, day: date) -> RampDayRow:
    """Return the row of a day, or the row that `today` would make now; nothing is stored.

    Args:
        session: any session.
        domain: the sending domain.
        ladder: the domain's ladder.
        day: the day.

    Returns:
        The row, which the store may not have.
    """
    found = await look(session, domain, day)
    if found is not None:
        return found
    row = await find(session, domain)
    move = Move(1, Turn.BEGINS, "nothing has left yet")
    if row is not None:
        move, _ = await _decided(session, row, ladder, day)
    return RampDayRow(
        domain=domain,
        day=day,
        level=move.level,
        budget=None if row is not None and row.is_off else ladder.budget(move.level),
        used=0,
        turn=move.turn,
        because=move.because,
        opened_at=datetime.now(UTC),
    )


async def count(session: AsyncSession, domain: str, ladder: Ladder, day: date, number: int) -> None:
    """Count promotional e-mails that were claimed.

    Args:
        session: the transaction that claims them.
        domain: the sending domain.
        ladder: the domain's ladder.
        day: today.
        number: how many.
    """
    change = (
        update(RampDayRow)
        .where(col(RampDayRow.domain) == domain, col(RampDayRow.day) == day)
        .values(used=col(RampDayRow.used) + number)
    )
    if not (await session.exec(change)).rowcount:
        await today(session, domain, ladder, day)
        await session.exec(change)


async def find(session: AsyncSession, domain: str) -> RampRow | None:
    """Return where a domain stands; None if nothing promotional was sent from it yet."""
    query = select(RampRow).where(RampRow.domain == domain)
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def put(
    session: AsyncSession,
    domain: str,
    ladder: Ladder,
    day: date,
    level: int | None,
    *,
    by: str,
    because: str,
) -> RampDayRow:
    """Put a domain on a step, or take it off the ladder; it holds from this moment on.

    Running campaigns ask again for recipients that wait: the limit they waited for may be gone.

    Args:
        session: a writing transaction.
        domain: the sending domain.
        ladder: the domain's ladder.
        day: today.
        level: the step; None: off the ladder, until it is put on a step again.
        by: who does it.
        because: why.

    Returns:
        The row of the day.
    """
    opened = await today(session, domain, ladder, day)
    held = select(RampRow).where(RampRow.domain == domain).with_for_update()
    row = (await session.exec(held.execution_options(populate_existing=True))).one()
    now = datetime.now(UTC)
    row.is_off = level is None
    row.level = row.level if level is None else level
    row.since, row.changed_by = now, by
    row.because = writable(because, LONGEST_NOTE)
    session.add(row)
    turn = Turn.OFF if level is None else Turn.SET
    opened.level, opened.turn, opened.because = row.level, turn, row.because
    opened.opened_at = now
    opened.budget = None if level is None else ladder.budget(level)
    session.add(opened)
    _note(session, domain, Move(row.level, turn, row.because), day=day, by=by, at=now)
    await session.flush()
    running = select(CampaignRow.id).where(CampaignRow.state == CampaignState.RUNNING)
    for campaign_id in (await session.exec(running)).all():
        await recipients.wake(session, campaign_id, at=now)
    return opened


async def words(session: AsyncSession, domain: str, *, limit: int) -> Sequence[RampWordRow]:
    """Return the decisions about a domain, newest first.

    Args:
        session: any session.
        domain: the sending domain.
        limit: the most to return.

    Returns:
        The rows.
    """
    query = select(RampWordRow).where(RampWordRow.domain == domain)
    return (await session.exec(query.order_by(col(RampWordRow.id).desc()).limit(limit))).all()


async def days(session: AsyncSession, domain: str, *, limit: int) -> Sequence[RampDayRow]:
    """Return the days of a domain, newest first.

    Args:
        session: any session.
        domain: the sending domain.
        limit: the most to return.

    Returns:
        The rows.
    """
    query = select(RampDayRow).where(RampDayRow.domain == domain)
    return (await session.exec(query.order_by(col(RampDayRow.day).desc()).limit(limit))).all()


async def _first(session: AsyncSession, domain: str, now: datetime) -> None:
    """Note that a domain begins its ramp, unless it has begun."""
    row = RampRow(domain=domain, level=1, since=now, changed_by=ITSELF)
    addition = insert(session, RampRow).values(row.model_dump())
    await session.exec(addition.on_conflict_do_nothing())


async def _decided(
    session: AsyncSession, row: RampRow, ladder: Ladder, day: date
) -> tuple[Move, Tally]:
    """Return the decision about a day, and the numbers that it is based on."""
    last = select(col(RampDayRow.day)).where(
        RampDayRow.domain == row.domain, col(RampDayRow.used) > 0
    )
    newest = (await session.exec(last.order_by(col(RampDayRow.day).desc()).limit(1))).first()
    tally, fullest = await _since(session, row)
    if row.is_off:
        return Move(row.level, Turn.STAYS, row.because), tally
    if newest is None:
        known = select(col(RampDayRow.day)).where(RampDayRow.domain == row.domain)
        begins = (await session.exec(known.limit(1))).first() is None
        turn = Turn.BEGINS if begins else Turn.STAYS
        return Move(row.level, turn, "nothing has left yet"), tally
    idle = max((day - newest).days - 1, 0)
    return ladder.move(Tenure(row.level, tally, fullest, idle)), tally


async def _since(session: AsyncSession, row: RampRow) -> tuple[Tally, int]:
    """Count what was sent since a domain came to its step, and the harm that was reported."""
    query = select(func.sum(col(RampDayRow.used)), func.max(col(RampDayRow.used))).where(
        RampDayRow.domain == row.domain, col(RampDayRow.opened_at) >= row.since
    )
    left, fullest = (await session.exec(query)).one()
    told = (
        select(HarmRow.harm, func.count())
        .where(
            col(HarmRow.at) >= row.since,
            HarmRow.channel == Channel.EMAIL.value,
            HarmRow.message_class == MessageClass.PROMOTIONAL.value,
        )
        .group_by(col(HarmRow.harm))
    )
    harm = {Harm(one): number for one, number in await session.exec(told)}
    tally = Tally(int(left or 0), harm.get(Harm.BOUNCED, 0), harm.get(Harm.COMPLAINED, 0))
    return tally, int(fullest or 0)


def _note(
    session: AsyncSession,
    domain: str,
    move: Move,
    *,
    day: date,
    by: str,
    at: datetime,
    tally: Tally | None = None,
) -> None:
    numbers = tally or Tally(0, 0, 0)
    session.add(
        RampWordRow(
            domain=domain,
            day=day,
            at=at,
            turn=move.turn,
            level=move.level,
            by=by,
            because=move.because,
            sent=numbers.left,
            bounced=numbers.bounced,
            complained=numbers.complained,
        )
    )
