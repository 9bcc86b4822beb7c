"""A surge is more than three times as many as usual, for a reason that nobody wants."""

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given

from sojourn.domain.alerts.surge import WANTED, Day, Surge

USUAL = (Day(5, 400), Day(3, 380), Day(7, 410), Day(4, 390), Day(6, 400))
NONE = tuple(Day(0, 400) for _ in range(5))
SURGE = Surge("renewal", "template", Day(60, 120), Day(5, 400), USUAL)


def test_a_surge_is_seen_before_the_day_is_over() -> None:
    assert SURGE.is_surge
    assert not replace(SURGE, today=Day(20, 120)).is_surge


def test_a_reason_that_never_was_needs_a_few() -> None:
    assert replace(SURGE, today=Day(12, 100), before=NONE).is_surge
    assert not replace(SURGE, today=Day(5, 100), before=NONE).is_surge


def test_a_day_with_ten_times_the_messages_has_ten_times_the_skips() -> None:
    assert not replace(SURGE, today=Day(55, 4000)).is_surge


@pytest.mark.parametrize("reason", sorted(WANTED))
def test_good_news_are_no_surge(reason: str) -> None:
    assert not replace(SURGE, reason=reason).is_surge


def test_something_new_has_no_expectation() -> None:
    assert not replace(SURGE, before=USUAL[:2]).is_surge


def test_a_former_day_like_it_makes_it_usual() -> None:
    assert not replace(SURGE, before=(*USUAL, Day(70, 400))).is_surge


def test_it_lasts_until_a_whole_day_is_usual() -> None:
    morning = replace(SURGE, today=Day(0, 2), yesterday=Day(60, 400))
    assert morning.is_still(SURGE.expected)
    assert not replace(morning, yesterday=Day(6, 400)).is_still(SURGE.expected)


@given(st.integers(1, 100_000), st.lists(st.integers(0, 100_000), min_size=2, max_size=7))
def test_as_many_as_on_a_former_day_are_no_surge(seen: int, others: list[int]) -> None:
    days = tuple(Day(one, 400) for one in (seen, *others))
    assert not replace(SURGE, today=Day(seen, 400), before=days).is_surge


@given(st.integers(0, 1000), st.integers(1, 1000), st.lists(st.integers(0, 300), max_size=8))
def test_more_are_never_less_of_a_surge(seen: int, due: int, before: list[int]) -> None:
    days = tuple(Day(one, 400) for one in before)
    surge = replace(SURGE, today=Day(seen, due), before=days)
    if surge.is_surge:
        assert replace(surge, today=Day(seen + 7, due)).is_surge
        assert surge.is_still(surge.expected)
