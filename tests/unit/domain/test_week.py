"""Spans of a week, as people write them."""

from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.week import DAYS, read_days, read_week

MONDAY = datetime(2027, 3, 1)


def at(day: str, hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(days=DAYS.index(day), hours=hour, minutes=minute)


def test_a_span_without_days_is_of_every_day() -> None:
    week = read_week("09:00-18:00")
    assert all(week.has(at(day, 9)) and not week.has(at(day, 18)) for day in DAYS)


def test_a_span_holds_on_the_days_that_it_names() -> None:
    week = read_week("mon-fri 9:00-18:00, Sat 10:00-14:00")
    assert week.has(at("fri", 17, 59))
    assert week.has(at("sat", 13))
    assert not week.has(at("sat", 9))
    assert not week.has(at("sun", 12))


def test_a_span_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    week = read_week("fri 20:00-02:00")
    assert week.has(at("fri", 23))
    assert week.has(at("sat", 1))
    assert not week.has(at("fri", 1))
    assert not week.has(at("sat", 20))


def test_a_span_over_sunday_midnight_ends_on_monday() -> None:
    week = read_week("sun 22:00-03:00")
    assert week.has(at("mon", 2))
    assert not week.has(at("mon", 22))


def test_a_whole_day_ends_at_24() -> None:
    week = read_week("sun 00:00-24:00")
    assert week.has(at("sun", 0))
    assert week.has(at("sun", 23, 59))
    assert not week.has(at("mon", 0))
    assert not week.has(at("sat", 23, 59))


def test_days_may_go_over_the_end_of_the_week() -> None:
    assert read_days("sat-mon") == (5, 6, 0)
    assert read_days("Wed") == (2,)


def test_spans_that_touch_are_one() -> None:
    assert read_week("mon 09:00-12:00, mon 12:00-14:00, mon 13:00-15:00").spans[0] == (
        (9 * 3600, 15 * 3600),
    )


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("", 'cannot read ""'),
        ("9-18", 'cannot read "9-18"'),
        ("mon", 'cannot read "mon"'),
        ("mon-fri 09:00-18:00 sat 10:00-14:00", "cannot read"),
        ("09:00-09:00", "of no length"),
        ("24:00-09:00", "of no length"),
        ("09:00-24:30", 'no such time of day: "24:30"'),
        ("09:60-10:00", 'no such time of day: "09:60"'),
        ("freitag 09:00-18:00", 'no weekday "freitag"'),
        ("mon-funday 09:00-18:00", 'no weekday "funday"'),
    ],
)
def test_what_cannot_be_read_is_said(written: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_week(written)


@given(st.times(), st.times(), st.datetimes(datetime(2027, 1, 1), datetime(2027, 12, 31)))
def test_quiet_hours_of_the_settings_are_a_week(start: time, end: time, now: datetime) -> None:
    start, end = (each.replace(second=0, microsecond=0) for each in (start, end))
    if start == end:
        return
    shown = now.time()
    quiet = start <= shown < end if start < end else shown >= start or shown < end
    assert QuietHours(start, end).week.has(now) == quiet
