"""Which runs an event concerns. Pure functions: the store and Temporal are asked elsewhere."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from sojourn.domain.events import Event, MessageEvent
from sojourn.journeys.journey import Journey, declared
from sojourn.journeys.registry import journeys
from sojourn.store.tables import RunRow


@dataclass(frozen=True)
class Start:
    """Start this run, or tell it if it is on already."""

    workflow_id: str
    journey: str
    key: str


@dataclass(frozen=True)
class Tell:
    """Tell this run, if it is still on."""

    workflow_id: str
    journey: str


Target = Start | Tell

LONGEST_ID = 255
"""Characters of a workflow id that Temporal's tables hold on PostgreSQL and MySQL."""


def workflow_id(journey: str, customer_id: str, key: str = "") -> str:
    """The id of a run: ``abandoned-cart:c42:cart7``.

    A colon or percent sign inside a part is percent-encoded: customer ``a:b`` with cart ``c`` and
    customer ``a`` with cart ``b:c`` are different runs. What is too long for Temporal's database
    ends in a digest instead.
    """
    parts = [journey, customer_id, *([key] if key else [])]
    told = ":".join(part.replace("%", "%25").replace(":", "%3A") for part in parts)
    if len(told.encode()) <= LONGEST_ID:
        return told
    digest = hashlib.sha256(told.encode()).hexdigest()
    return f"{told.encode()[: LONGEST_ID - 65].decode(errors='ignore')}~{digest}"


def key_of(journey: type[Journey], event: Event) -> str:
    """The value of the journey's key on an event; empty if it has none."""
    return str(getattr(event, journey.key, None) or "") if journey.key else ""


def starts(journey: type[Journey], event: Event) -> bool:
    """Whether the event starts a run of the journey. Without its key it cannot."""
    # the very class: Subscription Renewed is no Subscription Started although it extends it
    return type(event) in journey.starts_on and (not journey.key or bool(key_of(journey, event)))


def hears(journey: type[Journey], event: type[Event]) -> bool:
    """Whether a run of the journey wants to know of events of this class."""
    return event in declared(journey)


def heard_by(event: Event) -> Mapping[str, type[Journey]]:
    """The journeys that listen to this kind of event."""
    return _heard_by(type(event))


@lru_cache(maxsize=256)
def _heard_by(event: type[Event]) -> Mapping[str, type[Journey]]:
    found = {name: journey for name, journey in journeys().items() if hears(journey, event)}
    return MappingProxyType(found)


def targets(
    event: Event, runs: Iterable[RunRow], *, over: Iterable[str] = (), sent_as: str | None = None
) -> list[Target]:
    """The runs to start or tell.

    Args:
        event: what happened.
        runs: the customer's runs that may be open, oldest first.
        over: journeys whose goal was reached after this event: they are told, not started.
        sent_as: the id under which the event came, if an alias call has moved it since: whoever
            stored it may be starting its run under that id at this moment.
    """
    found: dict[str, Target] = {}
    for name, journey in heard_by(event).items():
        key = key_of(journey, event)
        begun = workflow_id(name, sent_as or event.customer_id, key)
        for run in runs:
            if run.journey == name and _is_of(run, event, journey, key):
                found[run.workflow_id] = Tell(run.workflow_id, name)
                begun = run.workflow_id  # under an id that the customer may have had before
        if starts(journey, event) and name not in over:
            found[begun] = Start(begun, name, key)
    return list(found.values())


def _is_of(run: RunRow, event: Event, journey: type[Journey], key: str) -> bool:
    """Whether an event is of this run of the journey, as its key or its sender tells."""
    if isinstance(event, MessageEvent) and event.run:
        return run.workflow_id == event.run
    return not journey.key or not key or run.key == key
