"""Limits of a journey's start in memory, as `dispatch.limiting` counts."""

from datetime import datetime

from sojourn.dispatch.limiting import Asker, asked_by, too_many
from sojourn.domain.abuse import Subject
from sojourn.domain.addresses import normalised
from sojourn.domain.events import Event
from sojourn.in_memory.people import Person
from sojourn.in_memory.registry import Registry
from sojourn.journeys.journey import Journey


def refuses(
    registry: Registry, person: Person, journey: type[Journey], event: Event, now: datetime
) -> str:
    """Say why a request is one too many.

    Args:
        registry: has the requests.
        person: who asks.
        journey: which the event could start.
        event: the request.
        now: by the journeys' clock.

    Returns:
        The subjects that have reached their limits; empty if none has, or the journey has none.
    """
    limits = journey.terms.limits
    if limits is None:
        return ""
    since = now - limits.per
    askers = asked_by(person.card, journey, event)
    moments = [registry.requests.get(_key(person, journey, one), ()) for one in askers]
    numbers = [sum(at > since for at in each) for each in moments]
    return too_many(zip([one.subject for one in askers], numbers, strict=True), limits)


def note(
    registry: Registry, person: Person, journey: type[Journey], event: Event, now: datetime
) -> None:
    """Count a request that starts a run.

    Args:
        registry: has the requests.
        person: who asks.
        journey: which the event starts; without limits nothing is counted.
        event: the request.
        now: by the journeys' clock.
    """
    if journey.terms.limits is not None:
        for one in asked_by(person.card, journey, event):
            registry.requests.setdefault(_key(person, journey, one), []).append(now)


def join(registry: Registry, old: Person, new: Person) -> None:
    """Have the requests of a customer count for another.

    Args:
        registry: has the requests.
        old: whose id becomes another name of the other's.
        new: the other one.
    """
    for key in [key for key in registry.requests if key[1:] == _of(old)]:
        registry.requests.setdefault((key[0], *_of(new)), []).extend(registry.requests.pop(key))


def _key(person: Person, journey: type[Journey], one: Asker) -> tuple[str, Subject, str]:
    if one.subject is Subject.CUSTOMER:
        return (journey.name, *_of(person))
    if one.channel is None:
        return journey.name, one.subject, one.what
    return journey.name, one.subject, f"{one.channel}/{normalised(one.channel, one.what)}"


def _of(person: Person) -> tuple[Subject, str]:
    return Subject.CUSTOMER, person.customer_id
