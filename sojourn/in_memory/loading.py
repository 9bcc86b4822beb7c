"""Customers as a store keeps them, taken into memory."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from sojourn.domain.again import Begun
from sojourn.domain.customer import Word
from sojourn.domain.devices import Device
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import Events
from sojourn.domain.messages import Channel
from sojourn.in_memory.people import Happened, Mute, Person, Row, Spoken
from sojourn.in_memory.registry import Registry
from sojourn.journeys.registry import Journeys
from sojourn.store import events


@dataclass(frozen=True)
class Entered:
    """A run that a customer has had, or an event that was taken for one.

    Args:
        journey: its journey.
        enrolment: the message id of the event that began it.
        key: the run's key.
        at: when it began.
    """

    journey: str
    enrolment: str
    key: str
    at: datetime


@dataclass(frozen=True)
class Muted:
    """A mute that nothing has ended.

    Args:
        message_id: the event or question that began it.
        journey: the journey that looks after the customer.
        workflow_id: of its run.
        key: of its run.
        until: its latest end.
    """

    message_id: str
    journey: str
    workflow_id: str
    key: str
    until: datetime


@dataclass(frozen=True)
class Kept:
    """A customer as the store keeps them.

    Args:
        customer_id: the id that holds everything.
        ids: the other ids.
        known: somebody has said who the customer is.
        merged: other ids were joined to this one.
        words: the last word on each field of the card.
        erased: the person asked to be forgotten.
        restricted: the person's data are not used.
        snoozed_until: the customer wants no promotional message before this moment.
        least_days: the days that the customer wants between two messages, by topic.
        devices: those that take push messages; None: the token of the card stands for them.
        dead: the suppressed ones of the customer's addresses.
        said: statements on consent.
        events: in the order of their arrival.
        rows: of the ledger, oldest first.
        entered: the runs that the customer has had.
        variants: that the customer had, oldest first, by experiment.
        mutes: that nothing has ended.
    """

    customer_id: str
    ids: tuple[str, ...] = ()
    known: bool = False
    merged: bool = False
    words: dict[str, Word] = field(default_factory=dict)
    erased: bool = False
    restricted: bool = False
    snoozed_until: datetime | None = None
    least_days: dict[str, int] = field(default_factory=dict)
    devices: tuple[Device, ...] | None = None
    dead: tuple[tuple[Channel, str], ...] = ()
    said: tuple[Spoken, ...] = ()
    events: tuple[Happened, ...] = ()
    rows: tuple[Row, ...] = ()
    entered: tuple[Entered, ...] = ()
    variants: dict[str, list[str]] = field(default_factory=dict)
    mutes: tuple[Muted, ...] = ()


def load(registry: Registry, kept: Iterable[Kept], journeys: Journeys, known: Events) -> None:
    """Take customers in; what is numbered from now on has higher numbers than theirs.

    Args:
        registry: of a world in which nothing has happened yet.
        kept: the customers.
        journeys: of the project.
        known: the project's events, by wire name.
    """
    highest = 0
    for one in kept:
        person = _person(one)
        registry.people |= dict.fromkeys((one.customer_id, *one.ids), person)
        for event in one.events:
            event.event = _typed(event, journeys, known)
            person.keep(event)
            registry.events[event.message_id] = event
            highest = max(highest, event.seq)
        for mute in one.mutes:
            start = registry.events.get(mute.message_id)
            person.mutes.append(
                Mute(mute.message_id, mute.journey, mute.workflow_id, mute.key, start, mute.until)
            )
        person.is_changed()
        registry.moved(person)
        highest = max([highest, *(row.number for row in one.rows), *(s.id for s in one.said)])
    registry.number = count(highest + 1).__next__


def _person(one: Kept) -> Person:
    begun: dict[str, list[tuple[str, Begun]]] = {}
    for entry in one.entered:
        had = (entry.enrolment, Begun(entry.key, entry.at))
        begun.setdefault(entry.journey, []).append(had)
    besides: dict[str, Any] = {
        "erased": one.erased,
        "restricted": one.restricted,
        "snoozed_until": one.snoozed_until,
        "least_days": one.least_days,
        "devices": one.devices,
    }
    return Person(
        one.customer_id,
        known=one.known,
        words=dict(one.words),
        said=list(one.said),
        rows=list(one.rows),
        begun=begun,
        variants={name: list(had) for name, had in one.variants.items()},
        is_merged=one.merged,
        besides=besides,
        dead=frozenset(one.dead),
    )


def _typed(one: Happened, journeys: Journeys, known: Events) -> Any:
    """Return an event as its class has it; None if no journey hears it, or it cannot be read."""
    if one.name not in known or not journeys.heard_by(one.name):
        return None
    try:
        return events.typed(one, known)
    except BadEvent:
        return None
