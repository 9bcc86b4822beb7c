"""A year of shops in which nothing is wrong: hardly ever is somebody called.

SOJOURN_YEARS=400 plays so many shops, a year each; the numbers are in docs/alerts.md.
"""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from sojourn.domain.alerts.alert import Alert, Standing
from sojourn.domain.alerts.judging import Facts, judge
from sojourn.domain.alerts.silence import Line, Of
from sojourn.domain.alerts.spans import WEEKS, WINDOWS

YEARS = int(os.environ.get("SOJOURN_YEARS", "12"))
WEEK = 7 * 24
HOURS = (52 + WEEKS) * WEEK
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
Counts = np.ndarray[tuple[int], np.dtype[np.int64]]


def shop(chance: np.random.Generator) -> Counts:
    """Return the entries of each hour of a journey of a shop: its size, its hours, its week.

    Days differ by a tenth to two fifths among themselves, as sales, rain and football make them.
    """
    day = 10 ** chance.uniform(-0.5, 2.7)
    hour = np.arange(HOURS)
    shape = np.maximum(np.sin((hour % 24 - 7) / 16 * np.pi), 0.02) ** chance.uniform(0.5, 3)
    week = chance.uniform(0.2, 1.5, 7)
    week[6] *= chance.integers(0, 2)  # half of them are closed on Sundays
    mood = chance.gamma(1 / (spread := chance.uniform(0.1, 0.4)) ** 2, spread**2, HOURS // 24)
    trend = np.exp(chance.uniform(-1, 1) * hour / HOURS)
    rate = shape * week[hour // 24 % 7] * mood[hour // 24] * trend
    counts: Counts = chance.poisson(rate * day * 24 / rate.sum() * HOURS / 24)
    return counts


def lines(sums: Counts, at: int) -> Iterator[Line]:
    """Yield what is looked at in an hour: `sums` are those of all hours before it."""
    for window in WINDOWS:
        length = int(window.length / timedelta(hours=1))
        ends = [at - weeks * WEEK for weeks in range(WEEKS + 1)]
        seen, *before = (int(sums[end] - sums[end - length]) for end in ends if end >= length)
        yield Line(Of.JOURNEY, "any", window.words, seen, tuple(before))


def year(counts: Counts) -> list[tuple[int, Alert]]:
    """Return the alerts that begin within a year, and in which hour."""
    sums = np.concatenate([[0], np.cumsum(counts)])
    stands: dict[str, Standing] = {}
    began = []
    for at in range(WEEKS * WEEK, HOURS):
        found = judge(Facts(tuple(lines(sums, at))), stands)
        began += [(at, one) for one in found if one.name not in stands]
        stands = {
            one.name: stands.get(one.name, Standing(one.expected, one.window)) for one in found
        }
    return began


@pytest.mark.more
def test_a_year_of_shops_in_which_nothing_is_wrong_calls_nobody() -> None:
    chance = np.random.default_rng(20261129)
    false = sum(len(year(shop(chance))) for _ in range(YEARS))
    print(f"{false} false alarms in {YEARS} years of a journey")  # noqa: T201 (docs quote it)
    assert false <= max(1, YEARS // 20)


@pytest.mark.parametrize("outage", [31 * 24 + 10, 200 * 24 + 15])
def test_an_outage_is_seen_within_a_day(outage: int) -> None:
    chance = np.random.default_rng(outage)
    counts = chance.poisson(60 / 24, HOURS)
    counts[WEEKS * WEEK + outage : WEEKS * WEEK + outage + 72] = 0
    ((at, alert),) = year(counts)
    assert 0 < at - WEEKS * WEEK - outage <= 24
    assert alert.name == "journey-silent:any"


def test_the_first_day_of_the_year_is_a_monday() -> None:
    assert date(2026, 1, 5).weekday() == 0 == BEGIN.weekday()
