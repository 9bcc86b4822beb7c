"""The figures of a report and the counts of DuckDB in the same words, so that they compare."""

from collections import Counter

from sojourn.domain.calendar import zone
from sojourn.domain.measuring.attribution import Model
from sojourn.insight.reporting.figures import COLUMNS, By, Group, Report
from tests.support.measured import Counts

UTC_ZONE = zone("UTC")
PLACES = ("day", "source", "occasion", "version", "step", "variant", "channel", "language",
          "mailbox")  # fmt: skip
"""The parts of a key of `counted`, in their order."""


def summed(counts: Counts, by: By, model: Model, since: str) -> Counter[tuple[str, str, str]]:
    """Sum what DuckDB counted, by source, by a column, and by what is counted."""
    found: Counter[tuple[str, str, str]] = Counter()
    for (*cell, what), number in counts.items():
        of = dict(zip(PLACES, cell, strict=True))
        if of["day"] >= since and not what.startswith(tuple({*Model} - {model})):
            found[of["source"], of[by.value], what] += number
    return +found


def said(report: Report) -> Counter[tuple[str, str, str]]:
    """Return the figures of a report in the words of `counted`."""
    found: Counter[tuple[str, str, str]] = Counter()
    for part in report.parts:
        for one in part.groups:
            for what, number in _figures(one, report.asked.model):
                found[part.name, one.name, what] += number
    return +found


def _figures(group: Group, model: Model) -> list[tuple[str, int]]:
    return [
        *((name, getattr(group.counts, name)) for name in COLUMNS),
        *((f"because {reason}", number) for reason, number in group.reasons.items()),
        *((f"held because {reason}", number) for reason, number in group.holds.items()),
        *((f"{model} {one.currency}", one.orders) for one in group.money),
        *((f"{model} money {one.currency}", one.value) for one in group.money),
    ]
