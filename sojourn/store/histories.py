"""Histories: a customer's events as the templates of one run see them."""

import logging
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Executable, func, literal, or_, select, union_all
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadEvent
from sojourn.domain.events import Event, Events
from sojourn.domain.keys import Reach
from sojourn.domain.ordering import Place
from sojourn.store import prepared
from sojourn.store.events import EVENTS, PLACE, PLACE_ASKED, STORED, concerns, said, typed
from sojourn.store.prepared import value, values

LIMIT = 500
"""The most events of one kind and key that a template sees."""
_OWN = EVENTS.c.customer_id == value("customer_id", EVENTS.c.customer_id)
log = logging.getLogger("sojourn.store")


class Told(NamedTuple):
    """A customer's events for a template, oldest first.

    Args:
        own: those of the run's key, and those without a key.
        elsewhere: those asked for that name another key.
        arrived: where keys know parts, those about the thing of the run's key and about any part of
            it, in the order of their arrival.
    """

    own: list[Event]
    elsewhere: list[Event]
    arrived: Sequence[Event] = ()


async def history(
    session: AsyncSession,
    customer_id: str,
    *,
    reach: Reach,
    key: str,
    since_goal: Iterable[str],
    before: Place,
    known: Events,
    folded: Collection[str] = (),
    of_any_key: Collection[str] = (),
) -> Told:
    """Return the customer's events for a template, oldest first.

    They are the events of the run's key and those without a key. A cart that was bought and filled
    again is a new cart, so events up to the journey's last goal before the run are left out.

    Events that a template sees folded into one thing, a cart or a subscription, are all there, for
    the fold would be wrong without the oldest. Of any other kind there are the newest `LIMIT` of
    the run's key: no kind and no other key pushes them out.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        reach: the rule of the run's journey.
        key: the run's key.
        since_goal: the wire names of the journey's goals.
        before: the moment and the number of the event that started the run.
        known: the project's events, by wire name.
        folded: the wire names of events that templates fold.
        of_any_key: the wire names of events that a template sees apart if they name another key.

    Returns:
        The events that still validate.
    """
    goals, names = tuple(sorted(since_goal)), tuple(known)
    of_whom = {"customer_id": customer_id}
    asked = {**of_whom, "at": before[0], "seq": before[1]}
    fields = reach.field, reach.part
    if reach.field:
        query = _goals_and_keys(*fields, goals, names)
        bought, written = _read_keys(await prepared.rows(session, query, asked), reach, key)
    else:
        newest = await prepared.rows(session, _last_goal(goals), asked)
        bought, written = next(((row.at, row.seq) for row in newest), None), None
    wanted: dict[str, Any] = {**of_whom}
    if bought is not None:
        wanted |= {"at": bought[0], "seq": bought[1]}
    if written is not None:
        wanted["written"] = written
    query = _newest_of_each(
        *fields,
        names,
        (tuple(sorted(folded)), tuple(sorted(of_any_key))),
        since_goal=bought is not None,
    )
    rows: Sequence[Any] = await prepared.rows(session, query, wanted)
    found = Told([], [])
    arrived: dict[int, Event] = {}
    for row in sorted(rows, key=lambda one: (one.occurred_at, one.seq or 0)):
        own = concerns(row, reach, key)
        of_thing = bool(reach.part) and reach.thing(said(row, reach)) == reach.thing(key)
        if not (own or of_thing or row.name in of_any_key):
            continue
        try:
            event = typed(row, known)
        except BadEvent as error:  # its class has become stricter; the message goes out without it
            log.warning("event %s no longer validates and is left out: %s", row.message_id, error)
            continue
        if own:
            found.own.append(event)
        elif row.name in of_any_key:
            found.elsewhere.append(event)
        if of_thing:
            arrived[row.seq or 0] = event
    return found._replace(arrived=[arrived[seq] for seq in sorted(arrived)])


