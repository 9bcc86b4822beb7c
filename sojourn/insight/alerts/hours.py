"""Events and runs by the hour, in each window and in the same hours of the weeks before."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.alerts.judging import ALL
from sojourn.domain.alerts.silence import Line, Of
from sojourn.domain.alerts.spans import WINDOWS, Span, Window, spans
from sojourn.domain.switches import Part
from sojourn.insight.alerts.holding import was_held
from sojourn.insight.alerts.known import Known
from sojourn.store import pulse
from sojourn.store.tables import SwitchRow


@dataclass(frozen=True)
class _Looked:
    """A window: the span that is looked at, and those that count of the weeks before."""

    window: Window
    at: Span
    before: tuple[Span, ...]


async def heard(session: AsyncSession, known: Known, held: Sequence[SwitchRow]) -> list[Line]:
    """Return the events that came and the runs that began, by window.

    Args:
        session: any session.
        known: the project's events and journeys.
        held: switches; a journey that was held back has no line.

    Returns:
        The lines; none before anything was counted.
    """
    end = await pulse.known_until(session)
    if end is None:
        return []
    looked = _looked(known, end.astimezone(UTC).replace(minute=0, second=0, microsecond=0))
    wanted = list(dict.fromkeys(span for one in looked for span in (one.at, *one.before)))
    events = await pulse.sums(session, pulse.EVENT, wanted)
    runs = await pulse.sums(session, pulse.JOURNEY, wanted)
    return [
        line
        for one in looked
        for line in (*_of_events(known, events, one), *_of_runs(known, runs, held, one))
    ]


def _looked(known: Known, end: datetime) -> list[_Looked]:
    looked = []
    for window in WINDOWS:
        now, before = spans(end, window, known.tz, known.is_holiday)
        # of a span that is like no other the count is wanted all the same: what is back counts
        at = Span(end - window.length, end)
        looked.append(_Looked(window, at, before if now is not None else ()))
    return looked


def _of_events(known: Known, events: Mapping[str, pulse.Sums], one: _Looked) -> Iterator[Line]:
    declared, starts = known.project.events, known.starts
    yield _together([sums for name, sums in events.items() if name in declared], one)
    for name, sums in events.items():
        if name in starts:
            yield _line(Of.EVENT, name, sums, one)
        elif name not in declared:
            yield _line(Of.STRANGER, name, sums, one)


def _of_runs(
    known: Known, runs: Mapping[str, pulse.Sums], held: Sequence[SwitchRow], one: _Looked
) -> Iterator[Line]:
    journeys = known.journeys
    for name, sums in runs.items():
        journey = journeys.get(name)
        if journey is not None and not was_held(
            held, Part.ENTRIES, name, journey.topic, one.at.begin
        ):
            yield _line(Of.JOURNEY, name, sums, one)


def _line(of: Of, name: str, sums: pulse.Sums, looked: _Looked) -> Line:
    known = tuple(sums.counts[one] for one in looked.before if one.begin >= sums.first)
    return Line(of, name, looked.window.words, sums.counts[looked.at], known)


def _together(every: Sequence[pulse.Sums], looked: _Looked) -> Line:
    began = min((sums.first for sums in every), default=looked.at.end)
    known = tuple(
        sum(sums.counts[one] for sums in every) for one in looked.before if one.begin >= began
    )
    seen = sum(sums.counts[looked.at] for sums in every)
    return Line(Of.ALL, ALL, looked.window.words, seen, known)
