"""Events: stored before any run hears them; the gate, templates and router read them."""

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, and_, bindparam, func, literal, or_, tuple_, update
from sqlalchemy import select as core_select
from sqlalchemy.orm import aliased
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadEvent, UnknownName
from sojourn.domain.events import ENVELOPE, LONGEST_ID, SHIPPED, Event, Events, RunEvent
from sojourn.domain.keys import Reach, plain
from sojourn.domain.messages import Heard
from sojourn.domain.ordering import Place, earliest
from sojourn.domain.stored import StoredEvent
from sojourn.domain.text import bounded
from sojourn.store import prepared
from sojourn.store.dialects import insert
from sojourn.store.prepared import few_lengths, value, values
from sojourn.store.tables import CustomerRow, EventRow, ToRouteRow

LARGEST_SEQ = 2**63 - 1
AT_ONCE = 10_000
"""The most values of one statement: drivers take 32,767 at most."""
EVENTS = SQLModel.metadata.tables["events"]
STORED = tuple(EVENTS.c[name] for name in vars(StoredEvent) if name in EVENTS.c)
"""The columns of `domain.stored.StoredEvent`."""
log = logging.getLogger("sojourn.store")

_OF_ID = core_select(*STORED).where(EVENTS.c.message_id == value("message_id", EVENTS.c.message_id))
PLACE = tuple_(EVENTS.c.occurred_at, EVENTS.c.seq)
PLACE_ASKED = tuple_(value("at", EVENTS.c.occurred_at), value("seq", EVENTS.c.seq))
_IS_OWN = and_(
    EVENTS.c.customer_id == value("customer_id", EVENTS.c.customer_id),
    EVENTS.c.name.in_(values("names", EVENTS.c.name)),
)
_ENDS_OTHERS = and_(
    EVENTS.c.customer_id.in_(values("others", EVENTS.c.customer_id)),
    EVENTS.c.name.in_(values("ends", EVENTS.c.name)),
)
_LATER = and_(
    # it follows from the rest, and is what an index can use
    EVENTS.c.occurred_at >= value("earliest", EVENTS.c.occurred_at),
    or_(PLACE > PLACE_ASKED, EVENTS.c.seq > value("seq", EVENTS.c.seq)),
)
_NEWER, _NEWER_WITH_OTHERS = (
    core_select(*STORED).where(of_whom, _LATER).order_by(EVENTS.c.occurred_at, EVENTS.c.seq)
    for of_whom in (_IS_OWN, or_(_IS_OWN, _ENDS_OTHERS))
)

_ROUTED = (
    update(EVENTS)
    .where(EVENTS.c.seq.in_(values("seqs", EVENTS.c.seq)))
    .values(routed_at=value("at", EVENTS.c.routed_at))
)
_UNROUTED = (
    select(EventRow)
    .join(ToRouteRow, col(ToRouteRow.seq) == col(EventRow.seq))
    .where(col(ToRouteRow.customer_id).in_(values("customers", EVENTS.c.customer_id)))
    .order_by(col(EventRow.seq))
)
_NTH = aliased(ToRouteRow)
_FIRST_UNROUTED = _UNROUTED.join(
    CustomerRow, col(CustomerRow.customer_id) == col(ToRouteRow.customer_id)
).where(
    col(ToRouteRow.seq)
    <= func.coalesce(
        # looked up once a customer: the row of the customer is in the outer loop of the join
        select(_NTH.seq)
        .where(_NTH.customer_id == CustomerRow.customer_id)
        .order_by(col(_NTH.seq))
        .offset(bindparam("before_last", type_=Integer))
        .limit(1)
        .scalar_subquery(),
        LARGEST_SEQ,
    )
)
_RANKED = (
    core_select(
        EVENTS.c.seq,
        func.row_number()
        .over(partition_by=EVENTS.c.customer_id, order_by=(EVENTS.c.occurred_at, EVENTS.c.seq))
        .label("nth"),
    )
    .where(
        EVENTS.c.customer_id.in_(values("customers", EVENTS.c.customer_id)),
        EVENTS.c.name.in_(values("names", EVENTS.c.name)),
        _LATER,
    )
    .subquery()
)
_OLDEST_NEWER = (
    select(EventRow)
    .join(_RANKED, col(EventRow.seq) == _RANKED.c.seq)
    .where(_RANKED.c.nth <= bindparam("each", type_=Integer))
    .order_by(col(EventRow.occurred_at), col(EventRow.seq))
)


