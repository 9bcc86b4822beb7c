"""Judging: all that was counted in, alerts out.

An alert that stands stays until the counts are back to what they were, which is a milder rule than
that by which it began: what lies between the two neither begins nor ends one. One cause is one
alert: where no event arrives, nobody is told of each journey that starts on one. What stands
already stays, whatever cause turns up afterwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from types import MappingProxyType

from sojourn.domain.alerts.alert import NONE, Alert, Kind, Standing
from sojourn.domain.alerts.harm import LIMITS, Mailbox
from sojourn.domain.alerts.silence import Line, Of
from sojourn.domain.alerts.surge import Surge
from sojourn.domain.brakes import share

ALL = "all"
FEWEST_IN = 20
"""Customers that an audience had before its emptiness says something."""


@dataclass(frozen=True)
class Audience:
    """An audience now, and before.

    Args:
        name: its name; of a campaign's audience, the campaign's.
        size: customers in it now.
        had: those in it before.
        look: commands that show more.
    """

    name: str
    size: int
    had: int
    look: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """All that was counted.

    Args:
        lines: of events, runs and messages, the shortest window first.
        surges: messages that did not leave.
        mailboxes: e-mails of a week.
        audiences: those that could be empty.
        starts: the journeys that start on an event, by its name.
    """

    lines: tuple[Line, ...] = ()
    surges: tuple[Surge, ...] = ()
    mailboxes: tuple[Mailbox, ...] = ()
    audiences: tuple[Audience, ...] = ()
    starts: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))


def judge(facts: Facts, standing: Mapping[str, Standing] = NONE) -> tuple[Alert, ...]:
    """Return the alerts that there are now.

    Args:
        facts: all that was counted.
        standing: alerts that stand, by name.

    Returns:
        Those that begin, and those that stand still. What stands and is not among them is over.
    """
    found: dict[str, Alert] = {}
    for alert in (*_silences(facts, standing), *_surges(facts, standing),
                  *_harm(facts, standing), *_empty(facts, standing)):  # fmt: skip
        found.setdefault(alert.name, alert)
    return tuple(found.values())


# ---- silence -------------------------------------------------------------------------------


def _silences(facts: Facts, standing: Mapping[str, Standing]) -> Iterator[Alert]:
    stopped: set[tuple[Of, str]] = set()
    for of in (Of.ALL, Of.EVENT, Of.JOURNEY, Of.SENDS):  # causes come before what they cause
        now: set[tuple[Of, str]] = set()
        for line in facts.lines:
            if line.of is not of:
                continue
            stands = _stands(line, standing)
            if stands is not None:
                if line.window == standing[stands].window and line.is_still(
                    standing[stands].expected
                ):
                    now.add((of, line.name))
                    alert = _silence(facts, line, _KINDS[of])
                    yield replace(alert, kind=Kind(stands.partition(":")[0]))
            elif line.is_silent:
                now.add((of, line.name))
                if not _is_caused(facts, line, stopped):
                    yield _silence(facts, line, _KINDS[of])
        stopped |= now


_KINDS = {
    Of.ALL: Kind.NOTHING_ARRIVES,
    Of.EVENT: Kind.EVENT_SILENT,
    Of.JOURNEY: Kind.JOURNEY_SILENT,
    Of.SENDS: Kind.SENDS_SILENT,
}


def _stands(line: Line, standing: Mapping[str, Standing]) -> str | None:
    kinds = [_KINDS[line.of], *([Kind.EVENT_RENAMED] if line.of is Of.EVENT else [])]
    names = (f"{kind}:{line.name}" for kind in kinds)
    return next((name for name in names if name in standing), None)


def _is_caused(facts: Facts, line: Line, stopped: set[tuple[Of, str]]) -> bool:
    """Tell whether something else has stopped that explains it."""
    if (Of.ALL, ALL) in stopped:
        return line.of is not Of.ALL
    match line.of:
        case Of.JOURNEY:
            starts = {event for event, journeys in facts.starts.items() if line.name in journeys}
            return any((Of.EVENT, event) in stopped for event in starts)
        case Of.SENDS:
            starts = {event for event, journeys in facts.starts.items() if line.name in journeys}
            return (Of.JOURNEY, line.name) in stopped or any(
                (Of.EVENT, event) in stopped for event in starts
            )
    return False


def _silence(facts: Facts, line: Line, kind: Kind) -> Alert:
    number = f"{line.seen:,} in {line.window}, {line.expected:,.0f} were expected"
    look: tuple[str, ...]
    match line.of:
        case Of.ALL:
            said = f"no event arrives any more: {number}"
            look = ("sojourn keys list", "sojourn quarantine", "sojourn events unknown")
        case Of.EVENT:
            journeys = ", ".join(facts.starts.get(line.name, ()))
            said = f'the event "{line.name}" has stopped: {number}; on it start {journeys}'
            look = ("sojourn events unknown", "sojourn quarantine", "sojourn events")
            other = _instead(facts, line)
            if other is not None:
                kind = Kind.EVENT_RENAMED if kind is Kind.EVENT_SILENT else kind
                said += f'; "{other.name}", which nothing declares, came {other.seen:,} times'
                said += " instead: was it renamed?"
        case Of.JOURNEY:
            said = f"{line.name} fell silent, no run of it begins any more: {number}"
            look = (f"sojourn report {line.name} --by day", "sojourn switches", "sojourn events")
        case _:
            said = f"{line.name} fell silent, its messages do not leave any more: {number}"
            look = (f"sojourn report {line.name}", "sojourn channels", "sojourn switches")
    return Alert(kind, line.name, said, line.seen, line.expected, line.window, look)


def _instead(facts: Facts, line: Line) -> Line | None:
    """Return the event of an unknown name that came up when this one stopped."""
    others = [
        one
        for one in facts.lines
        if one.of is Of.STRANGER and one.window == line.window and one.came_up(line.expected)
    ]
    alike = SequenceMatcher(b=line.name.casefold())

    def likeness(one: Line) -> tuple[float, int, str]:
        alike.set_seq1(one.name.casefold())
        return round(alike.ratio(), 1), one.seen, one.name

    return max(others, key=likeness, default=None)


# ---- surges, harm, audiences ---------------------------------------------------------------


def _surges(facts: Facts, standing: Mapping[str, Standing]) -> Iterator[Alert]:
    for one in facts.surges:
        about = f"{one.source}/{one.reason}"
        stands = standing.get(f"{Kind.SKIPS_SURGE}:{about}")
        if not (one.is_surge if stands is None else one.is_still(stands.expected)):
            continue
        said = (
            f"{one.today.skipped:,} messages of {one.source} did not leave today so far because "
            f"of {one.reason}, {one.expected:,.0f} were expected; {one.today.due:,} were due"
        )
        yield Alert(
            Kind.SKIPS_SURGE,
            about,
            said,
            one.today.skipped,
            one.expected,
            "today",
            (
                f"sojourn report {one.source} --days 14 --by day",
                "sojourn ledger --state skipped",
                "sojourn explain CUSTOMER",
            ),
        )


def _harm(facts: Facts, standing: Mapping[str, Standing]) -> Iterator[Alert]:
    for kind in (Kind.COMPLAINTS_OVER, Kind.COMPLAINTS_HIGH, Kind.BOUNCES_OVER):
        over = []
        for one in facts.mailboxes:
            stands = f"{kind}:{one.name}" in standing
            if one.is_still(kind) if stands else one.is_over(kind):
                over.append((one, stands))
        several = any(one.name != ALL for one, _ in over)
        for one, stands in over:
            if stands or one.name != ALL or not several:  # one provider's is not told of all, too
                yield _harmed(kind, one)


def _harmed(kind: Kind, one: Mailbox) -> Alert:
    number = one.number(kind)
    what = "bounced" if kind is Kind.BOUNCES_OVER else "were called spam"
    of = "e-mails" if one.name == ALL else f"e-mails to {one.name}"
    said = (
        f"{share(number, one.sent)} of {one.sent:,} {of} of 7 days {what}, "
        f"over {100 * LIMITS[kind]:g} %"
    )
    seen = number / one.sent if one.sent else 0.0
    look = ("sojourn report --days 7 --by mailbox", "sojourn report --days 7")
    return Alert(kind, one.name, said, seen, LIMITS[kind], "7 days", look)


def _empty(facts: Facts, standing: Mapping[str, Standing]) -> Iterator[Alert]:
    for one in facts.audiences:
        stands = f"{Kind.AUDIENCE_EMPTY}:{one.name}" in standing
        if one.size == 0 and (stands or one.had >= FEWEST_IN):
            said = f"nobody is in the audience of {one.name} any more; {one.had:,} were"
            yield Alert(Kind.AUDIENCE_EMPTY, one.name, said, 0, one.had, "now", one.look)
