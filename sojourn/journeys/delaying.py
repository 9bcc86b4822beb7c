"""The first wait of a run, where it is known before the run has begun: it can delay the start.

A run that begins with a wait has nothing to do until that is over. Temporal can spend it as the
delay of the start: it hands the run's first task out only then, and the run sets no timer for it.
That saves an action and six events (docs/benchmarks.md).

A delay must not be a guess. The steps are plain Python, so their first lines are run: on the
enrolment alone, without a runtime and without a state. The first verb that they come to is the
answer, if it is a wait of a kind that nothing can bring forward:

- ``sleep`` for a duration, of a journey whose steps no event begins again;
- ``quiet_for``, after the very event that starts the run: more of them only put it off.

Everything that the run hears meanwhile then changes nothing before the wait is over, but for its
end: an event that ends the run has to wake it (`dispatch.telling`). Whatever else the first lines
ask for (what was heard, the time, the place where the customer lives, the event that may have begun
the steps again) could have another answer once the wait is over. Then there is no answer here, and
the run sets a timer as ever.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from sojourn.domain.events import Event
from sojourn.domain.messages import Enrolment
from sojourn.domain.working_time import Span
from sojourn.journeys import wording
from sojourn.journeys.journey import Journey
from sojourn.journeys.run import Run
from sojourn.journeys.waits import Waits


@dataclass(frozen=True)
class FirstWait:
    """The wait with which a run begins.

    Args:
        until: when it is over, by the journey's clock.
        summary: what the run waits for, as an operator reads it.
    """

    until: datetime
    summary: str


class _Over(BaseException):
    """The first lines are over. Not an `Exception`: no ``except`` may swallow it."""


class _Look:
    """Stands where the verbs, the state and the runtime of a run would be, until one is asked for.

    Whatever is asked for afterwards, by lines that catch what ends them, counts no more.
    """

    def __init__(self, journey: type[Journey], enrolment: Enrolment) -> None:
        self.enrolment = enrolment
        self._goal = journey.terms.goal
        self._restarts = bool(journey.terms.restarts_on)
        self._is_over = False
        self._found: FirstWait | None = None

    def __getattr__(self, name: str) -> NoReturn:
        self._is_over = True
        raise _Over

    async def sleep(self, span: Span) -> NoReturn:
        """Take a duration; one by the calendar moves with the customer."""
        if isinstance(span, timedelta) and not self._restarts:
            self._find(span, wording.wait(span, self._goal))
        self._is_over = True
        raise _Over

    async def quiet_for(self, duration: timedelta, *, of: type[Event]) -> NoReturn:
        """Take a wait that begins with the event that starts the run."""
        if of.event_name == self.enrolment.start.name:
            self._find(duration, wording.quiet(duration, of, self._goal))
        self._is_over = True
        raise _Over

    def _find(self, span: timedelta, summary: str) -> None:
        if not self._is_over:
            self._found = FirstWait(self.enrolment.start.at + span, summary)

    def at(self, run: Any) -> FirstWait | None:
        """Run the first lines of a run that nobody else has."""
        run._state = run._runtime = self  # noqa: SLF001
        run.sleep, run.quiet_for = self.sleep, self.quiet_for
        steps = run.steps()
        try:
            steps.send(None)
        except _Over:
            return self._found
        except Exception:  # the run fails by it, where an operator sees it
            return None
        finally:
            self._is_over = True
            with suppress(Exception, _Over):
                steps.close()
        return None


def first_wait(journey: type[Journey], enrolment: Enrolment) -> FirstWait | None:
    """Return the wait with which a run begins, if it may delay the run's start.

    Args:
        journey: the run's.
        enrolment: with which it begins.

    Returns:
        The wait; None if the run does not certainly begin with one, or if something that it may
        hear could bring its next step forward.
    """
    if journey.terms.anchor or not _has_the_verbs(journey):
        return None
    return _Look(journey, enrolment).at(journey())


def _has_the_verbs(journey: type[Journey]) -> bool:
    """Tell whether the verbs and the frame of the steps are ours: a class may have its own."""
    return (
        journey.sleep is Waits.sleep
        and journey.quiet_for is Waits.quiet_for
        and journey.follow is Run.follow
    )
