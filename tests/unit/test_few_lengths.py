"""Lists of values have few lengths, whatever is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.store.prepared import few_lengths


@given(st.lists(st.text(max_size=3), max_size=200))
def test_a_list_is_filled_up_with_its_last_value_to_a_power_of_two(values: list[str]) -> None:
    filled = few_lengths(values)
    assert filled[: len(values)] == values
    assert set(filled) == set(values)
    assert len(filled) == (1 << (len(values) - 1).bit_length() if values else 0)


@pytest.mark.parametrize(
    ("most", "lengths"), [(1, {1}), (4, {1, 2, 4}), (20, {1, 2, 4, 8, 16, 32})]
)
def test_batches_up_to_a_size_have_few_lengths(most: int, lengths: set[int]) -> None:
    assert {len(few_lengths(range(size))) for size in range(1, most + 1)} == lengths
