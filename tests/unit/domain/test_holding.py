from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain.holding import LONGEST, LONGEST_IF_NEEDED, SHORTEST, hold_until

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def waits(paused_for: timedelta, *, promotional: bool = True) -> list[timedelta]:
    return [
        hold_until(NOON, paused_for=paused_for, message_id=str(n), promotional=promotional) - NOON
        for n in range(200)
    ]


@pytest.mark.parametrize(
    ("paused_for", "promotional", "wait"),
    [
        (timedelta(0), True, SHORTEST),
        (timedelta(minutes=10), True, timedelta(minutes=5)),
        (HOUR, True, LONGEST),
        (timedelta(minutes=3), False, timedelta(minutes=1.5)),
        (HOUR, False, LONGEST_IF_NEEDED),
    ],
)
def test_a_wait_grows_with_the_pause_up_to_a_limit(
    paused_for: timedelta, wait: timedelta, *, promotional: bool
) -> None:
    found = waits(paused_for, promotional=promotional)
    assert wait / 2 <= min(found) < 0.6 * wait
    assert 1.4 * wait < max(found) <= 1.5 * wait


def test_no_message_waits_longer_than_people_would() -> None:
    assert (timedelta(minutes=1), timedelta(minutes=15)) == (SHORTEST, LONGEST)
    assert timedelta(minutes=2) == LONGEST_IF_NEEDED


def test_a_message_waits_equally_long_each_time_it_is_asked() -> None:
    assert waits(HOUR) == waits(HOUR)
