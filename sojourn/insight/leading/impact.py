"""The impact of changed code on the runs that are open: each led on under both versions."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sojourn.insight.backtesting.comparing import Change, Comparison, Counts, Kind, compare, typical
from sojourn.insight.backtesting.side import Side
from sojourn.insight.backtesting.words import MOVED, change_words, pair
from sojourn.insight.leading.leading import Led


@dataclass(frozen=True)
class Impact:
    """The open runs of one moment, led on under two versions.

    Args:
        before: under the former one.
        after: under the new one.
        compared: what runs that break under neither will do.
    """

    before: Led
    after: Led
    compared: Comparison

    @property
    def broken(self) -> Mapping[str, str]:
        """The runs that would break under the new version, and why."""
        return self.after.broken

    @property
    def broken_before(self) -> Mapping[str, str]:
        """The runs that the former version breaks, and the new one does not."""
        return {run: why for run, why in self.before.broken.items() if run not in self.after.broken}

    @property
    def followed(self) -> Mapping[str, str]:
        """The journeys of the runs that were compared, by workflow id."""
        before = self.before.journeys
        return {run: name for run, name in self.after.journeys.items() if run in before}

    @cached_property
    def changed(self) -> set[str]:
        """The runs whose customers get something else."""
        return {self.run_of(one) for one in self.compared.changes} & self.followed.keys()

    @property
    def unchanged(self) -> int:
        """The number of runs whose customers get the same messages at the same moments."""
        return len(self.followed) - len(self.changed)

    def run_of(self, change: Change) -> str:
        """Return the workflow id of the run whose message differs."""
        line = change.after or change.before
        assert line is not None, "one of the two has it"
        return self.after.runs.get(line.key) or self.before.runs[line.key]

    def by_journey(self) -> dict[str, "OfJourney"]:
        """Return the same by journey, in the order of their names."""
        runs, changed = self.followed, self.changed
        every = Counter(runs.values())
        other = Counter(runs[run] for run in changed)
        broken = Counter(run.partition(":")[0] for run in self.broken)
        grouped = self.compared.grouped()
        return {
            name: OfJourney(
                every[name] - other[name],
                broken[name],
                {step: both for (of, step), both in self.compared.counts.items() if of == name},
                {
                    (step, kind): changes
                    for ((of, step), kind), changes in grouped.items()
                    if of == name
                },
            )
            for name in sorted({*every, *broken, *(of for (of, _), _ in grouped)})
        }


@dataclass(frozen=True)
class OfJourney:
    """The impact on the runs of one journey.

    Args:
        unchanged: runs whose customers get the same messages at the same moments.
        broken: runs that would break.
        steps: the messages of each step that will be decided on, under both versions.
        changes: the messages that differ, by step and kind.
    """

    unchanged: int
    broken: int
    steps: Mapping[str, tuple[Counts, Counts]]
    changes: Mapping[tuple[str, Kind], Sequence[Change]]


def impact(before: Led, after: Led) -> Impact:
    """Compare the open runs of one snapshot under two versions.

    Args:
        before: led on under the former one.
        after: led on under the new one.

    Returns:
        The impact. A run that breaks under either is told apart, and its messages are not compared:
        it stands still.
    """
    aside = {*before.broken, *after.broken}
    sides = [
        Side(lines=[line for line in led.lines if led.runs[line.key] not in aside])
        for led in (before, after)
    ]
    return Impact(before, after, compare(*sides))


def headline(found: Impact) -> str:
    """Say the impact in one line: ``1204 unchanged, 318 get something else, 0 break``."""
    breaks = len(found.broken)
    return (
        f"{len(found.followed) + breaks + len(found.broken_before)} open runs: "
        f"{found.unchanged} unchanged, {len(found.changed)} get something else, {breaks} break"
    )


def change_line(found: Impact, changes: Sequence[Change], samples: int) -> str:
    """Say how a message differs, and name some of its runs.

    Args:
        found: the impact.
        changes: of one kind and one step; at least one.
        samples: the runs that are named.

    Returns:
        ``abandoned-cart/offer: gets it earlier by 2 days in the middle (3 customers): ...``.
    """
    runs = list(dict.fromkeys(found.run_of(one) for one in changes))
    return change_words(changes) + (f": {some(runs, samples)}" if samples else "")


def some(names: Sequence[str], samples: int) -> str:
    """Name some of several: ``a, b and 7 more``.

    Args:
        names: all of them.
        samples: the most that are named.

    Returns:
        The words.
    """
    more = f" and {len(names) - samples} more" if len(names) > samples else ""
    return ", ".join(names[:samples]) + more


def as_json(found: Impact, samples: int) -> dict[str, Any]:
    """Return the impact as JSON values.

    Args:
        found: the impact.
        samples: the messages that are named for each difference.

    Returns:
        The values.
    """
    return {
        "now": found.after.now,
        "until": found.after.until,
        "runs": len(found.followed) + len(found.broken) + len(found.broken_before),
        "unchanged": found.unchanged,
        "changed": len(found.changed),
        "broken": [{"run": run, "reason": why} for run, why in sorted(found.broken.items())],
        "broken_before": sorted(found.broken_before),
        "left_out": sorted({*found.before.left_out, *found.after.left_out}),
        "journeys": {
            name: {
                "unchanged": one.unchanged,
                "broken": one.broken,
                "steps": {
                    step: {"before": then.as_json(), "after": now.as_json()}
                    for step, (then, now) in one.steps.items()
                },
                "changes": [
                    _change(found, step, kind, changes, samples)
                    for (step, kind), changes in one.changes.items()
                ],
            }
            for name, one in found.by_journey().items()
        },
    }


def _change(
    found: Impact, step: str, kind: Kind, changes: Sequence[Change], samples: int
) -> dict[str, Any]:
    return {
        "step": step,
        "kind": kind.value,
        "messages": len(changes),
        "runs": len({found.run_of(one) for one in changes}),
        "customers": len({one.customer_id for one in changes}),
        "seconds": typical(changes).total_seconds() if kind in MOVED else None,
        "samples": [
            {
                "customer_id": one.customer_id,
                "run": found.run_of(one),
                "before": None if one.before is None else one.before.decided,
                "after": None if one.after is None else one.after.decided,
            }
            for one in changes[:samples]
        ],
    }


def cells(then: Counts, now: Counts) -> tuple[str, ...]:
    """Return the numbers of a step under both versions, for a table: due, sent, held."""
    return tuple(pair(*both) for both in _numbers(then, now))


def _numbers(then: Counts, now: Counts) -> list[tuple[int, int]]:
    return [(then.due, now.due), (then.sent, now.sent), (then.held, now.held)]
