"""The stand of a run after what happened, found out without running it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sojourn.domain.messages import Carried, Enrolment, Heard
from sojourn.journeys.leaving import End
from sojourn.journeys.state import CARRIED_EVENTS, REMEMBERED_IDS, State
from sojourn.journeys.terms import Terms


@dataclass(frozen=True)
class Stand:
    """The stand of a run.

    Args:
        enrolment: the newest; it carries what the run has heard since it began.
        ended_by: the event that ended it; None while it is on.
    """

    enrolment: Enrolment
    ended_by: Heard | None


def stand_of(terms: Terms, enrolment: Enrolment, heard: Sequence[Heard]) -> Stand:
    """Return the stand of a run that has heard these events and performed no step yet.

    A goal that also starts the journey, or a start after a goal, begins the next enrolment, as in a
    run itself.

    Args:
        terms: of the journey.
        enrolment: the first, which carries nothing.
        heard: what happened since, in order of arrival.

    Returns:
        The newest enrolment, and the event that ended it, if one did.
    """
    while True:
        state = State(terms, restarts=lambda _: True)
        state.enrol(enrolment)
        for event in heard:
            state.take(event)
        reason = state.reason_to_leave(restarts=False)
        later = [event for event in heard if event.id != enrolment.start.id]
        carried = Carried(
            heard=tuple(later[-CARRIED_EVENTS:]),
            seen=tuple(dict.fromkeys([enrolment.start.id, *(e.id for e in later)]))[
                -REMEMBERED_IDS:
            ],
        )
        stands = enrolment.model_copy(update={"carried": carried})
        if not isinstance(reason, End):
            return Stand(stands, None)
        following = state.following(reason.closing)
        if following is None:
            return Stand(stands, reason.closing)
        enrolment = enrolment.model_copy(update={"start": following})
        heard = [event for event in heard if event.order > following.order]
