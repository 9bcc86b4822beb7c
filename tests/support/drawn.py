"""Examples that hypothesis draws, for tests that play one after another and wait."""

from typing import TypeVar

import hypothesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

T = TypeVar("T")


def drawn(examples: st.SearchStrategy[T], number: int) -> list[T]:
    """Return so many examples, the same ones each time.

    Args:
        examples: what is drawn from.
        number: how many.

    Returns:
        The examples.
    """
    found: list[T] = []

    @hypothesis.settings(
        max_examples=number,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @given(example=examples)
    def collects(example: T) -> None:
        found.append(example)

    collects()
    return found
