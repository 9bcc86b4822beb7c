import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.calendar import (
    LocalMoment,
    clock_changes,
    days_after,
    local_day,
    moment,
    next_weekday,
    zone,
)
from sojourn.domain.errors import UnknownZone

ROME = zone("Europe/Rome")
NEW_YORK = zone("America/New_York")
zones = st.sampled_from(sorted(available_timezones() - {"Factory", "localtime"})).map(zone)
days = st.dates(date(1975, 1, 1), date(2150, 12, 31))
moments = st.datetimes(datetime(1975, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))
times = st.times().map(lambda t: t.replace(microsecond=0, fold=0))


def test_a_time_in_the_spring_gap_moves_forward() -> None:
    assert moment(date(2024, 3, 31), time(2, 30), ROME).astimezone(ROME).time() == time(3, 30)


def test_a_time_that_happens_twice_means_the_first() -> None:
    first = datetime(2024, 10, 27, 0, 30, tzinfo=UTC)  # 02:30 CEST; 02:30 CET comes an hour later
    assert moment(date(2024, 10, 27), time(2, 30), ROME) == first
    assert moment(date(2024, 10, 27), time(2, 30, fold=1), ROME) == first


def test_tomorrow_at_ten_is_23_hours_away_when_clocks_go_forward() -> None:
    saturday = datetime(2024, 3, 30, 9, tzinfo=UTC)  # 10:00 in Rome
    assert days_after(saturday, 1, time(10), ROME) - saturday == timedelta(hours=23)


def test_a_day_is_the_customers_local_day() -> None:
    late = datetime(2024, 1, 9, 3, tzinfo=UTC)  # still the 8th in New York
    assert local_day(late, NEW_YORK) == date(2024, 1, 8)
    assert days_after(late, 1, time(10), NEW_YORK) == datetime(2024, 1, 9, 15, tzinfo=UTC)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "Europe", "Europe/rome\x00"])
def test_an_unknown_zone_is_one_clear_error(name: str) -> None:
    with pytest.raises(UnknownZone, match="no time zone"):
        zone(name)


def test_a_day_that_a_country_skipped_moves_forward() -> None:
    samoa = zone("Pacific/Apia")  # Samoa had no 30 December 2011
    skipped = moment(date(2011, 12, 30), time(10), samoa).astimezone(samoa)
    assert skipped.date() == date(2011, 12, 31)


@given(days, times, zones)
def test_the_wall_clock_shows_the_time_or_a_later_one_after_a_gap(
    day: date, at: time, tz: ZoneInfo
) -> None:
    shown = moment(day, at, tz).astimezone(tz).replace(tzinfo=None)
    assert timedelta(0) <= shown - datetime.combine(day, at) <= timedelta(hours=24)


@given(days, times, zones)
def test_no_earlier_moment_shows_the_same_time(day: date, at: time, tz: ZoneInfo) -> None:
    first = moment(day, at, tz)
    wanted = datetime.combine(day, at)
    for earlier in (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=2)):
        shown = (first - earlier).astimezone(tz).replace(tzinfo=None)
        assert shown != wanted


@given(moments, st.integers(-400, 400), times, zones)
def test_later_days_are_later(when: datetime, days_ahead: int, at: time, tz: ZoneInfo) -> None:
    one = days_after(when, days_ahead, at, tz)
    two = days_after(when, days_ahead + 2, at, tz)
    assert timedelta(0) < two - one < timedelta(days=4)


@given(moments, st.integers(0, 6), st.times(time(4), time(22)), zones)
def test_the_next_weekday_is_that_day_where_the_customer_lives(
    when: datetime, weekday: int, at: time, tz: ZoneInfo
) -> None:
    found = next_weekday(when, weekday, at, tz)
    assert when < found <= when + timedelta(days=8, hours=1)
    if local_day(found, tz).year != 2011:  # Samoa skipped a Friday
        assert local_day(found, tz).weekday() == weekday


@pytest.mark.parametrize("name", ["Asia/Tokyo", "America/New_York", "Europe/Rome", "Pacific/Apia"])
def test_monday_is_monday_everywhere(name: str) -> None:
    tz = zone(name)
    for hour in range(24 * 8):
        found = next_weekday(
            datetime(2024, 3, 6, tzinfo=UTC) + hour * timedelta(hours=1), 0, time(10), tz
        )
        assert (found.astimezone(tz).weekday(), found.astimezone(tz).time()) == (0, time(10))


def test_the_next_weekday_counts_from_the_customers_day() -> None:
    evening = datetime(2024, 3, 4, 3, tzinfo=UTC)  # Monday; in New York it is Sunday, 22:00
    eleven = datetime(2024, 3, 4, 4, tzinfo=UTC)
    assert next_weekday(evening, 6, time(23), NEW_YORK) == eleven
    assert next_weekday(eleven, 6, time(23), NEW_YORK) == datetime(2024, 3, 11, 3, tzinfo=UTC)


