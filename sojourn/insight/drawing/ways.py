"""`Way`: one step of a drawn run from a place to the next, and what the run had met before."""

from dataclasses import dataclass

from sojourn.insight.drawing.picture import Node, Shape
from sojourn.insight.drawing.places import Place


@dataclass(frozen=True)
class Spot:
    """A place in the steps at which something is asked for; or a beginning, or an end.

    Args:
        place: where it stands in the source; empty: a beginning or an end.
        node: how it is drawn.
        takes_time: something may happen while the run is there.
    """

    place: Place
    node: Node
    takes_time: bool = False


Feature = tuple[str, ...]
"""The name of something that a run has met: an answer, a field of the event that began it."""
ANSWER, CAUSE, FIELD, HEARD, VISIT = "answer", "cause", "field", "heard", "visit"
KNOWN, SAID, FROM, BEGAN, AGAIN = "known", "said", "from", "began", "again"
"""Things met by a run whose steps were begun again: events and messages before that, the place at
which it was, and the event that began the run."""
TRAIT = "trait"
"""In the name of something met: the field of it follows."""


@dataclass(frozen=True)
class Way:
    """A step of a run from one spot to the next.

    Args:
        source: where it was.
        target: where it came to.
        met: what it had met until then, the newest last.
        sudden: the event that had it leave the steps, or begin them again; None: none did.
    """

    source: Spot
    target: Spot
    met: tuple[tuple[Feature, str], ...]
    sudden: tuple[str, tuple[str, ...]] | None = None


def the_end(*lines: str) -> Spot:
    """Return the spot at which runs end in a certain way."""
    return Spot((), Node(Shape.END, lines))


def name_of(spot: Spot) -> str:
    """Return what a spot is called in a condition."""
    return spot.node.lines[0]