async def add(
    session: AsyncSession, row: EventRow, known: Events = SHIPPED
) -> tuple[EventRow, bool]:
    """Store an event; return its row and whether it is new. The caller holds the customer's lock.

    The same message id is the same event, sent again. Senders that make ids from too little (say,
    customer and second) give one id to different events: another name, another customer, or another
    thing (an order, a cart). The loss of the later one could be the loss of a purchase, so it is
    stored under a longer id.

    Args:
        session: a writing transaction.
        row: the event; if it is stored under another id, its ``message_id`` becomes that.
        known: the project's events, by wire name: their fields tell one thing from another.

    Returns:
        The stored row; and False if it was stored before.
    """
    kept = None
    for message_id in ids_of(row, known):
        row.message_id = message_id
        if await _insert(session, row):
            return row, True
        kept = await find(session, message_id)
        if kept is not None and is_same(kept, row, known):
            break
    assert kept is not None
    if kept.aside_at is not None:
        await _take_up(session, kept, row)
    return kept, False


def ids_of(row: StoredEvent, known: Events) -> Iterator[str]:
    """Yield the sender's id, and longer ones for an event whose shorter id is another event's.

    Args:
        row: the event.
        known: the project's events, by wire name.

    Yields:
        Three ids.
    """
    given = row.message_id
    yield given
    told = f"{given}/{row.customer_id}/{row.name}"
    prefix = f"{given[:100]}/"
    yield bounded(told, LONGEST_ID, prefix=prefix)
    things = "/".join(f"{name}={value}" for name, value in sorted(_things(row, known).items()))
    yield bounded(f"{told}/{things}", LONGEST_ID, prefix=prefix)


def is_same(kept: StoredEvent, row: StoredEvent, known: Events) -> bool:
    """Tell whether two events of one message id are the same, sent again.

    Args:
        kept: the one that is stored.
        row: the one that arrives.
        known: the project's events, by wire name.

    Returns:
        False if they are of different names, customers or things.
    """
    if (kept.name, kept.customer_id) != (row.name, row.customer_id):
        return False
    before, now = _things(kept, known), _things(row, known)
    return all(before[name] == now[name] for name in before.keys() & now.keys())


def _things(row: StoredEvent, known: Events) -> dict[str, str]:
    """Return the things that an event is about: the ids among its class's fields, in plain form.

    A field that tells parts apart, such as a parcel's number, is one of them.
    """
    kind = known.get(row.name)
    every = kind.model_fields if kind else ()
    fields = [name for name in every if name.endswith("_id") or name in known.use.parts]
    values = {name: plain(row.properties.get(name)) for name in fields if name not in ENVELOPE}
    return {name: value for name, value in values.items() if value}


async def add_all(
    session: AsyncSession, rows: Sequence[EventRow], known: Events = SHIPPED
) -> list[tuple[EventRow, bool]]:
    """Store many events in order, as `add` does. The caller holds their customers' locks.

    Args:
        session: a writing transaction.
        rows: the events.
        known: the project's events, by wire name.

    Returns:
        The stored row of each; and False if it was stored before.
    """
    first: dict[str, EventRow] = {}
    for row in rows:
        first.setdefault(row.message_id, row)
    addition = insert(session, EVENTS).on_conflict_do_nothing(index_elements=["message_id"])
    connection = await session.connection()
    added = await connection.execute(
        addition.returning(EVENTS.c.message_id, EVENTS.c.seq),
        [row.model_dump(exclude={"seq"}) for row in first.values()],
    )
    for message_id, seq in added:
        first[message_id].seq = seq
    # repeated message ids are rare: each gets its own query
    return [(row, True) if row.seq is not None else await add(session, row, known) for row in rows]


async def _take_up(session: AsyncSession, kept: EventRow, row: EventRow) -> None:
    """Take up an event that was set aside, with the properties of the mended call."""
    kept.properties, kept.aside_at, kept.routed_at = row.properties, None, row.routed_at
    session.add(kept)
    await session.flush()


async def _insert(session: AsyncSession, row: EventRow) -> bool:
    added = await session.exec(
        insert(session, EventRow)
        .values(row.model_dump(exclude={"seq"}))
        .on_conflict_do_nothing(index_elements=["message_id"])
        .returning(col(EventRow.seq))
    )
    row.seq = added.scalar_one_or_none()
    return row.seq is not None


async def find(session: AsyncSession, message_id: str) -> EventRow | None:
    """Return the event with this message id; None if there is no such event."""
    return (await session.exec(select(EventRow).where(EventRow.message_id == message_id))).first()