def test_a_time_with_a_zone_of_its_own_is_read_as_local() -> None:
    assert moment(date(2024, 1, 8), time(10, tzinfo=NEW_YORK), ROME).astimezone(ROME).hour == 10


def test_moments_are_given_in_utc() -> None:
    assert moment(date(2024, 1, 8), time(10), ROME).tzinfo is UTC


# ---- the source of zones -------------------------------------------------------------------


@pytest.fixture
def stale(tmp_path: Path) -> Path:
    """Return a system's database in which Vancouver keeps UTC, and a zone that is only there."""
    packaged = resources.files("tzdata.zoneinfo")
    (tmp_path / "America").mkdir()
    for name in ("America/Vancouver", "America/Sojourn"):
        (tmp_path / name).write_bytes(packaged.joinpath("UTC").read_bytes())
    return tmp_path


def _asked(database: Path, code: str) -> str:
    said = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONTZPATH": str(database)},
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout.strip()


def test_a_systems_own_database_of_zones_does_not_outrank_the_pinned_one(stale: Path) -> None:
    without = _asked(
        stale,
        "from datetime import *; from zoneinfo import ZoneInfo;"
        "print(datetime(2026, 12, 1, tzinfo=ZoneInfo('America/Vancouver')).utcoffset())",
    )
    assert without == "0:00:00"  # else this tests nothing
    told = _asked(
        stale,
        "from datetime import *; from zoneinfo import ZoneInfo;"
        "early = ZoneInfo('America/Vancouver');"  # before any module of ours: forgotten
        "from sojourn.domain.calendar import moment, zone;"
        "at = moment(date(2026, 12, 1), time(10), zone('America/Vancouver'));"
        "own = datetime(2026, 12, 1, 10, tzinfo=ZoneInfo('America/Vancouver')).astimezone(UTC);"
        "print(at.isoformat(), own == at)",
    )
    assert told == "2026-12-01T17:00:00+00:00 True"  # British Columbia's clocks since 2026


def test_quiet_hours_go_by_the_pinned_zones(stale: Path) -> None:
    told = _asked(
        stale,
        "from datetime import *; from sojourn.domain.opening import held;"
        "from sojourn.domain.calendar import zone; from sojourn.domain.week import read_week;"
        "from sojourn.domain.rules import Quiet;"
        "print(held([Quiet(read_week('21:00-09:00'))], "
        "datetime(2026, 12, 2, 4, 30, tzinfo=UTC), zone('America/Vancouver')).at.isoformat())",
    )
    assert datetime.fromisoformat(told) == datetime(2026, 12, 2, 16, tzinfo=UTC)


def test_a_zone_that_only_the_system_has_is_unknown(stale: Path) -> None:
    told = _asked(
        stale,
        "from sojourn.domain.calendar import zone; from sojourn.domain.errors import UnknownZone\n"
        "try: zone('America/Sojourn')\nexcept UnknownZone as error: print(error)",
    )
    assert told.startswith('no time zone "America/Sojourn"')


@pytest.mark.parametrize(
    ("tz", "after", "before", "at"),
    [
        ("Europe/Rome", (2026, 3, 28), (2026, 3, 30), datetime(2026, 3, 29, 1, tzinfo=UTC)),
        ("Europe/Rome", (2026, 10, 24), (2026, 10, 26), datetime(2026, 10, 25, 1, tzinfo=UTC)),
        ("America/New_York", (2026, 3, 7), (2026, 3, 9), datetime(2026, 3, 8, 7, tzinfo=UTC)),
        ("Australia/Lord_Howe", (2026, 4, 4), (2026, 4, 6), datetime(2026, 4, 4, 15, tzinfo=UTC)),
        ("Europe/Rome", (2026, 3, 1), (2026, 3, 28), None),
        ("Asia/Tokyo", (2026, 3, 1), (2026, 11, 28), None),
    ],
)
def test_the_change_of_clocks_is_found_to_the_second(
    tz: str, after: tuple[int, int, int], before: tuple[int, int, int], at: datetime | None
) -> None:
    found = clock_changes(
        datetime(*after, 0, 0, 7, 11, tzinfo=UTC), datetime(*before, tzinfo=UTC), zone(tz)
    )
    assert found == at


def test_a_moment_that_is_fixed_moves_with_nobody() -> None:
    ten = LocalMoment.found(lambda tz: datetime(2026, 3, 5, 10, tzinfo=tz), "Europe/Rome")
    fixed = ten.fixed()
    assert type(fixed) is datetime
    assert fixed == datetime(2026, 3, 5, 9, tzinfo=UTC)
    assert ten.tzinfo is UTC
    assert ten.in_zone("America/New_York") == datetime(2026, 3, 5, 15, tzinfo=UTC)
