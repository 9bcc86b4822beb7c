"""`ramped`: the days that a campaign takes from a domain that warms up."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.campaign_forecast import Arrival
from sojourn.domain.ramp import Allowance, Ladder, day_of
from sojourn.domain.ramp_forecast import ramped

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 30, tzinfo=UTC)
LADDER = Ladder(steps=(100, 200, 400))
DAY = timedelta(days=1)


def days(number: int, *, used: int = 0, useful_for: timedelta = 30 * DAY) -> dict[int, float]:
    today = Allowance("shop.example", 100, used, MIDNIGHT)
    found: Counter[int] = Counter()
    for one in ramped([Arrival(NOON, number, NOON + useful_for)], today, LADDER, 1, "UTC"):
        if one.ready < one.useful_until:
            found[(one.ready - NOON) // DAY] += one.number  # type: ignore[assignment]
    return dict(found)


def test_it_climbs_a_step_after_each_day_and_has_no_budget_above() -> None:
    assert days(1_000) == {0: 100, 1: 200, 2: 400, 3: 300}
    assert days(5_000) == {0: 100, 1: 200, 2: 400, 3: 4_300}
    assert days(60) == {0: 60}


def test_what_has_left_today_has_left() -> None:
    assert days(250, used=70) == {0: 30, 1: 200, 2: 20}


def test_what_is_of_no_use_by_then_takes_no_place() -> None:
    assert days(1_000, useful_for=timedelta(hours=30)) == {0: 100, 1: 200}


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(1, 500), st.integers(1, 200)), max_size=12),
    st.integers(0, 100),
)
def test_nobody_is_lost_and_no_day_has_more_than_its_budget(
    given_: list[tuple[int, int, int]], used: int
) -> None:
    hour = timedelta(hours=1)
    arrivals = [
        Arrival(NOON + begin * hour, number, NOON + (begin + use) * hour)
        for begin, number, use in given_
    ]
    today = Allowance("shop.example", 100, used, MIDNIGHT)
    found = list(ramped(arrivals, today, LADDER, 1, "UTC"))
    assert sum(one.number for one in found) == sum(one.number for one in arrivals)
    left: Counter[str] = Counter()
    for one in found:
        if one.ready < one.useful_until:
            left[str(day_of(one.ready, "UTC")[0])] += int(one.number)
    first = str(day_of(NOON, "UTC")[0])
    assert left[first] <= 100 - used
    assert all(number <= 400 or index >= 3 for index, number in enumerate(left.values()))