async def with_ids(session: AsyncSession, message_ids: Iterable[str]) -> list[EventRow]:
    """Return the events with these message ids, in no order; ids of no event are left out."""
    wanted = list(message_ids)
    found: list[EventRow] = []
    for first in range(0, len(wanted), AT_ONCE):
        some = wanted[first : first + AT_ONCE]
        query = select(EventRow).where(col(EventRow.message_id).in_(some))
        found += (await session.exec(query)).all()
    return found


async def stored(session: AsyncSession, message_id: str) -> StoredEvent | None:
    """Return the event with this message id as `find` does, for who only reads it."""
    found = await prepared.rows(session, _OF_ID, {"message_id": message_id})
    event: StoredEvent | None = next(iter(found), None)
    return event


async def with_ids_from(session: AsyncSession, customer_id: str, prefix: str) -> Sequence[EventRow]:
    """Return a customer's events whose message ids begin alike, in the order of their arrival.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        prefix: the beginning of the message ids.

    Returns:
        The events.
    """
    query = select(EventRow).where(
        EventRow.customer_id == customer_id,
        col(EventRow.message_id).startswith(prefix, autoescape=True),
    )
    return (await session.exec(query.order_by(col(EventRow.seq)))).all()


async def number_since(
    session: AsyncSession, customer_id: str, name: str, since: datetime, *, prefix: str
) -> int:
    """Return how many events of one name a customer has from a time on.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        name: the events' wire name.
        since: the moment after which they arrived, by the machine's clock.
        prefix: the beginning of their message ids.

    Returns:
        The number.
    """
    query = select(func.count()).where(
        EventRow.customer_id == customer_id,
        EventRow.name == name,
        col(EventRow.received_at) > since,
        col(EventRow.message_id).startswith(prefix, autoescape=True),
    )
    return (await session.exec(query)).one()


async def of_customer(session: AsyncSession, customer_id: str) -> Sequence[EventRow]:
    """Return every event of a customer, in the order in which they happened."""
    query = select(EventRow).where(EventRow.customer_id == customer_id)
    return (await session.exec(query.order_by(col(EventRow.occurred_at), col(EventRow.seq)))).all()


async def unrouted(
    session: AsyncSession, customer_ids: Iterable[str], *, each: int | None = None
) -> dict[str, list[EventRow]]:
    """Return the events that no run was told of yet, by customer, in order of arrival.

    Args:
        session: any session.
        customer_ids: the ids that hold everything.
        each: at most this many of each customer, the oldest; None: all. The cost does not grow with
          what is left out.

    Returns:
        The events of each customer that has any.
    """
    given: dict[str, object] = {"customers": few_lengths(customer_ids)}
    if each is not None:
        given["before_last"] = each - 1
    query = _UNROUTED if each is None else _FIRST_UNROUTED
    found: dict[str, list[EventRow]] = {}
    for row in await session.exec(query, params=given):
        found.setdefault(row.customer_id, []).append(row)
    return found


async def of_names(
    session: AsyncSession, customer_ids: Iterable[str], names: Iterable[str], *, since: datetime
) -> dict[str, list[EventRow]]:
    """Return events of these names since a moment, by customer, oldest first.

    Args:
        session: any session.
        customer_ids: the ids that hold everything.
        names: the wire names.
        since: the earliest moment at which an event may have happened.

    Returns:
        The events of each customer that has any.
    """
    query = (
        select(EventRow)
        .where(
            col(EventRow.customer_id).in_(list(customer_ids)),
            col(EventRow.name).in_(list(names)),
            col(EventRow.occurred_at) >= since,
        )
        .order_by(col(EventRow.occurred_at), col(EventRow.seq))
    )
    found: dict[str, list[EventRow]] = {}
    for row in await session.exec(query):
        found.setdefault(row.customer_id, []).append(row)
    return found


async def stored_of_names(
    session: AsyncSession, customer_id: str, names: Iterable[str], *, since: datetime
) -> Sequence[StoredEvent]:
    """Return a customer's events of these names since a moment, oldest first.

    They are no objects of the session: thousands of them cost little.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        names: the wire names.
        since: the earliest moment at which an event may have happened.

    Returns:
        The events.
    """
    query = (
        core_select(*STORED)
        .where(
            EVENTS.c.customer_id == customer_id,
            EVENTS.c.name.in_(list(names)),
            EVENTS.c.occurred_at >= since,
        )
        .order_by(EVENTS.c.occurred_at, EVENTS.c.seq)
    )
    found: Sequence[Any] = (await (await session.connection()).execute(query)).all()
    return found