def _read_keys(rows: Sequence[Any], reach: Reach, key: str) -> tuple[Place | None, list[str]]:
    """Read how a customer's events write a run's key, and when its last goal before the run was.

    Args:
        rows: of `_goals_and_keys`.
        reach: the rule of the run's journey.
        key: the run's key.

    Returns:
        The place of that goal, if there is one; and the spellings of the key in the journey's
        field, the empty one among them.
    """
    bought: list[Place] = []
    written = {""}
    for row in rows:
        said_key = reach.said(row.name, {reach.field: row.thing, reach.part: row.part}.get)
        if row.at is not None:
            if reach.is_of(key, said_key):
                bought.append((row.at, row.seq))
        elif reach.is_of(key, said_key) or reach.thing(said_key) == reach.thing(key):
            written.add(row.thing or "")
    return max(bought, default=None), sorted(written)


@cache
def _last_goal(goals: tuple[str, ...]) -> Executable:
    """Return the statement for the last goal before a place, of a journey without a key."""
    at, seq = EVENTS.c.occurred_at, EVENTS.c.seq
    return (
        select(at.label("at"), seq)
        .where(_OWN, _is_named(goals), PLACE < PLACE_ASKED)
        .order_by(at.desc(), seq.desc())
        .limit(1)
    )


@cache
def _goals_and_keys(
    field: str, part: str, goals: tuple[str, ...], names: tuple[str, ...]
) -> Executable:
    """Return the statement for the goals before a place, and for every key as it was written.

    Args:
        field: the property that is the key.
        part: the property that tells parts of one thing apart; empty: none does.
        goals: the wire names of the goals.
        names: those of all events.
    """
    at, seq, name = EVENTS.c.occurred_at, EVENTS.c.seq, EVENTS.c.name
    said_key = _said(field).label("thing"), _said(part).label("part")
    nowhere = literal(None, at.type).label("at"), literal(None, seq.type).label("seq")
    return union_all(
        select(name, *said_key, at.label("at"), seq).where(
            _OWN, _is_named(goals), PLACE < PLACE_ASKED
        ),
        select(name, *said_key, *nowhere).where(_OWN, _is_named(names)).distinct(),
    )


@cache
def _newest_of_each(
    field: str,
    part: str,
    names: tuple[str, ...],
    apart: tuple[tuple[str, ...], tuple[str, ...]],
    *,
    since_goal: bool,
) -> Executable:
    """Return the statement for the newest `LIMIT` events of each name, and of each written key.

    Args:
        field: the property that is the key; empty: the journey has none. With one, only events with
            a key that is among the ``written`` are read, not those of thousands of other carts.
        part: the property that tells parts of one thing apart; empty: none does.
        names: of all events.
        apart: of these, those of which all rows are wanted, and those that count with any key.
        since_goal: only events after a place.
    """
    folded, of_any_key = apart
    newest_first = (EVENTS.c.occurred_at.desc(), EVENTS.c.seq.desc())
    alike = [EVENTS.c.name, _said(field), _said(part)]
    nth = func.row_number().over(partition_by=alike, order_by=newest_first)
    ours = select(*STORED, nth.label("nth")).where(_OWN, _is_named(names))
    if since_goal:
        ours = ours.where(PLACE > PLACE_ASKED)
    if field:
        mine = func.coalesce(_said(field), "").in_(values("written", EVENTS.c.name))
        ours = ours.where(or_(mine, _is_named(of_any_key)))
    ranked = ours.subquery()
    all_of_it = ranked.c.name.in_([literal(name) for name in folded])
    return select(*(ranked.c[one.key] for one in STORED)).where(
        or_(ranked.c.nth <= LIMIT, all_of_it)
    )


def _is_named(names: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that an event has one of these names, each a value of the statement."""
    return EVENTS.c.name.in_([literal(name) for name in names])


def _said(field: str) -> ColumnElement[str]:
    return EVENTS.c.properties[field].as_string() if field else literal("")
