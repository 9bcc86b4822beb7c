"""Spans that a calendar measures."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from sojourn import business_days, hours, months, working
from sojourn.domain.working_time import later

ROME = ZoneInfo("Europe/Rome")
OFFICE = "mon-fri 09:00-18:00"


def rome(day: int, hour: int, minute: int = 0, *, month: int = 1) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ROME).astimezone(UTC)


@pytest.mark.parametrize(
    ("begins", "wait", "ends"),
    [
        (rome(9, 16), hours(4), rome(12, 11)),  # over a weekend
        (rome(9, 16), hours(2), rome(9, 18)),  # to the last minute
        (rome(10, 3), hours(1), rome(12, 10)),  # from a Saturday night
        (rome(5, 20), hours(9), rome(6 + 1, 9) - hours(15)),  # a whole day of work
        (rome(5, 9), hours(90), rome(16, 18)),  # two weeks
    ],
)
def test_working_time_passes_in_hours_of_the_office_alone(
    begins: datetime, wait: timedelta, ends: datetime
) -> None:
    assert later(working(wait, OFFICE), begins, ROME) == ends


def test_a_public_holiday_has_no_hours() -> None:
    # Tuesday, 6 January is Epiphany in Italy
    assert later(working(hours(4), OFFICE, holidays="IT"), rome(5, 16), ROME) == rome(7, 11)


def test_hours_are_counted_over_a_change_of_clocks() -> None:
    whole = working(hours(4), "mon-sun 00:00-24:00")
    begins = rome(29, 1, month=3)  # an hour later it is three o'clock
    assert later(whole, begins, ROME) == begins + hours(4)


def test_a_month_and_business_days_keep_the_time_of_day() -> None:
    begins = rome(31, 10, 15)
    assert later(months(1), begins, ROME) == rome(28, 10, 15, month=2)
    assert later(business_days(1), rome(9, 10, 15), ROME) == rome(12, 10, 15)
    # clocks change between the two
    assert later(months(1), rome(10, 8, month=3), ROME) == rome(10, 8, month=4)


@pytest.mark.parametrize(
    ("wait", "office", "place", "fault"),
    [
        (timedelta(0), OFFICE, "", "is not a wait"),
        (timedelta(days=400), OFFICE, "", "is not a wait"),
        (hours(1), "9 to 5", "", "working: cannot read"),
        (hours(1), OFFICE, "Atlantis", "working:"),
    ],
)
def test_what_cannot_be_waited_for_is_refused(
    wait: timedelta, office: str, place: str, fault: str
) -> None:
    with pytest.raises(ValueError, match=fault):
        working(wait, office, holidays=place)
