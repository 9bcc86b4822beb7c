"""Messages and starts that an operator holds back, in words."""

from collections.abc import Iterable, Iterator, Sequence

from sojourn.dispatch import routing
from sojourn.domain.errors import BadEvent, UnknownName
from sojourn.domain.messages import Reason
from sojourn.domain.states import MessageState
from sojourn.domain.switches import Part, first
from sojourn.project import Project
from sojourn.store import events, switches
from sojourn.store.tables import EventRow, LedgerRow, RunRow, SwitchRow


def not_started(
    row: EventRow, project: Project, held: Iterable[SwitchRow], noted: Sequence[RunRow]
) -> list[str]:
    """Say of which journeys an event would have started a run.

    Args:
        row: the event.
        project: its journeys and events.
        held: the switches that are on, and those that were.
        noted: the customer's runs.

    Returns:
        A clause on each.
    """
    return list(_not_started(row, project, held, noted))


def held_back(row: LedgerRow, held: Iterable[SwitchRow]) -> str:
    """Say who holds a message back, since when and why.

    Args:
        row: of the ledger.
        held: the switches that are on, and those that were.

    Returns:
        A clause; empty if nobody holds it back now.
    """
    if (row.state, row.reason) != (MessageState.DEFERRED, Reason.HELD_BACK):
        return ""
    on = [switches.switch(one) for one in held if one.part == Part.SENDS and one.ended_at is None]
    switch = first(on, journey=row.journey, topics=[row.topic])
    if switch is None:
        return "it was resumed since"
    return f"{switch.by} did so on {switch.since:%Y-%m-%d %H:%M} UTC: {switch.because}"


def _not_started(
    row: EventRow, project: Project, held: Iterable[SwitchRow], noted: Sequence[RunRow]
) -> Iterator[str]:
    if row.routed_at is None:
        return
    then = [
        switches.switch(one)
        for one in held
        if one.part == Part.ENTRIES
        and one.since <= row.routed_at
        and (one.ended_at is None or row.routed_at < one.ended_at)
    ]
    if not then:
        return
    try:
        event = events.typed(row, project.events)
    except (BadEvent, UnknownName):
        return
    for name, journey in project.journeys.heard_by(row.name).items():
        switch = first(then, journey=name, topics=[journey.topic])
        if switch is None or not routing.starts(journey, event):
            continue
        key = routing.key_of(journey, event)
        if any(_was_on(run, name, key, row) for run in noted):
            continue
        yield f"started no run of {name}: {switch.by} held entries back: {switch.because}"


def _was_on(run: RunRow, journey: str, key: str, row: EventRow) -> bool:
    """Tell whether a run that was open heard the event, or the event started it."""
    assert row.routed_at is not None
    same = (run.journey, run.key) == (journey, key)
    return same and (
        run.enrolment == row.message_id
        or (
            run.started_at <= row.routed_at
            and (run.closed_at is None or run.closed_at >= row.routed_at)
        )
    )
