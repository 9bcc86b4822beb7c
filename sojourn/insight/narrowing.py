"""The part of a customer's story that is about one journey, one run or one message."""

from collections.abc import Callable

from sojourn.domain.errors import UnknownName
from sojourn.insight.fate import Decided
from sojourn.insight.happenings import Entry, Happened, PersonAsked
from sojourn.insight.story import Line, Story
from sojourn.insight.waits import Wait
from sojourn.journeys.registry import Journeys
from sojourn.journeys.terms import Terms


def of_run(told: Story, run: str, journeys: Journeys) -> Story:
    """Return the part about one run.

    Args:
        told: the whole story.
        run: a workflow id.
        journeys: the project's journeys.

    Returns:
        The run, its messages, and the events that it could hear.

    Raises:
        UnknownName: the customer has no such run; the text offers the nearest.
    """
    known = {one.workflow_id for one in told.runs}
    known |= {line.workflow_id for line in told.timeline if isinstance(line, Decided)}
    known |= {line.run for line in told.timeline if isinstance(line, Entry)}
    if run not in known:
        raise UnknownName("run", run, known, hint="`sojourn explain CUSTOMER` lists them")
    journey = run.partition(":")[0]
    narrow = _of(told, journey, journeys, lambda line: _run_of(line) == run)
    return narrow.model_copy(update={"runs": [one for one in told.runs if one.workflow_id == run]})


def of_journey(told: Story, journey: str, journeys: Journeys, step: str = "") -> Story:
    """Return the part about one journey.

    Args:
        told: the whole story.
        journey: its name.
        journeys: the project's journeys.
        step: only this one of its messages; empty: all.

    Returns:
        The runs of the journey, their messages, and the events that they could hear.
    """

    def concerns(line: Decided | Entry | PersonAsked | Wait) -> bool:
        one = not (step and isinstance(line, Decided)) or line.step == step
        return line.journey == journey and one

    narrow = _of(told, journey, journeys, concerns)
    return narrow.model_copy(update={"runs": [run for run in told.runs if run.journey == journey]})


def of_message(told: Story, name: str, journeys: Journeys) -> Story:
    """Return the part about one message.

    Args:
        told: the whole story.
        name: a step, ``journey/step``, or a number in the ledger.
        journeys: the project's journeys.

    Returns:
        The message, in each run that decided on it, and the rest of these runs' story.

    Raises:
        UnknownName: no message with this name was decided on; the text offers the nearest.
    """
    decided = [line for line in told.timeline if isinstance(line, Decided)]
    found = [
        line
        for line in decided
        if name in (line.step, f"{line.journey}/{line.step}", str(line.number))
    ]
    if not found:
        known = {line.step for line in decided} | {f"{x.journey}/{x.step}" for x in decided}
        raise UnknownName(
            "message", name, known, hint="nothing was decided on yet; `sojourn why-not` says why"
        )
    numbers = {line.number for line in found}
    ids = {line.workflow_id for line in found}
    heard = {name for one in found for name in _terms(journeys, one.journey).declared}
    kept = [
        line
        for line in told.timeline
        if (isinstance(line, Decided) and line.number in numbers)
        or (isinstance(line, Happened) and line.name in heard)
        or (isinstance(line, Entry | PersonAsked | Wait) and _run_of(line) in ids)
        or not isinstance(line, Decided | Happened | Entry | PersonAsked | Wait)
    ]
    return told.model_copy(
        update={"timeline": kept, "runs": [run for run in told.runs if run.workflow_id in ids]}
    )


def _of(
    told: Story,
    journey: str,
    journeys: Journeys,
    concerns: Callable[[Decided | Entry | PersonAsked | Wait], bool],
) -> Story:
    heard = _terms(journeys, journey).declared

    def kept(line: Line) -> bool:
        if isinstance(line, Happened):
            return line.name in heard
        return concerns(line) if isinstance(line, Decided | Entry | PersonAsked | Wait) else True

    return told.model_copy(update={"timeline": [line for line in told.timeline if kept(line)]})


def _terms(journeys: Journeys, name: str) -> Terms:
    journey = journeys.get(name)
    return journey.terms if journey is not None else Terms()


def _run_of(line: Decided | Entry | PersonAsked | Wait) -> str:
    return line.workflow_id if isinstance(line, Decided | Wait) else line.run
