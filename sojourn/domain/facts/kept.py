"""`Kept`: what follows from a fact or a measure alone, worked out once: neither ever changes."""

from collections.abc import Callable
from typing import Generic, TypeVar

MOST = 1024
"""Those that are remembered. A project writes fewer; those that are read from JSON come and go."""

N = TypeVar("N")
T = TypeVar("T")


class Kept(Generic[N, T]):
    """A function of a fact or measure that remembers its answers.

    It knows them by their identity: to compare two would take longer than most answers.

    Args:
        work_out: the function.
    """

    def __init__(self, work_out: Callable[[N], T]) -> None:
        self.__doc__ = work_out.__doc__
        self._work_out = work_out
        self._known: dict[int, tuple[N, T]] = {}  # with the node: its number stays its own

    def __call__(self, node: N) -> T:
        """Return the answer for a fact or measure."""
        known = self._known.get(id(node))
        if known is None:
            if len(self._known) >= MOST:
                self._known.clear()
            known = self._known[id(node)] = (node, self._work_out(node))
        return known[1]
