"""Before its horizon an experiment has no interval."""

from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain.errors import BadFigures
from sojourn.domain.statistics import Horizon, Tally, TooEarly, at_horizon, difference

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)


def never() -> None:
    pytest.fail("the figure was counted too early")


def test_an_experiment_of_a_size_is_not_judged_before_it() -> None:
    horizon = Horizon(customers=4200)
    early = at_horizon(horizon, 1200, NOW, never)
    assert early == TooEarly(1200, horizon, NOW)
    assert str(early) == "too early: 1,200 of 4,200 customers a group"
    assert isinstance(early, TooEarly)
    assert early.lacking == 3000
    assert isinstance(at_horizon(horizon, 4199, NOW, never), TooEarly)


def test_at_the_horizon_the_figure_is_counted() -> None:
    figure = difference(Tally(504, 4200), Tally(420, 4200))
    assert at_horizon(Horizon(customers=4200), 4200, NOW, lambda: figure) is figure
    assert at_horizon(Horizon(until=NOW), 3, NOW, lambda: figure) is figure


def test_an_experiment_until_a_moment_is_not_judged_before_it() -> None:
    horizon = Horizon(until=NOW)
    early = at_horizon(horizon, 10**6, NOW - timedelta(seconds=1), never)
    assert str(early) == "too early: until 2027-03-01 09:00 UTC"


def test_of_two_horizons_both_must_be_reached() -> None:
    both = Horizon(customers=100, until=NOW)
    assert isinstance(at_horizon(both, 99, NOW, never), TooEarly)
    assert isinstance(at_horizon(both, 100, NOW - timedelta(1), never), TooEarly)
    assert at_horizon(both, 100, NOW, lambda: 1) == 1


def test_a_horizon_that_cannot_be_is_one_clear_error() -> None:
    with pytest.raises(BadFigures, match="customers=, until=, or both"):
        Horizon()
    with pytest.raises(BadFigures, match="0 customers"):
        Horizon(customers=0)
    with pytest.raises(BadFigures, match="lacks a time zone"):
        Horizon(until=NOW.replace(tzinfo=None))
