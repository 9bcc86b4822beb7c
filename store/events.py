"""Events: kept before anybody acts on them; read by the gate, the templates and the router."""

import hashlib
import logging
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from domain.errors import BadEvent
from domain.events import LONGEST_ID, Event, event_named, known_events, read_event
from domain.messages import Heard
from store.tables import EventRow

HISTORY_LIMIT = 500
log = logging.getLogger("sojourn.store")


async def add(session: AsyncSession, row: EventRow) -> tuple[EventRow, bool]:
    """Keep an event; give back its row and whether it is new. The customer's lock is held.

    The same message id with the same name and customer is the same event, sent again. Senders that
    make ids from too little (say, customer and second) give one id to different events; dropping
    the later one could lose a purchase, so it is kept, under an id that says both.
    """
    if await _insert(session, row):
        return row, True
    kept = await find(session, row.message_id)
    if kept is not None and (kept.name, kept.customer_id) != (row.name, row.customer_id):
        row.message_id = _lengthened(row)
        if await _insert(session, row):
            return row, True
        kept = await find(session, row.message_id)
    assert kept is not None
    return kept, False


def _lengthened(row: EventRow) -> str:
    told = f"{row.message_id}/{row.customer_id}/{row.name}"
    if len(told) <= LONGEST_ID:
        return told
    return f"{row.message_id[:100]}/{hashlib.sha256(told.encode()).hexdigest()}"


async def _insert(session: AsyncSession, row: EventRow) -> bool:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    added = await session.exec(
        dialect.insert(EventRow)
        .values(row.model_dump(exclude={"seq"}))
        .on_conflict_do_nothing(index_elements=["message_id"])
        .returning(col(EventRow.seq))
    )
    row.seq = added.scalar_one_or_none()
    return row.seq is not None


async def find(session: AsyncSession, message_id: str) -> EventRow | None:
    """The event with this id."""
    return (await session.exec(select(EventRow).where(EventRow.message_id == message_id))).first()


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[EventRow]:
    """Every event of a customer, in the order in which they happened."""
    query = select(EventRow).where(EventRow.customer_id == customer_id)
    return (await session.exec(query.order_by(col(EventRow.occurred_at), col(EventRow.seq)))).all()


async def unrouted(
    session: AsyncSession, customer_id: str, *, up_to: int | None = None
) -> Sequence[EventRow]:
    """The customer's events that no run was told of yet, in order of arrival."""
    query = (
        select(EventRow)
        .where(col(EventRow.routed_at).is_(None), EventRow.customer_id == customer_id)
        .order_by(col(EventRow.seq))
    )
    if up_to is not None:
        query = query.where(col(EventRow.seq) <= up_to)
    return (await session.exec(query)).all()


async def left_unrouted(session: AsyncSession, *, before: datetime, limit: int) -> Sequence[str]:
    """Customers with events received before ``before`` that no run was told of."""
    rows = await session.exec(
        select(EventRow.customer_id)
        .where(col(EventRow.routed_at).is_(None), col(EventRow.received_at) < before)
        .distinct()
        .limit(limit)
    )
    return rows.all()


async def mark_routed(session: AsyncSession, seqs: Iterable[int], at: datetime) -> None:
    """Note that the runs concerned were told."""
    await session.exec(
        update(EventRow).where(col(EventRow.seq).in_(list(seqs))).values(routed_at=at)
    )


async def newer(
    session: AsyncSession,
    customer_id: str,
    names: Iterable[str],
    *,
    than: tuple[datetime, int],
    key_field: str,
    key: str,
) -> list[Heard]:
    """Events of these names that happened after ``than``, of this key or of none; oldest first."""
    rows = await session.exec(
        select(EventRow)
        .where(
            EventRow.customer_id == customer_id,
            col(EventRow.name).in_(list(names)),
            tuple_(col(EventRow.occurred_at), col(EventRow.seq)) > than,
        )
        .order_by(col(EventRow.occurred_at), col(EventRow.seq))
    )
    return [heard(row) for row in rows if concerns(row, key_field, key)]


async def history(
    session: AsyncSession,
    customer_id: str,
    *,
    key_field: str,
    key: str,
    since_goal: Iterable[str],
    before: tuple[datetime, int],
) -> list[Event]:
    """The customer's events for a template, oldest first: those of the run's key, or without one.

    A cart that was bought and filled again is a new cart: what happened up to the last of the
    journey's goals before the run (``before``) is left out. At most the newest 500 are read.
    """
    query = (
        select(EventRow)
        .where(EventRow.customer_id == customer_id, col(EventRow.name).in_(list(known_events())))
        .order_by(col(EventRow.occurred_at).desc(), col(EventRow.seq).desc())
        .limit(HISTORY_LIMIT)
    )
    goals = set(since_goal)
    found: list[Event] = []
    for row in await session.exec(query):
        if not concerns(row, key_field, key):
            continue
        assert row.seq is not None
        if row.name in goals and (row.occurred_at, row.seq) < before:
            break
        try:
            found.append(typed(row))
        except BadEvent as error:  # its class has become stricter: the message can do without it
            log.warning("event %s no longer validates and is left out: %s", row.message_id, error)
    found.reverse()
    return found


def concerns(row: EventRow, key_field: str, key: str) -> bool:
    """Whether an event is about this key: it bears it, or bears none."""
    # as it was sent: a number is the key that it is written like
    value = row.properties.get(key_field) if key_field else None
    return value in (None, "") or str(value) == key


def typed(row: EventRow) -> Event:
    """The event as its class.

    Raises:
        BadEvent: the class has become stricter since the event was stored.
    """
    return read_event(
        event_named(row.name),
        row.properties,
        message_id=row.message_id,
        customer_id=row.customer_id,
        at=row.occurred_at,
    )


def heard(row: EventRow) -> Heard:
    """The event as a workflow may hear it: without its personal fields."""
    assert row.seq is not None
    return Heard(
        id=row.message_id,
        name=row.name,
        at=row.occurred_at,
        seq=row.seq,
        fields=typed(row).public(),
    )
