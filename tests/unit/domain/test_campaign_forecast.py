"""The forecast of a campaign: by hour, at a rate, until it is done or of no use."""

from datetime import UTC, datetime, timedelta

from sojourn.domain.campaign_forecast import Arrival, forecast

TEN = datetime(2026, 3, 20, 10, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def arrival(ready: datetime, number: float, useful_for: timedelta = DAY) -> Arrival:
    return Arrival(ready, number, ready + useful_for)


def test_without_a_rate_each_leaves_in_the_hour_in_which_it_is_ready() -> None:
    found = forecast([arrival(TEN + HOUR, 5), arrival(TEN, 3)], None)
    assert found.hours == ((TEN, 3), (TEN + HOUR, 5))
    assert (found.ends, found.late) == (TEN + HOUR, 0)


def test_a_rate_spreads_them_and_the_next_zone_waits_for_the_last() -> None:
    # one a second: two and a half hours for the first zone; the second is ready meanwhile
    found = forecast([arrival(TEN, 9_000), arrival(TEN + HOUR, 1_800)], 1)
    assert found.hours == (
        (TEN, 3_600), (TEN + HOUR, 3_600), (TEN + 2 * HOUR, 3_600),
    )  # fmt: skip
    assert found.ends == TEN + 3 * HOUR


def test_nothing_leaves_between_two_zones_that_are_far_apart() -> None:
    found = forecast([arrival(TEN, 60), arrival(TEN + 8 * HOUR, 60)], 1)
    assert found.hours == ((TEN, 60), (TEN + 8 * HOUR, 60))
    assert found.ends == TEN + 8 * HOUR + timedelta(minutes=1)


def test_who_is_not_reached_while_it_is_of_use_is_late() -> None:
    found = forecast([arrival(TEN, 10_800, useful_for=2 * HOUR)], 1)
    assert (found.hours, found.late) == (((TEN, 3_600), (TEN + HOUR, 3_600)), 3_600)
    assert found.ends == TEN + 2 * HOUR
    gone = forecast([Arrival(TEN, 4, TEN)], None)
    assert (gone.hours, gone.ends, gone.late) == ((), None, 4)


def test_parts_of_a_sample_add_up_to_the_whole() -> None:
    found = forecast([arrival(TEN + n * HOUR, 0.4) for n in range(10)], None)
    assert sum(number for _, number in found.hours) == 4


def test_nobody_takes_no_time() -> None:
    assert forecast([], 5).ends is None
