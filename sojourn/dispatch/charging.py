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
from sojourn.journeys.terms import names


@dataclass(frozen=True)
class Roles:
    """The journeys that an event begins nothing of for real.

    Args:
        silent: what it begins of these is in shadow.
        resting: it begins no run of these: another journey is in their place. A run that is open
            hears it.
        doubtful: ids of runs on which that depends: nobody knows whether they are open.
    """

    silent: frozenset[str] = frozenset()
    resting: frozenset[str] = frozenset()
    doubtful: tuple[str, ...] = ()


EVERYBODY = Roles()


def roles(
    event: Event,
    journeys: Journeys,
    open_runs: Iterable[NotedRun],
    *,
    ended: Collection[str] = (),
    looked_up: Collection[str] = (),
) -> Roles:
    """Tell which journeys an event begins nothing of for real.

    Args:
        event: what happened.
        journeys: of the project.
        open_runs: the customer's runs that may be open.
        ended: ids of those that a stored event has ended.
        looked_up: ids of those that were found open just now.

    Returns:
        The roles; `EVERYBODY` writes if no journey is in shadow or in the place of another one.
    """
    if not journeys.shadow and not journeys.instead_of:
        return EVERYBODY
    going_on = [run for run in open_runs if run.workflow_id not in ended]
    silent = set(journeys.shadow - journeys.instead_of.keys())
    resting: set[str] = set()
    doubtful: dict[str, None] = {}
    for new, old in journeys.instead_of.items():
        both, usual = {new, old}, old if new in journeys.shadow else new
        if not any(event.event_name in names(journeys[one].terms.begun_by) for one in both):
            continue  # it begins nothing of either
        mine = [
            run for run in going_on if run.journey in both and _goes_on_with(run, event, journeys)
        ]
        chosen, is_sure = _in_charge(both, usual, mine)
        if not is_sure:
            doubtful |= {run.workflow_id: None for run in mine if run.workflow_id not in looked_up}
        if chosen == old:
            silent.add(new)
        else:
            resting.add(old)
    return Roles(frozenset(silent | resting), frozenset(resting), tuple(doubtful))


def _in_charge(both: set[str], usual: str, mine: Iterable[NotedRun]) -> tuple[str, bool]:
    """Return the one of two journeys that writes about what an event tells.

    A run of either that is on goes on. If it writes, the other one does not; if it is in shadow, it
    stays there, and the other one writes.

    Args:
        both: their names.
        usual: the one that writes if neither has a run that is on.
        mine: their runs that may be on, and are about what the event tells.

    Returns:
        The name; and False if it depends on whether these runs are on.
    """
    runs = list(mine)
    writing = {run.journey for run in runs if not run.shadow}
    if len(writing) == 1:
        (chosen,) = writing
        return chosen, chosen == usual
    in_shadow = {run.journey for run in runs if run.shadow}
    if not writing and len(in_shadow) == 1:
        (chosen,) = both - in_shadow
        return chosen, chosen == usual
    return usual, not writing


def _goes_on_with(run: NotedRun, event: Event, journeys: Journeys) -> bool:
    """Tell whether a run is about what an event tells, and is not ended by it."""
    journey = journeys[run.journey]
    key = plain(key_of(journey, event))
    is_about_it = not key or plain(run.key) == key
    return is_about_it and not journey.terms.is_ended_by(event.event_name)
