"""A span is compared with the same hours of the weeks before, by the clock on the wall."""

from datetime import UTC, date, datetime, timedelta

from sojourn.domain.alerts.spans import WEEKS, WINDOWS, spans
from sojourn.domain.calendar import zone

ROME = zone("Europe/Rome")
HOURS, DAY, WEEK = WINDOWS


def never(day: date) -> bool:
    return False


def test_the_hours_before_are_those_of_the_same_weekday() -> None:
    now, before = spans(datetime(2026, 11, 29, 14, tzinfo=UTC), DAY, zone("UTC"), never)
    assert now is not None
    assert len(before) == WEEKS
    assert {one.end.weekday() for one in before} == {now.end.weekday()}
    assert before[0].end == now.end - timedelta(weeks=1)
    assert {one.end - one.begin for one in (now, *before)} == {DAY.length}


def test_the_clock_on_the_wall_counts_where_summer_time_has_ended() -> None:
    end = datetime(2026, 11, 1, 9, tzinfo=UTC)  # 10:00 in winter, a week after the change
    _, before = spans(end, HOURS, ROME, never)
    assert [one.end.astimezone(ROME).hour for one in before] == [10] * WEEKS
    assert before[0].end == datetime(2026, 10, 25, 9, tzinfo=UTC)
    assert before[1].end == datetime(2026, 10, 18, 8, tzinfo=UTC)


def test_a_holiday_is_neither_looked_at_nor_compared_with() -> None:
    christmas = date(2026, 12, 25)
    end = datetime(2026, 12, 25, 22, tzinfo=UTC)
    now, _ = spans(end, DAY, ROME, christmas.__eq__)
    assert now is None
    now, before = spans(end + timedelta(weeks=1), DAY, ROME, christmas.__eq__)
    assert now is not None
    assert before[0].end == end - timedelta(weeks=1)
    assert len(before) == WEEKS - 1
    week, _ = spans(end, WEEK, ROME, christmas.__eq__)
    assert week is not None  # one day of seven
