"""Tails are those of the negative binomial law, by an implementation that knows nothing of ours."""

from collections.abc import Sequence
from math import floor

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given

from sojourn.domain.alerts.tails import LIVELY, high, low

WEEKS = st.lists(st.integers(0, 400), min_size=1, max_size=8)


def is_calm(before: Sequence[int]) -> bool:
    middle = sum(before) / len(before)
    return sum((one - middle) ** 2 for one in before) <= middle * (len(before) - 1)


@given(before=WEEKS.filter(is_calm), seen=st.integers(0, 500))
def test_calm_weeks_give_the_law_that_a_library_gives(before: list[int], seen: int) -> None:
    from scipy.stats import nbinom  # not in each process that collects tests: it takes its time

    scale = 1 + LIVELY**2 * sum(before) / len(before)
    size, share = sum(before) / scale + 0.5, len(before) / (len(before) + 1)
    one = floor(seen / scale)
    assert low(seen, before) == pytest.approx(nbinom.cdf(one, size, share), rel=1e-6, abs=1e-12)
    assert high(seen, before) == pytest.approx(nbinom.sf(one - 1, size, share), abs=1e-9)


@given(before=WEEKS, seen=st.integers(0, 500))
def test_the_two_tails_overlap_in_the_count_itself(before: list[int], seen: int) -> None:
    assert low(seen, before) + high(seen, before) >= 1 - 1e-9
    assert 0 <= low(seen, before) <= low(seen + 1, before) + 1e-12


@given(weeks=st.integers(3, 8), number=st.integers(4, 200), by=st.integers(2, 100))
def test_lively_weeks_make_a_count_less_rare(weeks: int, number: int, by: int) -> None:
    assume(by < number)
    calm = [number] * weeks
    lively = [number + (by if n % 2 else -by) for n in range(weeks - weeks % 2)]
    lively += [number] * (weeks % 2)
    assert low(0, lively) >= low(0, calm)
