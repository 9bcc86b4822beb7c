"""`Brakes`: at which numbers a campaign stops itself."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn import EMAIL, Brakes
from sojourn.domain.brakes import Tally, certain_share

NUMBERS = st.integers(0, 2_000_000)


@st.composite
def tallies(draw: st.DrawFn) -> Tally:
    left = draw(NUMBERS)
    return Tally(left, draw(st.integers(0, left)), draw(st.integers(0, left)))


def test_it_says_the_share_and_the_limit() -> None:
    why = Brakes().why(Tally(1_000, 68, 0), EMAIL)
    assert why == "6.8 % of 1,000 messages by email bounced, over 5 %"
    why = Brakes().why(Tally(2_000, 0, 9), EMAIL)
    assert why == "0.45 % of 2,000 messages by email were complained about, over 0.1 %"


@pytest.mark.parametrize(
    "tally",
    [
        Tally(3, 1, 1),
        Tally(199, 150, 20),
        Tally(200, 0, 1),
        Tally(1_000, 55, 0),
        Tally(100_000, 4_900, 99),
    ],
)
def test_what_may_be_chance_stops_nothing(tally: Tally) -> None:
    assert Brakes().why(tally, EMAIL) == ""


@given(tallies(), st.integers(1, 1_000))
def test_it_stops_only_over_its_limit_and_after_enough(tally: Tally, least: int) -> None:
    brakes = Brakes(least=least)
    if brakes.why(tally, EMAIL):
        assert tally.left >= least
        assert tally.bounced > 0.05 * tally.left or tally.complained > 0.001 * tally.left


@given(tallies(), NUMBERS)
def test_more_that_do_no_harm_never_make_it_worse(tally: Tally, more: int) -> None:
    before = certain_share(tally.bounced, tally.left)
    assert 0 <= before <= (tally.bounced / tally.left if tally.left else 0)
    assert certain_share(tally.bounced, tally.left + more) <= before + 1e-12


def test_one_that_is_not_watched_stops_nothing() -> None:
    assert Brakes(bounces=None).why(Tally(1_000, 1_000, 0), EMAIL) == ""
    assert Brakes(complaints=None).why(Tally(1_000, 0, 1_000), EMAIL) == ""


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"bounces": 5}, "bounces= is a share of messages, 0.05 for 5 %"),
        ({"complaints": 0}, "complaints= is a share"),
        ({"bounces": "5 %"}, "bounces= is a share"),
        ({"least": 0}, "least= is a number of messages"),
        ({"least": 0.5}, "least= is a number of messages"),
    ],
)
def test_brakes_that_make_no_sense_are_one_clear_line(told: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError, match=said):
        Brakes(**told)
