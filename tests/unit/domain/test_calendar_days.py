"""Days as people name them, in the customer's calendar."""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.calendar import LocalMoment, zone
from sojourn.domain.calendar_days import (
    Day,
    business_days,
    day_of_month,
    months,
    nth_weekday,
    weekday,
)
from sojourn.domain.office_hours import next_opening
from sojourn.domain.week import DAYS

any_day = st.dates(date(1971, 1, 1), date(2090, 1, 1))
weekdays = st.sampled_from(DAYS)


@pytest.mark.parametrize(
    ("rule", "day", "found"),
    [
        (months(1), date(2027, 1, 31), date(2027, 2, 28)),
        (months(1), date(2028, 1, 31), date(2028, 2, 29)),
        (months(2), date(2027, 1, 31), date(2027, 3, 31)),
        (months(1), date(2027, 2, 28), date(2027, 3, 28)),
        (months(12), date(2028, 2, 29), date(2029, 2, 28)),
        (months(-1), date(2027, 3, 31), date(2027, 2, 28)),
        (months(-2), date(2027, 1, 15), date(2026, 11, 15)),
        (months(0), date(2027, 1, 31), date(2027, 1, 31)),
        (day_of_month(1), date(2027, 1, 31), date(2027, 2, 1)),
        (day_of_month(1), date(2027, 1, 1), date(2027, 2, 1)),
        (day_of_month(15), date(2027, 1, 14), date(2027, 1, 15)),
        (day_of_month(15), date(2027, 12, 15), date(2028, 1, 15)),
        (day_of_month(31), date(2027, 1, 31), date(2027, 2, 28)),
        (day_of_month(31), date(2027, 2, 27), date(2027, 2, 28)),
        (weekday("mon"), date(2027, 3, 1), date(2027, 3, 8)),  # from a Monday
        (weekday("tue"), date(2027, 3, 1), date(2027, 3, 2)),
        (weekday("mon-fri"), date(2027, 3, 5), date(2027, 3, 8)),
        (weekday("mon-fri"), date(2027, 3, 4), date(2027, 3, 5)),
        (nth_weekday(1, "mon"), date(2027, 3, 1), date(2027, 4, 5)),
        (nth_weekday(2, "tue"), date(2027, 3, 1), date(2027, 3, 9)),
        (nth_weekday(-1, "fri"), date(2027, 3, 1), date(2027, 3, 26)),
        (nth_weekday(-1, "fri"), date(2027, 12, 31), date(2028, 1, 28)),
        (nth_weekday(5, "mon"), date(2027, 3, 30), date(2027, 5, 31)),  # April has four
        (nth_weekday(-5, "mon"), date(2027, 3, 1), date(2027, 5, 3)),
        (business_days(1), date(2027, 3, 5), date(2027, 3, 8)),
        (business_days(3), date(2027, 3, 4), date(2027, 3, 9)),
        (business_days(0), date(2027, 3, 6), date(2027, 3, 8)),
        (business_days(0), date(2027, 3, 5), date(2027, 3, 5)),
        (business_days(-1), date(2027, 3, 8), date(2027, 3, 5)),
        (business_days(1, holidays="IT"), date(2026, 12, 24), date(2026, 12, 28)),
        (business_days(1, holidays="DE-BY"), date(2027, 1, 5), date(2027, 1, 7)),
        (business_days(1, holidays="DE"), date(2027, 1, 5), date(2027, 1, 6)),
        (business_days(1, holidays="IL"), date(2027, 3, 4), date(2027, 3, 7)),  # a Sunday
    ],
)
def test_a_day_is_found_by_its_name(rule: Day, day: date, found: date) -> None:
    assert rule(day) == found


@given(any_day, st.integers(-200, 200))
def test_a_month_later_is_the_same_day_or_the_last_one(day: date, number: int) -> None:
    found = months(number)(day)
    assert (found.year - day.year) * 12 + found.month - day.month == number
    assert found.day == min(day.day, monthrange(found.year, found.month)[1])


