"""Ways through a fact: its leaves, its measures, a copy with other leaves."""

from collections.abc import Callable, Iterator

from sojourn.domain.facts.kept import Kept
from sojourn.domain.facts.nodes import (
    AllOf,
    AnyFact,
    AnyOf,
    Fact,
    FieldOf,
    Leaf,
    Measure,
    Not,
    Otherwise,
)


@Kept
def leaves(fact: Fact) -> tuple[Leaf, ...]:
    """Return the facts that a fact is joined from, from left to right."""
    return tuple(_leaves(fact))


def _leaves(fact: Fact) -> Iterator[Leaf]:
    match fact:
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for part in parts:
                yield from _leaves(part)
        case Not(part=part) | Otherwise(part=part):
            yield from _leaves(part)
        case _:
            yield fact  # type: ignore[misc]  # what joins nothing is a leaf


def measures(fact: Fact) -> Iterator[Measure]:
    """Yield the measures that a fact looks up; a ``where`` is a part of its measure."""
    for leaf in leaves(fact):
        of = getattr(leaf, "of", None)
        if of is not None:
            yield of


def fields(of: Measure) -> Iterator[FieldOf]:
    """Yield the fields of events that a measure looks at."""
    if isinstance(of, FieldOf):
        yield of
    field = getattr(of, "field", None)
    if field is not None:
        yield field
    where = getattr(of, "where", None)
    if where is not None:
        for inner in measures(where):
            yield from fields(inner)


def changed(fact: Fact, change: Callable[[Leaf], AnyFact]) -> AnyFact:
    """Return a copy of a fact with other leaves.

    Args:
        fact: to be copied.
        change: gives the new leaf for each one.
    """
    match fact:
        case AllOf(parts=parts):
            return AllOf(parts=tuple(changed(part, change) for part in parts))
        case AnyOf(parts=parts):
            return AnyOf(parts=tuple(changed(part, change) for part in parts))
        case Not(part=part):
            return Not(part=changed(part, change))
        case Otherwise(part=part, answer=answer):
            return Otherwise(part=changed(part, change), answer=answer)
    return change(fact)  # type: ignore[arg-type]  # what joins nothing is a leaf
