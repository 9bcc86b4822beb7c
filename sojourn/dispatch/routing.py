"""Find the runs that an event concerns. Pure: other modules ask the store and Temporal."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from sojourn.domain.events import Event, RunEvent
from sojourn.domain.events.base import value_of
from sojourn.domain.keys import Reach, plain, veiled
from sojourn.domain.stored import NotedRun
from sojourn.domain.value_class import value_class
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys


@value_class
class Start:
    """Start this run, or tell it if it is on already; ``shadow``: what it begins is in shadow."""

    workflow_id: str
    journey: str
    key: str
    shadow: bool = False


@value_class
class Tell:
    """Tell this run, if it is still on; ``shadow``: what it begins next is in shadow."""

    workflow_id: str
    journey: str
    shadow: bool = False


Target = Start | Tell

NOTHING: Mapping[str, Mapping[str, int]] = MappingProxyType({})

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
    return _workflow_id(journey, customer_id, plain(key))


@lru_cache(maxsize=1024)
def _workflow_id(journey: str, customer_id: str, key: str) -> str:
    """Return the id of a run. While an event is routed, it is asked for again and again."""
    parts = [journey, customer_id, *([key] if key else [])]
    told = ":".join([part.replace("%", "%25").replace(":", "%3A") for part in parts])
    if len(told.encode()) <= LONGEST_ID:
        return told
    digest = hashlib.sha256(told.encode()).hexdigest()
    return f"{told.encode()[: LONGEST_ID - 65].decode(errors='ignore')}~{digest}"


def key_of(journey: type[Journey], event: Event) -> str:
    """Return the key of the run that an event starts; empty if the event names none.

    It is the value of the journey's key; where the journey knows parts and the event names one, it
    is that of both.
    """
    reach = journey.terms.reach
    if not reach.field:
        return ""
    said = reach.said(event.event_name, vars(event).get)
    return veiled(str(said)) if plain(said) else ""


def starts(journey: type[Journey], event: Event) -> bool:
    """Tell whether the event starts a run of the journey.

    Without the journey's key, or without a field that its class needs, it cannot.
    """
    # by the name: Subscription Renewed is no Subscription Started although its class extends it
    terms = journey.terms
    if event.event_name not in terms.start_names:
        return False
    return event.is_whole and _has_key(journey, event)


def starting_by(event: Event, journeys: Journeys) -> list[str]:
    """Return the names of the journeys of which an event starts a run (`starts`)."""
    may_start = journeys.started_by(event.event_name)
    if not may_start or not event.is_whole:
        return []
    return [name for name, journey in may_start.items() if _has_key(journey, event)]


def _has_key(journey: type[Journey], event: Event) -> bool:
    return not journey.terms.key or bool(key_of(journey, event))


def targets(
    event: Event,
    runs: Iterable[NotedRun],
    journeys: Journeys,
    *,
    over: Collection[str] = (),
    revived: Collection[str] = (),
    sent_as: str | None = None,
    seq: int = 0,
    had: Mapping[str, Mapping[str, int]] = NOTHING,
    silent: Collection[str] = (),
    starting: Collection[str] | None = None,
) -> list[Target]:
    """Return the runs to start or tell.

    Args:
        event: what happened.
        runs: the customer's runs that may be open, oldest first.
        journeys: of the project; one that is switched off starts no run.
        over: journeys whose goal was reached after this event, or that have written since: they are
            told, not started.
        revived: journeys that this event starts although only others do.
        sent_as: the id under which the event came, if an alias call has moved it since: the
            process that stored it may be starting its run under that id at this moment.
        seq: the event's order of arrival.
        had: the keys that the customer has had, by journey, where it depends on them.
        silent: journeys of which the event begins nothing but in shadow.
        starting: journeys of which the event starts a run (`starting_by`), if that was looked up.

    Returns:
        Each run once.
    """
    found: dict[str, Target] = {}
    of: dict[str, list[NotedRun]] = {}
    for run in runs:
        of.setdefault(run.journey, []).append(run)
    if starting is None:
        starting = starting_by(event, journeys)
    is_whole = bool(starting) or event.is_whole  # what starts a run is whole
    for name, journey in journeys.heard_by(event.event_name).items():
        if not is_whole and not journey.terms.is_ended_by(event.event_name):
            continue  # only the runs that it ends can make anything of it
        may_begin = name not in over and name not in journeys.off
        begins = may_begin and (name in revived or name in starting)
        if not begins and name not in of:
            continue
        key, reach = key_of(journey, event), journey.terms.reach
        begun = workflow_id(name, sent_as or event.customer_id, key) if begins else ""
        for run in of.get(name, ()):
            if _concerns(event, run, reach, key, seq=seq, had=had.get(name)):
                found[run.workflow_id] = Tell(run.workflow_id, name, name in silent)
                if not reach.part or plain(run.key) == plain(key):  # that of a part is another run
                    begun = run.workflow_id  # under an id that the customer may have had before
        if begins:
            found[begun] = Start(begun, name, key, name in silent)
    return list(found.values())


def _concerns(
    event: Event,
    run: NotedRun,
    reach: Reach,
    key: str,
    *,
    seq: int,
    had: Mapping[str, int] | None,
) -> bool:
    """Tell whether an event concerns a run of a journey that listens to it."""
    if isinstance(event, RunEvent) and event.run:
        return run.workflow_id == event.run
    return reach.concerns(
        run.key,
        name=event.event_name,
        said=key,
        seq=seq,
        had=had,
        partly=bool(value_of(event, "products")),
    )