@given(any_day, st.sampled_from([*range(1, 6), *range(-5, 0)]), weekdays)
def test_the_nth_weekday_lies_in_its_week_of_the_month(day: date, n: int, name: str) -> None:
    found = nth_weekday(n, name)(day)
    assert found > day
    assert found.weekday() == DAYS.index(name)
    length = monthrange(found.year, found.month)[1]
    ordinal = (found.day - 1) // 7 + 1 if n > 0 else -((length - found.day) // 7 + 1)
    assert ordinal == n
    before = nth_weekday(n, name)(day - timedelta(days=1))
    assert before in (found, day)


@given(any_day, st.integers(1, 60), st.sampled_from(["", "IT", "DE-BY", "PL"]))
def test_business_days_there_and_back_are_the_same_day(day: date, n: int, place: str) -> None:
    first = business_days(0, holidays=place)(day)
    there = business_days(n, holidays=place)(first)
    assert there > first
    assert business_days(-n, holidays=place)(there) == first
    assert there.weekday() < 5


@given(any_day, st.integers(1, 31))
def test_the_next_day_of_a_month_is_less_than_two_months_away(day: date, n: int) -> None:
    found = day_of_month(n)(day)
    assert day < found <= day + timedelta(days=31)
    assert found.day == min(n, monthrange(found.year, found.month)[1])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: weekday("monday"), 'weekday has no weekday "monday"'),
        (lambda: nth_weekday(6, "mon"), "no month has 6 of a weekday"),
        (lambda: nth_weekday(0, "mon"), "no month has 0 of a weekday"),
        (lambda: nth_weekday(1, "mon-fri"), "one weekday of a month is meant"),
        (lambda: day_of_month(0), "no month has a day 0"),
        (lambda: day_of_month(32), "no month has a day 32"),
        (lambda: business_days(3, holidays="XX"), 'holidays= knows no holidays of "XX"'),
        (lambda: business_days(3, holidays="IT-ZZZ"), 'knows no region "ZZZ" of IT'),
        (lambda: business_days(5000), "5000 is more than a plan may go"),
        (lambda: months(-5000), "-5000 is more than a plan may go"),
    ],
)
def test_a_day_that_there_is_not_is_refused_where_it_is_written(make: object, said: str) -> None:
    with pytest.raises(ValueError) as raised:  # noqa: PT011
        make()  # type: ignore[operator]
    assert said in str(raised.value)


# ---- by the customer's clock ----------------------------------------------------------------


def test_the_day_is_counted_from_the_customers_day() -> None:
    late = datetime(2027, 1, 31, 23, 30, tzinfo=UTC)  # 1 February in Rome, 31 January in New York
    rome = LocalMoment.of(time(10), 0, late, "Europe/Rome", months(1))
    assert rome == datetime(2027, 3, 1, 9, tzinfo=UTC)
    assert rome.in_zone("America/New_York") == datetime(2027, 2, 28, 15, tzinfo=UTC)


def test_days_go_before_the_name() -> None:
    start = datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert LocalMoment.of(time(10), 8, start, "UTC", weekday("mon")) == datetime(
        2027, 3, 15, 10, tzinfo=UTC
    )


ROME = zone("Europe/Rome")


def test_office_hours_are_now_or_begin_next() -> None:
    inside = datetime(2027, 3, 5, 16, tzinfo=UTC)  # Friday, 17:00 in Rome
    assert next_opening("mon-fri 09:00-18:00", "", inside, ROME) == inside
    outside = inside + timedelta(hours=1)
    assert next_opening("mon-fri 09:00-18:00", "", outside, ROME) == datetime(
        2027, 3, 8, 8, tzinfo=UTC
    )
    easter = datetime(2027, 3, 28, 12, tzinfo=UTC)
    assert next_opening("mon-fri 09:00-18:00", "IT", easter, ROME) == datetime(
        2027, 3, 30, 7, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("hours", "holidays", "said"),
    [
        ("nine to five", "", 'opening: cannot read "nine to five"'),
        ("09:00-18:00", "XX", 'opening: knows no holidays of "XX"'),
    ],
)
def test_office_hours_that_there_are_not_are_refused(hours: str, holidays: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        next_opening(hours, holidays, datetime(2027, 3, 5, tzinfo=UTC), ROME)
