"""Notes: what the answer to a call says about a part of it that was not taken as it was sent."""

from collections.abc import Iterable
from dataclasses import dataclass

MOST_NOTES = 20
"""Notes on one call; a last one counts the rest."""


@dataclass(frozen=True)
class Note:
    """One part of a call that was taken, though not as it was sent.

    Args:
        path: the part, as faults name it: ``properties.total``.
        reason: what became of it, as the second half of a sentence. It never quotes the part.
    """

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def few(notes: Iterable[Note]) -> tuple[Note, ...]:
    """Return at most `MOST_NOTES` notes, and one more that counts the rest."""
    every = tuple(notes)
    if len(every) <= MOST_NOTES:
        return every
    rest = len(every) - MOST_NOTES
    return (*every[:MOST_NOTES], Note("call", f"has {rest} more parts that were left out"))


def left_out(path: str, reason: str) -> Note:
    """Return the note on a part that could not be read, and was left out for that reason."""
    return Note(path, f"left out: {reason}")
