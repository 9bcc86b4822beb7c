"""Find the runs that an event concerns. Pure: other modules ask the store and Temporal."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from sojourn.domain.events import Event, RunEvent
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import names
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
    """Return the id of a run: ``abandoned-cart:c42:cart7``.

    A colon or percent sign inside a part is percent-encoded: customer ``a:b`` with cart ``c`` and
    customer ``a`` with cart ``b:c`` are different runs. An id that is too long for Temporal's
    database ends in a digest.

    Args:
        journey: its name.
        customer_id: the customer's.
        key: what the run is about; empty where the journey has no key.

    Returns:
        At most `LONGEST_ID` bytes of UTF-8.
    """
    parts = [journey, customer_id, *([key] if key else [])]
    told = ":".join(part.replace("%", "%25").replace(":", "%3A") for part in parts)
    if len(told.encode()) <= LONGEST_ID:
        return told
    digest = hashlib.sha256(told.encode()).hexdigest()
    return f"{told.encode()[: LONGEST_ID - 65].decode(errors='ignore')}~{digest}"


def key_of(journey: type[Journey], event: Event) -> str:
    """Return the value of the journey's key on an event; empty if the event has none."""
    key = journey.terms.key
    return str(getattr(event, key, None) or "") if key else ""


def starts(journey: type[Journey], event: Event) -> bool:
    """Tell whether the event starts a run of the journey. Without the journey's key it cannot."""
    # by the name: Subscription Renewed is no Subscription Started although its class extends it
    of_kind = event.event_name in names(journey.terms.starts_on)
    return of_kind and (not journey.terms.key or bool(key_of(journey, event)))


def targets(
    event: Event,
    runs: Iterable[RunRow],
    journeys: Journeys,
    *,
    over: Iterable[str] = (),
    sent_as: str | None = None,
) -> list[Target]:
    """Return the runs to start or tell.

    Args:
        event: what happened.
        runs: the customer's runs that may be open, oldest first.
        journeys: of the project; one that is switched off starts no run.
        over: journeys whose goal was reached after this event: they are told, not started.
        sent_as: the id under which the event came, if an alias call has moved it since: the
            process that stored it may be starting its run under that id at this moment.

    Returns:
        Each run once.
    """
    found: dict[str, Target] = {}
    for name, journey in journeys.heard_by(event.event_name).items():
        key = key_of(journey, event)
        begun = workflow_id(name, sent_as or event.customer_id, key)
        for run in runs:
            if run.journey == name and _is_of(run, event, journey, key):
                found[run.workflow_id] = Tell(run.workflow_id, name)
                begun = run.workflow_id  # under an id that the customer may have had before
        if starts(journey, event) and name not in over and name not in journeys.off:
            found[begun] = Start(begun, name, key)
    return list(found.values())


def _is_of(run: RunRow, event: Event, journey: type[Journey], key: str) -> bool:
    """Tell whether an event is of this run of the journey, as its key or its sender says."""
    if isinstance(event, RunEvent) and event.run:
        return run.workflow_id == event.run
    return not journey.terms.key or not key or run.key == key
