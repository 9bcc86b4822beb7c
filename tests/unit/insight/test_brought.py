"""Words and drawings for what experiments have brought."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn import Experiment
from sojourn.domain.holdout import HELD_OUT, TREATED
from sojourn.domain.statistics import Horizon, Interval, TooEarly, TooFewPaid
from sojourn.insight.experiments import Compared, Figure, Outcome, Side, planned
from sojourn.insight.reporting.brought import Against, Brought, More, Standing, Verdict
from sojourn.insight.reporting.drawing import DAYS, WIDE, curves, spread
from sojourn.insight.reporting.speech import ENGLISH
from sojourn.journeys.registry import Journeys
from sojourn.testkit.selling.journeys import LeftCart, Welcome

NOW = datetime(2024, 6, 3, tzinfo=UTC)
UP, DOWN, WIDE_ONE = Interval(1, 2, 3), Interval(-3, -2, -1), Interval(-1, 1, 3)
FEW = TooFewPaid(3)


def against(sold: More, **earned: More) -> Against:
    return Against(Side("b", 10, 2), sold, earned)


def brought(base: str, source: str) -> Brought:
    side = Compared(Side("b"), UP, {})
    one = Outcome("x", Side(base), (side,), 0, None, always=False)
    return Brought("x", source, one, one, ())


@pytest.mark.parametrize(
    ("sold", "eur", "pln", "expected"),
    [
        (UP, UP, WIDE_ONE, Standing.LEADS),
        (UP, FEW, FEW, Standing.LEADS),
        (UP, DOWN, WIDE_ONE, Standing.MORE_FOR_LESS),
        (UP, DOWN, UP, Standing.LEADS),  # two currencies that contradict each other say nothing
        (DOWN, WIDE_ONE, FEW, Standing.LOSES),
        (DOWN, UP, UP, Standing.LESS_FOR_MORE),
        (WIDE_ONE, WIDE_ONE, WIDE_ONE, Standing.CHANCE),
        (None, UP, UP, Standing.UNKNOWN),
    ],
)
def test_how_a_side_stands_is_told_by_what_it_sold_and_earned(
    sold: Figure | None, eur: Figure, pln: Figure, expected: Standing
) -> None:
    money_of = {"EUR": More(eur, eur), "PLN": More(pln, pln)}
    assert against(More(sold, sold), **money_of).standing is expected


def test_money_alone_counts_if_it_holds_on_any_day() -> None:
    alike = More(WIDE_ONE, WIDE_ONE)
    assert against(alike, EUR=More(UP, UP)).standing is Standing.EARNS_MORE
    assert against(alike, EUR=More(DOWN, DOWN)).standing is Standing.EARNS_LESS
    assert against(alike, EUR=More(UP, WIDE_ONE)).standing is Standing.CHANCE


def test_a_word_says_whether_it_holds_on_any_day() -> None:
    assert ENGLISH.verdict(More(UP, UP)) == "higher"
    assert ENGLISH.verdict(More(DOWN, WIDE_ONE)) == "lower, at one look alone"
    assert ENGLISH.verdict(More(WIDE_ONE, WIDE_ONE)) == "may be chance"
    assert More(FEW, FEW).verdict is Verdict.UNKNOWN


def test_figures_are_written_and_so_is_their_lack() -> None:
    assert ENGLISH.money(Interval(1.5, 2, 2500)) == "2.00 (1.50 to 2,500.00)"
    assert ENGLISH.money(Interval(-1, 2, 3), signed=True) == "+2.00 (-1.00 to +3.00)"
    assert (
        ENGLISH.money(FEW)
        == ENGLISH.difference(FEW)
        == ENGLISH.lacking(FEW)
        == "3 paid, too few: 10 are needed"
    )
    assert ENGLISH.difference(Interval(0.01, 0.02, 0.03)) == "+2.00 (+1.00 to +3.00)"
    assert ENGLISH.difference(None) == "–"
    early = TooEarly(6, Horizon(customers=100), NOW)
    assert ENGLISH.lacking(early) == "too early: 6 of 100 customers a group"


def test_a_control_group_has_words_of_its_own() -> None:
    lifted = against(More(UP, UP))
    assert ENGLISH.standing(brought("a", "cart"), lifted) == "leads"
    assert ENGLISH.standing(brought(HELD_OUT, "cart"), lifted) == "sells more than silence"
    assert ENGLISH.experiment(brought("a", "cart")) == "Experiment x"
    assert ENGLISH.experiment(brought(HELD_OUT, "cart")) == "Against those held out"
    assert ENGLISH.experiment(brought(HELD_OUT, "")) == "Against those held out from everything"


def test_the_plan_of_an_experiment_stands_in_its_journeys_file() -> None:
    journeys = Journeys([LeftCart, Welcome])
    assert planned("tone", 0.0, journeys) == {"calm": 1, "shouting": 1}
    assert planned("holdout-left-cart", 0.0, journeys) == {HELD_OUT: 0.5, TREATED: 0.5}
    assert planned("holdout-welcome", 0.0, journeys) is None
    assert planned("holdout", 0.1, journeys) == {HELD_OUT: 0.1, TREATED: 0.9}
    assert planned("gone", 0.1, journeys) is None
    assert isinstance(journeys.experiments["price"], Experiment)


@given(st.lists(st.tuples(*[st.floats(-10, 1e6)] * 3), max_size=12), st.floats(0, 1e6))
def test_curves_stay_in_their_drawing(
    points: list[tuple[float, float, float]], most: float
) -> None:
    drawn = curves([("stage", points)], most)
    for part in drawn.split('points="')[1:]:
        for pair in part.partition('"')[0].split():
            x, y = map(float, pair.split(","))
            assert 0 <= x <= WIDE
            assert 0 <= y <= DAYS


def test_a_difference_of_none_stands_in_the_middle() -> None:
    drawn = spread(-1, 0, 1, 2)
    assert 'x="250" y="6" width="500"' in drawn
    assert f'x="{WIDE // 2 - 3}"' in drawn
    with pytest.raises(ValueError, match="not a class"):
        curves([('x"><script>', [])], 1)