async def oldest_newer(
    session: AsyncSession,
    customer_ids: Iterable[str],
    names: Iterable[str],
    *,
    than: Place,
    within: timedelta,
    each: int,
) -> dict[str, list[EventRow]]:
    """Return customers' first events of these names that may count for a run, oldest first.

    Args:
        session: any session.
        customer_ids: the ids that hold everything.
        names: the wire names.
        than: the place of the event that begins the run.
        within: how far senders' clocks may differ.
        each: at most this many of each customer.

    Returns:
        The events of each customer that has any.
    """
    at, seq = than
    given = {
        "customers": few_lengths(customer_ids),
        "names": few_lengths(names),
        "earliest": earliest(at, within),
        "at": at,
        "seq": seq,
        "each": each,
    }
    found: dict[str, list[EventRow]] = {}
    for row in await session.exec(_OLDEST_NEWER, params=given):
        found.setdefault(row.customer_id, []).append(row)
    return found


async def newest_before(
    session: AsyncSession, customer_id: str, names: Iterable[str], place: Place, *, limit: int
) -> list[EventRow]:
    """Return a customer's newest events of these names before a place.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        names: the wire names.
        place: later events, and the one there, are left out.
        limit: the most events to return.

    Returns:
        The events, oldest first.
    """
    at, seq = place
    query = (
        select(EventRow)
        .where(
            EventRow.customer_id == customer_id,
            col(EventRow.name).in_(list(names)),
            or_(
                col(EventRow.occurred_at) < at,
                and_(col(EventRow.occurred_at) == at, col(EventRow.seq) < seq),
            ),
        )
        .order_by(col(EventRow.occurred_at).desc(), col(EventRow.seq).desc())
        .limit(limit)
    )
    return list(reversed((await session.exec(query)).all()))


@dataclass(frozen=True)
class Left:
    """A customer with events that no run was told of.

    Args:
        customer_id: the customer.
        oldest: the number of the oldest of these events.
    """

    customer_id: str
    oldest: int


async def left_unrouted(
    session: AsyncSession, *, before: datetime, after: int = 0, limit: int
) -> Sequence[Left]:
    """Return customers with old events that no run was told of, the oldest first.

    Args:
        session: any session.
        before: only events received earlier count.
        after: only customers whose oldest event has a higher number than this.
        limit: the most customers to return.

    Returns:
        The customers.
    """
    oldest = func.min(ToRouteRow.seq)
    rows = await session.exec(
        select(ToRouteRow.customer_id, oldest)
        .join(EventRow, col(EventRow.seq) == col(ToRouteRow.seq))
        .where(col(EventRow.received_at) < before)
        .group_by(col(ToRouteRow.customer_id))
        .having(oldest > after)
        .order_by(oldest)
        .limit(limit)
    )
    return [Left(customer_id, seq) for customer_id, seq in rows if seq is not None]


async def set_aside(session: AsyncSession, seqs: Iterable[int], at: datetime) -> None:
    """Note that events were set aside: no sweep takes them up.

    Args:
        session: a writing transaction that holds their customers.
        seqs: the events' numbers.
        at: by the machine's clock.
    """
    numbers = list(seqs)
    if numbers:
        await session.exec(
            update(EventRow).where(col(EventRow.seq).in_(numbers)).values(aside_at=at)
        )


async def mark_routed(session: AsyncSession, seqs: Iterable[int], at: datetime | None) -> None:
    """Note when the runs concerned were told of events.

    Args:
        session: a writing transaction.
        seqs: the events' numbers.
        at: by the machine's clock; None means that the runs are still to be told.
    """
    numbers = list(seqs)
    for first in range(0, len(numbers), AT_ONCE):
        some = few_lengths(numbers[first : first + AT_ONCE])
        await prepared.change(session, _ROUTED, {"seqs": some, "at": at})


async def arrivals(session: AsyncSession, message_ids: Iterable[str]) -> dict[str, int]:
    """Return the numbers of events, by their message ids; of those that are stored."""
    wanted = list(message_ids)
    found: dict[str, int] = {}
    for first in range(0, len(wanted), AT_ONCE):
        some = wanted[first : first + AT_ONCE]
        query = select(EventRow.message_id, EventRow.seq).where(col(EventRow.message_id).in_(some))
        found |= {message_id: seq or 0 for message_id, seq in await session.exec(query)}
    return found


