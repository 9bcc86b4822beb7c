"""A limit on slow bodies for each peer: many are an attack, a few are phones."""

from collections import Counter

from sojourn.gateway.http.faults import Refusal

PATIENCE_SECONDS = 2.0
"""Seconds after which a body that is still on its way is slow."""
SLOW_OF_A_PEER = 20
"""The most slow bodies of one address at a time; they hold no place, but memory and a
connection."""


class SlowBodies:
    """The number of slow bodies under way, by peer."""

    def __init__(self) -> None:
        self._of: Counter[str] = Counter()

    def enter(self, peer: str) -> None:
        """Count a body that has become slow.

        Raises:
            Refusal: its peer has the most that are allowed.
        """
        if self._of[peer] >= SLOW_OF_A_PEER:
            raise Refusal(408, "body", "does not arrive, like others of this address")
        self._of[peer] += 1

    def leave(self, peer: str) -> None:
        """Stop counting a slow body: it has arrived, or was given up."""
        self._of[peer] -= 1
        if not self._of[peer]:
            del self._of[peer]
