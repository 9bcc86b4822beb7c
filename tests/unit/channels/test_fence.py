"""The fence around a hand-over, by a clock that goes on while the process stands still."""

from datetime import timedelta

import pytest

from sojourn.channels import fence
from sojourn.channels.fence import Fence, current, seconds_up
from sojourn.domain.errors import FenceClosed
from sojourn.domain.fence import FENCE
from sojourn.journeys.temporal import SEND_TIMEOUT

LASTS = FENCE.total_seconds()


class Clock:
    """A clock that the test moves."""

    now = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(fence, "seconds_up", lambda: moved.now)
    return moved


def test_a_message_may_leave_until_the_fence_closes(clock: Clock) -> None:
    one = Fence()
    assert one.left == LASTS
    clock.now += LASTS - 1
    one.cross()
    assert one.crossed
    assert one.left == 1
    clock.now += 1
    with pytest.raises(FenceClosed):
        one.check()
    with pytest.raises(FenceClosed):
        one.cross()
    assert one.left == 0


def test_nothing_has_crossed_a_fence_that_was_closed_before(clock: Clock) -> None:
    one = Fence()
    clock.now += LASTS
    with pytest.raises(FenceClosed):
        one.cross()
    assert not one.crossed


def test_a_fence_can_be_shut(clock: Clock) -> None:
    one = Fence()
    one.shut()
    with pytest.raises(FenceClosed):
        one.cross()


def test_the_current_fence_is_that_of_the_block(clock: Clock) -> None:
    one = Fence()
    with one.around():
        assert current() is one
    clock.now += 10 * LASTS
    current().cross()  # nobody has made one: nothing limits it
    assert Fence(None).left is None


def test_the_clock_goes_on() -> None:
    first = seconds_up()
    assert seconds_up() >= first


def test_an_attempt_tells_its_end_before_temporal_gives_it_up() -> None:
    files, answer = timedelta(seconds=20), timedelta(seconds=10)
    assert files + answer <= FENCE <= SEND_TIMEOUT / 2
