"""Phrasing: decisions in the words of a picture."""

from collections.abc import Hashable, Iterator, Sequence
from typing import TypeVar

from sojourn.insight.drawing.telling_apart import NEVER, Fork, Leaf
from sojourn.insight.drawing.ways import (
    AGAIN,
    ANSWER,
    BEGAN,
    CAUSE,
    FIELD,
    FROM,
    KNOWN,
    SAID,
    TRAIT,
    VISIT,
    Feature,
)

T = TypeVar("T", bound=Hashable)
MANY = 3
"""More values of one thing are not listed if the others are fewer."""
ELSE, IT_DEPENDS = "else", "it depends"
YES, NO = "yes", "no"


def question(fork: Fork[T]) -> str:
    """Return the question that a decision answers."""
    feature = fork.feature
    if _is_trait(feature):
        name = feature[-1]
        return {FIELD: f"{name}?", BEGAN: f"{name} at first?"}.get(
            feature[0], f"{_name(feature)}: {name}?"
        )
    if feature[0] in (KNOWN, SAID) or _is_whether(fork):
        return f'after "{_name(feature)}"?'
    return _QUESTIONS.get(feature[0]) or f"{_name(feature)}?"


_QUESTIONS = {
    CAUSE: "steps begun by?",
    FROM: "steps begun again during?",
    BEGAN: "run begun by?",
    AGAIN: "steps begun again?",
    VISIT: "for the first time?",
}


def _name(feature: Feature) -> str:
    if feature[0] != ANSWER:
        return feature[1]
    lines = feature[2:-2] if _is_trait(feature) else feature[2:]
    if lines[0].startswith("wait for"):  # there may be several, each until another moment
        return " ".join(lines)
    return lines[0].removesuffix("?")


def _is_trait(feature: Feature) -> bool:
    return feature[-2:-1] == (TRAIT,)


def answers(fork: Fork[T], *, named: bool = True) -> "list[tuple[str, Leaf[T] | Fork[T]]]":
    """Return the words for each branch of a decision, with the branch.

    Args:
        fork: the decision.
        named: the question stands beside them, and names the field that they are values of.
    """
    if fork.feature[0] in (KNOWN, SAID) or _is_whether(fork):
        return [(_yes_or_no(values, fork), tree) for values, tree in fork.branches]
    if fork.feature[0] == VISIT:
        return [(YES if "1" in values else NO, tree) for values, tree in fork.branches]
    number = sum(len(values) for values, _ in fork.branches)
    field = fork.feature[-1] if named and _is_trait(fork.feature) else ""
    listed = [[_value(value, field) for value in values] for values, _ in fork.branches]
    said = [_any_of(values, number - len(values)) for values in listed]
    rest = max(range(len(said)), key=lambda n: (said[n] == ELSE, len(listed[n])))
    return [
        (words if words != ELSE or n == rest else _or(values), tree)
        for n, (words, values, (_, tree)) in enumerate(
            zip(said, listed, fork.branches, strict=True)
        )
    ]


def _value(value: str, field: str) -> str:
    """Return the value of a field without its name."""
    if not field:
        return value
    whether = {f"no {field}": NO, f"not {field}": NO, f"with {field}": YES, field: YES}
    return whether.get(value, value.removeprefix(f"{field} "))


def flat(tree: "Leaf[T] | Fork[T]") -> Iterator[tuple[str, Sequence[T]]]:
    """Yield each end of some decisions, with the words that lead to it."""
    if isinstance(tree, Leaf):
        yield "", tree.targets
        return
    for words, branch in answers(tree, named=False):
        for more, targets in flat(branch):
            yield ", ".join(part for part in (words, more) if part), targets


def _is_whether(fork: Fork[T]) -> bool:
    """Tell whether it only counts that something was met, and not as what."""
    if fork.feature[0] != ANSWER or _is_trait(fork.feature) or len(fork.branches) != 2:
        return False
    return any(values == (NEVER,) for values, _ in fork.branches)


def _yes_or_no(values: Sequence[str], fork: Fork[T]) -> str:
    if fork.feature[0] == SAID:
        return YES if any(value.startswith("after") for value in values) else NO
    return NO if NEVER in values else YES


def _any_of(values: Sequence[str], others: int) -> str:
    known = [value for value in values if value != NEVER]
    if NEVER in values or (len(known) > MANY and len(known) > others):
        return ELSE
    if {"sent", "not sent"} <= set(known):
        return ELSE
    return _or(known)


def _or(values: Sequence[str]) -> str:
    return " or ".join(value or "neither" for value in values)


def is_own(feature: Feature, own: Feature) -> bool:
    """Tell whether something met is the answer that a spot has given, or a field of it."""
    return feature[: len(own)] == own
