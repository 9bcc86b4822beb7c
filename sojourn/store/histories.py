"""Histories: a customer's events as the templates of one run see them."""

import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Executable,
    String,
    func,
    literal,
    literal_column,
    or_,
    select,
)
from sqlalchemy.engine import default
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain import keys
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import Event, Events
from sojourn.domain.keys import Reach
from sojourn.domain.ordering import Place
from sojourn.store import prepared
from sojourn.store.dialects import is_postgresql
from sojourn.store.events import EVENTS, STORED, said, typed
from sojourn.store.prepared import value

LIMIT = 500
"""The most events of one kind and key that a template sees."""
_OWN = EVENTS.c.customer_id == value("customer_id", EVENTS.c.customer_id)
_QUOTED: Callable[[str], str] = String().literal_processor(default.DefaultDialect())  # type: ignore[no-untyped-call]
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
    goals, apart = tuple(sorted(since_goal)), tuple(sorted(of_any_key))
    postgresql = is_postgresql(session)
    query = _near(
        reach.field,
        reach.part,
        tuple(known),
        whole=(*goals, *sorted(folded)),
        of_any_key=apart,
        postgresql=postgresql,
    )
    asked = {"customer_id": customer_id, "spelt": f"%{keys.core(reach.thing(key))}%"}
    near = await prepared.rows(session, query, asked)
    chosen = _chosen(near, reach, key, goals, before=before, folded=folded, of_any_key=apart)
    found = Told([], [])
    arrived: dict[int, Event] = {}
    for row, own, of_thing in sorted(chosen, key=lambda one: _place(one.row)):
        try:
            event = typed(row, known)
        except BadEvent as error:  # its class has become stricter; the message goes out without it
            log.warning("event %s no longer validates and is left out: %s", row.message_id, error)
            continue
        if own:
            found.own.append(event)
        elif row.name in of_any_key:
            found.elsewhere.append(event)
        if of_thing and reach.part:
            arrived[row.seq] = event
    return found._replace(arrived=[arrived[seq] for seq in sorted(arrived)])


class _Near(NamedTuple):
    """An event, and how near it is to a run: about its key, about the thing of its key."""

    row: Any
    own: bool
    of_thing: bool


def _chosen(
    near: Sequence[Any],
    reach: Reach,
    key: str,
    goals: Collection[str],
    *,
    before: Place,
    folded: Collection[str],
    of_any_key: Collection[str],
) -> list[_Near]:
    """Choose the events that a template sees, of those that may be about the run's key.

    Args:
        near: rows of `_near`.
        reach: the rule of the run's journey.
        key: the run's key.
        goals: the wire names of the journey's goals.
        before: the place of the event that started the run.
        folded: the wire names of events that templates fold.
        of_any_key: the wire names of events that a template sees apart if they name another key.

    Returns:
        Those chosen.
    """
    bought: list[Place] = []
    ours: list[_Near] = []
    thing = reach.thing(key)
    for row in near:
        named = said(row, reach)
        own, of_thing = reach.is_of(key, named), reach.thing(named) == thing
        if own and row.name in goals and _place(row) < before:
            bought.append(_place(row))
        if row.nth > LIMIT and row.name not in folded:
            continue
        if own or of_thing or row.name in of_any_key:
            ours.append(_Near(row, own, of_thing))
    if not bought:
        return ours
    since = max(bought)
    return [one for one in ours if _place(one.row) > since]


def _place(row: Any) -> Place:
    return (row.occurred_at, row.seq)


@cache
def _near(
    field: str,
    part: str,
    names: tuple[str, ...],
    *,
    whole: tuple[str, ...],
    of_any_key: tuple[str, ...],
    postgresql: bool,
) -> Executable:
    """Return the statement for the events that may be about a run's key.

    A customer may have thousands of other carts, whose events are looked at and not read.

    Args:
        field: the property that is the key; empty: the journey has none.
        part: the property that tells parts of one thing apart; empty: none does.
        names: of all events.
        whole: of these, those of which all are wanted, not the newest `LIMIT` of each key.
        of_any_key: of these, those that count with any key.
        postgresql: whether the database is PostgreSQL.
    """
    at, seq, name = EVENTS.c.occurred_at.label("at"), EVENTS.c.seq, EVENTS.c.name
    told = select(name, _said(field).label("thing"), _said(part).label("part"), at, seq)
    # read first, or the database looks into an event's properties for each condition again
    theirs = told.where(_OWN, _are_named(name, names)).cte("theirs").prefix_with("MATERIALIZED")
    nth = func.row_number().over(
        partition_by=[theirs.c.name, theirs.c.thing, theirs.c.part],
        order_by=(theirs.c.at.desc(), theirs.c.seq.desc()),
    )
    near = select(theirs, nth.label("nth"))
    if field:
        about = may_spell(theirs.c.thing, postgresql=postgresql)
        near = near.where(or_(about, _are_named(theirs.c.name, of_any_key)))
    ranked = near.subquery()
    wanted = or_(ranked.c.nth <= LIMIT, _are_named(ranked.c.name, whole))
    # the events themselves last, or the database carries what nobody reads through the ranking
    whole_rows = ranked.join(EVENTS, EVENTS.c.seq == ranked.c.seq)
    return select(*STORED, ranked.c.nth).select_from(whole_rows).where(wanted)


def may_spell(thing: ColumnElement[str], *, postgresql: bool) -> ColumnElement[bool]:
    """Return the condition that a text may be a spelling of a key, or is none of any key.

    Args:
        thing: the text as it was sent.
        postgresql: whether the database is PostgreSQL.

    Returns:
        The condition; its parameter ``spelt`` is `keys.core` of the key between two ``%``. It holds
        for every spelling, and for few other texts.
    """
    if postgresql:  # its expressions take longer than all the rest
        thing = thing.collate("C")
        beyond_ascii = func.octet_length(thing) != func.length(thing)
    else:
        beyond_ascii = thing.op("GLOB")("*[^ -~]*")
    return or_(
        func.coalesce(thing, "") == "",
        func.lower(thing).like(value("spelt", EVENTS.c.name), escape="/"),
        *(thing.contains(sign, autoescape=True) for sign in keys.UNUSUAL),
        beyond_ascii,
    )


def _are_named(name: ColumnElement[str], names: Iterable[str]) -> ColumnElement[bool]:
    """Return the condition that a name is one of these.

    The names stand in the statement, which is made once: as values they would be a hundred, which
    take longer to hand over than the database takes to answer.
    """
    return name.in_([literal_column(_QUOTED(one), String) for one in names])


def _said(field: str) -> ColumnElement[str]:
    return EVENTS.c.properties[field].as_string() if field else literal("")
