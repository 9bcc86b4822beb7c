"""When a campaign's message is due: at once, at a moment, at an hour of each zone."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn import at, at_local, at_once
from sojourn.domain.sending_time import Passed

NOW = datetime(2026, 3, 20, 9, tzinfo=UTC)
ROME, TOKYO, LIMA = (ZoneInfo(name) for name in ("Europe/Rome", "Asia/Tokyo", "America/Lima"))
UTC_ZONE = ZoneInfo("UTC")


def test_at_once_is_now_everywhere() -> None:
    assert at_once().due(TOKYO, NOW) == at_once().begins(NOW) == NOW


def test_at_a_moment_is_the_same_for_everybody_and_not_before_the_launch() -> None:
    when = at("2026-03-21T10:00+01:00")
    assert when.due(TOKYO, NOW) == when.due(LIMA, NOW) == datetime(2026, 3, 21, 9, tzinfo=UTC)
    assert at("2026-03-01T10:00+01:00").due(ROME, NOW) == NOW


def test_a_local_time_is_the_hour_of_each_zone() -> None:
    when = at_local("2026-03-21 10:00")
    assert when.due(ROME, NOW) == datetime(2026, 3, 21, 9, tzinfo=UTC)
    assert when.due(TOKYO, NOW) == datetime(2026, 3, 21, 1, tzinfo=UTC)
    assert when.due(LIMA, NOW) == datetime(2026, 3, 21, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("passed", "due"),
    [
        ("now", NOW),
        ("tomorrow", datetime(2026, 3, 21, 1, tzinfo=UTC)),
        ("never", datetime(2026, 3, 20, 1, tzinfo=UTC)),
    ],
)
def test_where_the_hour_has_passed_the_campaign_says_what_follows(
    passed: str, due: datetime
) -> None:
    assert at_local("2026-03-20 10:00", passed=passed).due(TOKYO, NOW) == due
    assert at_local("2026-03-20 10:00", passed=passed).due(LIMA, NOW) == datetime(
        2026, 3, 20, 15, tzinfo=UTC
    )


def test_a_day_long_past_is_the_next_day_on_which_the_hour_lies_ahead() -> None:
    late = at_local("2026-03-01 08:00")
    assert late.due(LIMA, NOW) == datetime(2026, 3, 20, 13, tzinfo=UTC), "still ahead today"
    assert late.due(ROME, NOW) == datetime(2026, 3, 21, 7, tzinfo=UTC)


def test_an_hour_that_the_spring_leaves_out_moves_by_the_gap() -> None:
    when = at_local("2026-03-29 02:30")
    assert when.due(ROME, NOW) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


@given(
    zone=st.sampled_from(sorted(available_timezones())),
    now=st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)).map(
        lambda moment: moment.replace(tzinfo=UTC)
    ),
    ahead=st.timedeltas(timedelta(days=-3), timedelta(days=3)),
    passed=st.sampled_from(list(Passed)),
)
def test_nobody_is_due_in_the_past_unless_never_and_nobody_before_the_beginning(
    zone: str, now: datetime, ahead: timedelta, passed: Passed
) -> None:
    told = (now + ahead).replace(tzinfo=None, second=0, microsecond=0)
    when = at_local(told, passed=passed)
    due = when.due(ZoneInfo(zone), now)
    if passed not in (Passed.NEVER, Passed.LATE):
        assert due >= now
        assert due - now <= max(ahead, timedelta(0)) + timedelta(days=3)
    if due >= now:
        assert due >= when.begins(now)


@pytest.mark.parametrize("wrong", ["tomorrow", "2026-03-20 10:00", 3, None])
def test_a_moment_without_its_offset_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError, match="with its offset"):
        at(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("wrong", ["soon", "2026-03-20T10:00+01:00", 3, None])
def test_a_local_time_has_no_offset(wrong: object) -> None:
    with pytest.raises(TypeError, match="without an offset"):
        at_local(wrong)  # type: ignore[arg-type]


def test_an_unknown_way_is_named_with_those_there_are() -> None:
    with pytest.raises(TypeError, match="choose one of: now, tomorrow, never"):
        at_local("2026-03-20 10:00", passed="later")


def test_it_reads_aloud() -> None:
    assert str(at_once()) == "at once"
    assert str(at("2026-03-21T10:00+01:00")) == "2026-03-21 09:00 UTC"
    assert str(at_local("2026-03-21 10:00", passed="never")) == (
        "2026-03-21 10:00 in each customer's zone, never where that has passed"
    )
