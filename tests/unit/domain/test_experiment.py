"""`Experiment`: each customer has one variant, by the weights, and keeps it."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.experiment import Experiment, assigned, drawn, point

CUSTOMERS = [f"c_{n}" for n in range(2_000)]
names = st.text("abcdefghij", min_size=1, max_size=5)
weights = st.dictionaries(names, st.floats(0.01, 100, allow_nan=False), min_size=2, max_size=5)


def of_all(experiment: Experiment) -> dict[str, str]:
    return {one: assigned(experiment, one) for one in CUSTOMERS}


def test_the_variants_of_customers_never_change() -> None:
    tone = Experiment("tone", {"plain": 1, "warm": 1})
    assert [assigned(tone, one) for one in CUSTOMERS[:8]] == [
        "plain", "plain", "warm", "warm", "plain", "warm", "warm", "warm",
    ]  # fmt: skip
    assert point("tone", "c_1") == 0.5690714564472528


@pytest.mark.parametrize("chosen", [{"plain": 1, "warm": 1}, {"a": 1, "b": 2, "c": 7}])
def test_customers_spread_by_the_weights(chosen: dict[str, float]) -> None:
    counted = Counter(of_all(Experiment("tone", chosen)).values())
    for variant, weight in chosen.items():
        expected = len(CUSTOMERS) * weight / sum(chosen.values())
        assert counted[variant] == pytest.approx(expected, abs=5 * expected**0.5)


def test_experiments_draw_independently() -> None:
    tone, colour = (
        of_all(Experiment(name, {"plain": 1, "warm": 1})) for name in ("tone", "colour")
    )
    both = Counter((tone[one], colour[one]) for one in CUSTOMERS)
    assert len(both) == 4
    assert min(both.values()) > len(CUSTOMERS) / 4 * 0.8


@given(weights, st.data())
def test_a_weight_that_grows_takes_customers_and_moves_nobody_between_others(
    chosen: dict[str, float], data: st.DataObject
) -> None:
    grown = data.draw(st.sampled_from(sorted(chosen)))
    more = {**chosen, grown: chosen[grown] * data.draw(st.floats(1, 50))}
    for one in CUSTOMERS[:100]:
        before, after = drawn("x", chosen, one), drawn("x", more, one)
        assert after in (before, grown)


@given(weights, st.data())
def test_the_order_of_variants_and_ones_without_weight_change_nothing(
    chosen: dict[str, float], data: st.DataObject
) -> None:
    shuffled = dict(data.draw(st.permutations(list(chosen.items()))))
    with_none = {**shuffled, "nobody": 0.0}
    for one in CUSTOMERS[:50]:
        assert drawn("x", chosen, one) == drawn("x", with_none, one)


@given(st.text(), st.text())
def test_a_point_lies_from_0_to_1(salt: str, customer_id: str) -> None:
    try:
        assert 0 <= point(salt, customer_id) < 1
    except UnicodeEncodeError:  # halves of surrogate pairs are in no id
        assert any("\ud800" <= one <= "\udfff" for one in salt + customer_id)


def test_the_winner_gets_everybody() -> None:
    tone = Experiment("tone", {"plain": 0, "warm": 1})
    assert set(of_all(tone).values()) == {"warm"}


@pytest.mark.parametrize(
    ("name", "variants", "said"),
    [
        ("Tone of voice", {"a": 1, "b": 1}, "small letters"),
        ("tone", {"plain": 1}, "two variants at least"),
        ("tone", ["plain", "warm"], "two variants at least"),
        ("tone", {"plain": 1, "Warm words": 1}, "'Warm words' is not"),
        ("tone", {"plain": 1, "warm": -1}, "the weight of warm"),
        ("tone", {"plain": 1, "warm": float("inf")}, "the weight of warm"),
        ("tone", {"plain": 1, "warm": "1"}, "the weight of warm"),
        ("tone", {"plain": 0, "warm": 0}, "every weight is 0"),
    ],
)
def test_an_experiment_that_makes_no_sense_is_one_clear_line(
    name: str, variants: Any, said: str
) -> None:
    with pytest.raises(TypeError, match=said):
        Experiment(name, variants)
