"""Silence is told of what comes as a rule, and of nothing else."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sojourn.domain.alerts.silence import FEWEST, Line, Of

STEADY = Line(Of.JOURNEY, "abandoned-cart", "24 hours", 0, (50, 47, 55, 61, 44, 52, 58, 49))


def test_something_that_comes_as_a_rule_and_has_stopped_is_silent() -> None:
    assert STEADY.is_silent
    assert replace(STEADY, seen=4).is_silent  # stragglers of an old app


@pytest.mark.parametrize("seen", [6, 20, 50, 500])
def test_a_weak_day_is_not_silence(seen: int) -> None:
    assert not replace(STEADY, seen=seen).is_silent


def test_a_shop_that_is_quiet_on_sundays_expects_nothing_of_a_sunday() -> None:
    assert not replace(STEADY, before=(0,) * 8).is_silent
    assert not replace(STEADY, before=(0, 1, 0, 0, 2, 0, 0, 0)).is_silent


def test_something_that_comes_every_other_week_is_not_missed_in_between() -> None:
    assert not replace(STEADY, before=(90, 0, 85, 0, 95, 0, 88, 0)).is_silent


def test_one_outage_among_the_weeks_before_hides_no_other() -> None:
    assert replace(STEADY, before=(50, 47, 0, 61, 44, 52, 58, 49)).is_silent


def test_few_a_day_are_too_few_to_say_anything() -> None:
    assert not replace(STEADY, before=(5, 3, 4, 6, 5, 4, 3, 5)).is_silent


@given(before=st.lists(st.integers(0, 10_000), max_size=FEWEST - 1))
def test_something_new_has_no_expectation(before: list[int]) -> None:
    assert not replace(STEADY, before=tuple(before)).is_silent


@given(before=st.lists(st.integers(0, 500), min_size=3, max_size=8), seen=st.integers(0, 500))
def test_fewer_are_never_less_silent(before: list[int], seen: int) -> None:
    line = replace(STEADY, before=tuple(before), seen=seen)
    if line.is_silent:
        assert replace(line, seen=seen // 2).is_silent
        assert line.seen < sorted(before)[1]
        assert line.is_still(line.expected)


def test_a_return_is_more_than_a_straggler() -> None:
    night = replace(STEADY, before=(1, 0, 2, 1, 0, 1, 2, 1))
    assert replace(night, seen=1).is_still(STEADY.expected)
    assert not replace(STEADY, seen=20).is_still(STEADY.expected)
    assert replace(STEADY, before=(0,) * 8).is_still(STEADY.expected)  # silent for two months
