"""Tell which of two versions of a journey an event begins for real. Pure: no store, no Temporal.

A journey may be there in the place of another one (`Terms.instead_of`). As long as it is in shadow
(`Journeys.shadow`), the other one writes to customers; from then on it does. In between there are
runs of either that began before: the one that has begun something goes on with it to its end, and
the other one begins nothing for the same thing from which a message leaves. So no customer gets two
ladders about one cart, nor the middle of one that never began.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sojourn.dispatch.routing import key_of
from sojourn.domain.events import Event
from sojourn.domain.keys import plain
from sojourn.domain.stored import NotedRun
from sojourn.journeys.registry import Journeys


@dataclass(frozen=True)
class Roles:
    """The journeys that an event begins nothing of for real.

    Args:
        silent: what it begins of these is in shadow.
        resting: it begins no run of these: another journey is in their place. A run that is open
            hears it.
    """

    silent: frozenset[str] = frozenset()
    resting: frozenset[str] = frozenset()


EVERYBODY = Roles()


def roles(
    event: Event, journeys: Journeys, open_runs: Iterable[NotedRun], ended: Collection[str] = ()
) -> Roles:
    """Tell which journeys an event begins nothing of for real.

    Args:
        event: what happened.
        journeys: of the project.
        open_runs: the customer's runs that may be open.
        ended: ids of those that a stored event has ended.

    Returns:
        The roles; `EVERYBODY` writes if no journey is in shadow or in the place of another one.
    """
    if not journeys.shadow and not journeys.instead_of:
        return EVERYBODY
    going_on = [run for run in open_runs if run.workflow_id not in ended]
    silent = set(journeys.shadow - journeys.instead_of.keys())
    resting: set[str] = set()
    for new, old in journeys.instead_of.items():
        if _in_charge(new, old, event, journeys, going_on) == old:
            silent.add(new)
        else:
            resting.add(old)
    return Roles(frozenset(silent | resting), frozenset(resting))


def _in_charge(
    new: str, old: str, event: Event, journeys: Journeys, open_runs: Iterable[NotedRun]
) -> str:
    """Return the one of two journeys that writes about what an event tells.

    A run of either that is on goes on. If it writes, the other one does not; if it is in shadow, it
    stays there, and the other one writes. An event that ends such a run leaves nothing to go on
    with.
    """
    both = {new, old}
    mine = [run for run in open_runs if run.journey in both and _goes_on_with(run, event, journeys)]
    writing = {run.journey for run in mine if not run.shadow}
    if len(writing) == 1:
        return writing.pop()
    in_shadow = {run.journey for run in mine if run.shadow}
    if not writing and len(in_shadow) == 1:
        return (both - in_shadow).pop()
    return old if new in journeys.shadow | journeys.off else new


def _goes_on_with(run: NotedRun, event: Event, journeys: Journeys) -> bool:
    """Tell whether a run is about what an event tells, and is not ended by it."""
    journey = journeys[run.journey]
    key = plain(key_of(journey, event))
    is_about_it = not key or plain(run.key) == key
    return is_about_it and not journey.terms.is_ended_by(event.event_name)
