"""`Finding`: the answer to a fact about one customer, with the clauses that gave it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(eq=False, slots=True)  # a frozen one takes twice as long, and a fact makes dozens
class Finding:
    """An answer. Nobody changes it.

    Args:
        holds: True, False, or None: unknown.
        told: of a clause, what was found: ``Order Completed in 90 days: 1 of 2``; of several, how
            they are joined: ``all of``. Or what writes it, once somebody reads it: most answers
            are looked at and never read.
        parts: the findings that it is made of.
    """

    holds: bool | None
    told: str | Callable[[], str]
    parts: tuple["Finding", ...] = ()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Finding):
            return NotImplemented
        mine, its = (self.holds, self.text, self.parts), (other.holds, other.text, other.parts)
        return mine == its

    def __hash__(self) -> int:
        return hash((self.holds, self.text, self.parts))

    @property
    def text(self) -> str:
        """The text of ``told``."""
        return self.told if isinstance(self.told, str) else self.told()

    @property
    def because(self) -> str:
        """The clauses that gave the answer, in one line.

        Those that could not have changed it are left out.
        """
        return "; ".join(dict.fromkeys(self._decisive()))

    def lines(self, depth: int = 0) -> Iterator[str]:
        """Yield the whole finding, a line for each clause, for a terminal.

        Args:
            depth: of the first line.
        """
        answer = {True: "yes", False: "no", None: "unknown"}[self.holds]
        yield f"{'  ' * depth}{answer}: {self.text}"
        for part in self.parts:
            yield from part.lines(depth + 1)

    def _decisive(self) -> Iterator[str]:
        if not self.parts:
            yield self.text
            return
        alike = [part for part in self.parts if part.holds == self.holds]
        for part in alike or self.parts:
            yield from part._decisive()  # noqa: SLF001 (of this very class)
