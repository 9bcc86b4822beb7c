"""Telling apart: by what a run had met, when it went this way from a spot, and when another.

The steps decide in plain Python, which nobody watches. But the ways of many runs show on what the
decision rests: on the answer just given, on one given before, or on a field of the event that began
the steps. Two runs that had met the same but for one thing, and went different ways, prove it.
"""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Generic, TypeVar

from sojourn.insight.drawing.ways import (
    AGAIN,
    ANSWER,
    BEGAN,
    CAUSE,
    FIELD,
    FROM,
    HEARD,
    KNOWN,
    SAID,
    VISIT,
    Feature,
)

T = TypeVar("T", bound=Hashable)
DEEPEST = 5
"""Things met on which one decision rests, at most, so that it can be said in words."""
NEVER = ""
"""The value of what a run has not met at all."""


@dataclass(frozen=True)
class Case(Generic[T]):
    """One run's way on from a spot.

    Args:
        met: what it had met, the newest last.
        target: where it went.
    """

    met: Mapping[Feature, str]
    target: T


@dataclass(frozen=True)
class Leaf(Generic[T]):
    """The targets of runs; if there are several, nothing that they had met tells which.

    Args:
        targets: the targets.
    """

    targets: tuple[T, ...]


@dataclass(frozen=True)
class Fork(Generic[T]):
    """A decision.

    Args:
        feature: that on which it rests.
        branches: for each group of its values, how runs go on.
    """

    feature: Feature
    branches: "tuple[tuple[tuple[str, ...], Leaf[T] | Fork[T]], ...]"


def told_apart(
    cases: Sequence[Case[T]], first: Feature, depth: int = DEEPEST
) -> "Leaf[T] | Fork[T]":
    """Find the decisions by which runs go each way.

    Args:
        cases: the runs.
        first: what a decision rests on if it can: the answer that the spot has given.
        depth: how many decisions at most.

    Returns:
        The decisions.
    """
    targets = tuple(dict.fromkeys(case.target for case in cases))
    feature = _deciding(cases, first) if len(targets) > 1 and depth else None
    if feature is None:
        return Leaf(targets)
    by_value = _by_value(cases, feature)
    grouped: dict[Leaf[T] | Fork[T], list[str]] = {}
    for values in _clusters(by_value):
        some = [case for value in values for case in by_value[value]]
        grouped.setdefault(told_apart(some, first, depth - 1), []).extend(values)
    if len(grouped) == 1:
        return Leaf(targets)
    return Fork(feature, tuple((tuple(values), tree) for tree, values in grouped.items()))


def _by_value(cases: Iterable[Case[T]], feature: Feature) -> dict[str, list[Case[T]]]:
    found: dict[str, list[Case[T]]] = {}
    for case in cases:
        found.setdefault(case.met.get(feature, NEVER), []).append(case)
    return found


def _clusters(by_value: Mapping[str, Sequence[Case[T]]]) -> list[list[str]]:
    """Return values in groups that share no target; each by itself, if that tells nothing apart."""
    groups = _joined(by_value)
    return groups if len(groups) > 1 else [[one] for one in by_value]


def _joined(by_value: Mapping[str, Sequence[Case[T]]]) -> list[list[str]]:
    groups: list[tuple[list[str], set[T]]] = []
    for value, cases in by_value.items():
        values, targets = [value], {case.target for case in cases}
        apart = []
        for others, reached in groups:
            if reached & targets:
                values, targets = [*others, *values], reached | targets
            else:
                apart.append((others, reached))
        groups = [*apart, (values, targets)]
    return [values for values, _ in groups]


def _separates(cases: Sequence[Case[T]], feature: Feature) -> bool:
    """Tell whether values of a feature lead to targets to which no other ones do."""
    by_value = _by_value(cases, feature)
    return len(_joined(by_value)) > 1


def _deciding(cases: Sequence[Case[T]], first: Feature) -> Feature | None:
    """Return that on which the decision rests, as far as can be seen; None if nothing helps."""
    features = dict.fromkeys(feature for case in cases for feature in case.met)
    useful = [one for one in features if _gain(cases, one) > _NOTHING]
    if not useful:
        return None
    if first in useful:
        if _separates(cases, first):
            return first
        useful = [one for one in useful if one != first] or useful
    newest = {feature: n for n, feature in enumerate(features)}

    def evidence(feature: Feature) -> tuple[float, int, int, int]:
        known = feature[0] == KNOWN or all(feature in case.met for case in cases)
        weight = _WEIGHTS.get(feature[0], 0) if known else -1
        if feature[0] == ANSWER and len(feature) > _OF_A_WAIT:
            weight = _WEIGHTS[HEARD]  # a message, which is called by a name
        groups = _clusters(_by_value(cases, feature))
        group = {value: n for n, some in enumerate(groups) for value in some}
        values = _unknown([group[case.met.get(feature, NEVER)] for case in cases])
        gain = round(_gain(cases, feature) / values * (1 if known else _GUESS), 6)
        return gain, weight, _proofs(cases, feature), newest[feature]

    return max(useful, key=evidence)


_OF_A_WAIT = 4
_NOTHING = 1e-9
"""Less is a matter of rounding: of what all runs have met alike, nothing can be learned."""
_GUESS = 0.7
"""A thing that some runs have not met at all says less: they may have another reason."""
_WEIGHTS = {
    CAUSE: 7,
    KNOWN: 6,
    FIELD: 5,
    BEGAN: 4,
    AGAIN: 1,
    HEARD: 3,
    ANSWER: 2,
    SAID: 1,
    FROM: 0,
    VISIT: -2,
}
"""Kinds of things that decide, the likeliest first, for want of anything else to tell by."""


def _gain(cases: Sequence[Case[T]], feature: Feature) -> float:
    """Return how much less is unknown of the target once a feature is known, in bits."""
    by_value: dict[str, list[T]] = {}
    for case in cases:
        by_value.setdefault(case.met.get(feature, NEVER), []).append(case.target)
    rest = sum(_unknown(some) * len(some) for some in by_value.values()) / len(cases)
    return _unknown([case.target for case in cases]) - rest


def _unknown(targets: Sequence[Hashable]) -> float:
    shares = [number / len(targets) for number in Counter(targets).values()]
    return -sum(share * log2(share) for share in shares)


def _proofs(cases: Iterable[Case[T]], feature: Feature) -> int:
    """Count the runs that differ in one thing alone, and in where they went."""
    alike: dict[frozenset[tuple[Feature, str]], set[T]] = {}
    size = len(feature)
    for case in cases:
        rest = frozenset(
            (name, value) for name, value in case.met.items() if name[:size] != feature
        )
        alike.setdefault(rest, set()).add(case.target)
    return sum(len(targets) > 1 for targets in alike.values())