async def newer(
    session: AsyncSession,
    customer_id: str,
    names: Iterable[str],
    *,
    than: Place,
    reach: Reach,
    key: str,
    known: Events,
    run: str = "",
    others: Collection[str] = (),
    regardless: Collection[str] = (),
    within: timedelta = timedelta(0),
) -> list[Heard]:
    """Return later events of these names that concern the run of a key, oldest first.

    Those that arrived later and are older by the tolerance at most are among them: whether they
    count depends on what they are.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        names: the wire names.
        than: the moment and the number of the event after which to look.
        reach: the rule by which events find the run.
        key: the run's key.
        known: the project's events, by wire name.
        run: its workflow id; events that concern only another run are left out.
        others: ids of customers who share an address with this one: what ends runs counts.
        regardless: those of the names whose events end runs: they count even if their class can no
          longer read them.
        within: how far senders' clocks may differ.

    Returns:
        The events without their personal fields. One that cannot be read is left out, or has no
        fields.
    """
    asked: dict[str, Any] = {"customer_id": customer_id, "names": list(names)}
    asked |= {"at": than[0], "seq": than[1], "earliest": earliest(than[0], within)}
    if others:
        asked |= {"others": list(others), "ends": list(regardless)}
    query = _NEWER_WITH_OTHERS if others else _NEWER
    rows: Sequence[Any] = await prepared.rows(session, query, asked)
    had = await keys_that_matter(session, [customer_id, *others], reach, rows, [key])
    found: list[Heard] = []
    for row in rows:
        if not reaches(row, reach, key, had, begun=than[1]):
            continue
        if is_of_another_run(row, run, known):
            continue
        try:
            event = typed(row, known)
        except (BadEvent, UnknownName) as error:
            if row.name in regardless:
                found.append(heard(row, None, within=within))
            log.warning("event %s no longer validates: %s", row.message_id, error)
        else:
            if event.is_whole or row.name in regardless:
                found.append(heard(row, event, within=within))
    return found


async def newer_of_many(
    session: AsyncSession,
    customer_ids: Collection[str],
    names: Collection[str],
    *,
    than: Place,
    known: Events,
    within: timedelta = timedelta(0),
) -> dict[str, list[Heard]]:
    """Return later events of these names that end something, by customer, oldest first.

    As `newer` does for a message that has no key, and whose names all count regardless.

    Args:
        session: any session.
        customer_ids: ids that hold everything.
        names: the wire names; without any there is no query.
        than: as for `newer`.
        known: the project's events, by wire name.
        within: as for `newer`.

    Returns:
        The events without their personal fields.
    """
    found: dict[str, list[Heard]] = {}
    if not names:
        return found
    query = (
        select(EventRow)
        .where(
            col(EventRow.customer_id).in_(customer_ids),
            col(EventRow.name).in_(names),
            _is_newer(than, within),
        )
        .order_by(col(EventRow.occurred_at), col(EventRow.seq))
    )
    for row in await session.exec(query):
        event: Event | None = None
        try:
            event = typed(row, known)
        except (BadEvent, UnknownName) as error:
            log.warning("event %s no longer validates: %s", row.message_id, error)
        found.setdefault(row.customer_id, []).append(heard(row, event, within=within))
    return found


def _is_newer(than: Place, within: timedelta) -> Any:
    since = earliest(than[0], within)
    return and_(
        # it follows from the rest, and is what an index can use
        col(EventRow.occurred_at) >= since,
        or_(
            tuple_(col(EventRow.occurred_at), col(EventRow.seq)) > than,
            col(EventRow.seq) > than[1],
        ),
    )


async def since(
    session: AsyncSession, customer_id: str, name: str, moment: datetime
) -> Sequence[EventRow]:
    """Return the customer's events of one name that happened after a moment.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        name: the wire name.
        moment: the events happened later than this.

    Returns:
        The events, in no particular order.
    """
    query = select(EventRow).where(
        EventRow.customer_id == customer_id, EventRow.name == name, EventRow.occurred_at > moment
    )
    return (await session.exec(query)).all()


def concerns(row: StoredEvent, reach: Reach, key: str) -> bool:
    """Tell whether an event is about what a run with this key is about.

    Args:
        row: the event.
        reach: the rule of the run's journey.
        key: the run's key.

    Returns:
        True if the event has this key, or no key.
    """
    return reach.is_of(key, said(row, reach))


def reaches(
    row: StoredEvent,
    reach: Reach,
    key: str,
    had: Mapping[str, int] | None,
    *,
    begun: int = 0,
) -> bool:
    """Tell whether an event concerns the run of a key, as `domain.keys.Reach` defines it.

    Args:
        row: the event.
        reach: the rule of the run's journey.
        key: the run's key.
        had: the keys that the customer has had; None if nothing depends on them.
        begun: the order of arrival of the event that began the run, where it is known.

    Returns:
        True if it does.
    """
    assert row.seq is not None
    partly = bool(row.properties.get("products"))
    return reach.concerns(
        key, name=row.name, said=said(row, reach), seq=row.seq, had=had, begun=begun, partly=partly
    )


async def keys_that_matter(
    session: AsyncSession,
    customer_ids: Collection[str],
    reach: Reach,
    rows: Iterable[StoredEvent],
    keys: Collection[str],
) -> Mapping[str, int] | None:
    """Return the keys that a customer has had, if it depends on them which runs events concern.

    Args:
        session: any session.
        customer_ids: the ids that hold everything.
        reach: the rule of a journey.
        rows: the events.
        keys: the keys of the runs.

    Returns:
        The arrival of the first start of each key; None if nothing depends on them.
    """
    if not reach.starts or not any(
        reach.depends(key, name=row.name, said=said(row, reach)) for row in rows for key in keys
    ):
        return None
    return await keys_had(session, customer_ids, reach)


async def keys_had(
    session: AsyncSession, customer_ids: Collection[str], reach: Reach
) -> Mapping[str, int]:
    """Return the keys that a customer has had, under any of these ids.

    Args:
        session: any session.
        customer_ids: ids that hold everything.
        reach: the rule of a journey.

    Returns:
        The arrival of the first start of each key, whichever part of its thing that was about; of a
        journey without a key, that of the empty one.
    """
    named = col(EventRow.properties)[reach.field].as_string() if reach.field else literal("")
    query = (
        select(named, func.min(EventRow.seq))
        .where(
            col(EventRow.customer_id).in_(customer_ids), col(EventRow.name).in_(reach.tells_keys)
        )
        .group_by(named)
    )
    return _first((value, seq or 0) for value, seq in await session.exec(query))


def keys_in(rows: Iterable[StoredEvent], reach: Reach) -> Mapping[str, int]:
    """Return the keys that a customer has had.

    Args:
        rows: all events of the customer.
        reach: the rule of a journey.

    Returns:
        The arrival of the first start of each key, whichever part of its thing that was about.
    """
    told = [row for row in rows if row.name in reach.tells_keys]
    return _first((reach.thing(said(row, reach)), row.seq or 0) for row in told)


def _first(pairs: Iterable[tuple[object, int]]) -> dict[str, int]:
    found: dict[str, int] = {}
    for named, seq in pairs:
        key = plain(named)
        found[key] = min(seq, found.get(key, seq))
    return found


def said(row: StoredEvent, reach: Reach) -> object:
    """Return the key that an event names; properties are as they were sent, so it may be a number.

    Args:
        row: the event.
        reach: the rule of a journey.
    """
    return reach.said(row.name, row.properties.get)


def is_of_another_run(row: StoredEvent, run: str, known: Events) -> bool:
    """Tell whether an event concerns one run alone, and not this one.

    Args:
        row: the event.
        run: the workflow id of the run.
        known: the project's events, by wire name.

    Returns:
        True if it names another run.
    """
    kind = known.get(row.name)
    if kind is None or not issubclass(kind, RunEvent):
        return False
    return row.properties.get("run") not in (None, "", run)


def typed(row: StoredEvent, known: Events) -> Event:
    """Return the event as an object of its class, as far as it can be read.

    Raises:
        BadEvent: the class has become stricter since the event was stored.
    """
    known.named(row.name)
    envelope = {
        "message_id": row.message_id,
        "customer_id": row.customer_id,
        "occurred_at": row.occurred_at,
    }
    return known.understand(row.name, row.properties, envelope).event


def heard(row: StoredEvent, event: Event | None, *, within: timedelta = timedelta(0)) -> Heard:
    """Return the event as a workflow may hear it: without its personal fields.

    Args:
        row: the event's row.
        event: the same event as an object of its class; None if the class can no longer read it.
        within: how far senders' clocks may differ.

    Returns:
        What a run hears.
    """
    assert row.seq is not None
    return Heard.made(
        id=row.message_id,
        name=row.name,
        at=row.occurred_at,
        seq=row.seq,
        fields=event.public() if event else {},
        within=within,
    )
