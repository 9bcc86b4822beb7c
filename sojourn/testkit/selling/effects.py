"""Effects: what messages change in those who get them, as a test plants it.

An effect is the truth that a report is to find. `truths` says it in the terms of a report: how much
higher the share of buyers is, and what a customer pays, of all who were divided.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from types import MappingProxyType

from sojourn.domain.errors import BadFigures, UnknownName
from sojourn.domain.experiment import Experiment
from sojourn.domain.holdout import HELD_OUT, OF_A_JOURNEY, TREATED
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys

REACHED = 0.95
"""The part of those who are written to whose first message arrives: the others do not react."""
BASE = 0.1
"""The part of customers who buy anyway."""


@dataclass(frozen=True)
class Change:
    """The change that messages make.

    Args:
        points: how much higher the share of buyers is, of all who are written to: 0.05.
        basket: what they spend, as a factor: 0.5 is half.
    """

    points: float = 0.0
    basket: float = 1.0


NOTHING = Change()


@dataclass(frozen=True)
class Lift:
    """The effect of a journey against those that it holds out.

    Args:
        journey: by name; it has a ``holdout=``.
        points: how much higher the share of buyers is.
        basket: what those who get the message spend, as a factor.
        base: the share that buys anyway.
    """

    journey: str
    points: float = 0.0
    basket: float = 1.0
    base: float = BASE


@dataclass(frozen=True)
class Variants:
    """The effects of the variants of an experiment.

    Args:
        journey: that asks for the variant, by name.
        experiment: with its weights.
        changes: what each variant changes; of one that is not named, nothing.
        base: the share that buys by a variant that changes nothing.
    """

    journey: str
    experiment: Experiment
    changes: Mapping[str, Change] = field(default_factory=lambda: MappingProxyType({}))
    base: float = BASE


Effect = Lift | Variants


@dataclass(frozen=True)
class Arm:
    """One side of an effect: customers who are alike.

    Args:
        variant: its name.
        is_written_to: False: those who are held out.
        change: that messages make.
        base: the share that buys anyway.
    """

    variant: str
    is_written_to: bool
    change: Change
    base: float

    @property
    def reached(self) -> float:
        """The share of buyers among those whose message arrives."""
        return self.base + self.change.points / REACHED

    @property
    def bought(self) -> float:
        """The share of buyers among all."""
        return self.base + self.change.points

    @property
    def spent(self) -> float:
        """Orders of the usual size, as many as a customer's money is worth."""
        if not self.is_written_to:
            return self.base
        return (1 - REACHED) * self.base + REACHED * self.reached * self.change.basket


def name_of(effect: Effect) -> str:
    """Return the experiment by which a report tells of an effect."""
    if isinstance(effect, Variants):
        return effect.experiment.name
    return OF_A_JOURNEY + effect.journey


def weights_of(effect: Effect, journeys: Journeys) -> Mapping[str, float]:
    """Return the part of customers that each side of an effect has."""
    if isinstance(effect, Variants):
        return effect.experiment.variants
    part = journeys.named(effect.journey).terms.holdout
    return {HELD_OUT: part, TREATED: 1 - part}


def arms_of(effect: Effect) -> dict[str, Arm]:
    """Return the sides of an effect by name, the one that others are compared with first."""
    if isinstance(effect, Variants):
        every = sorted(effect.experiment.variants)
        of = {one: effect.changes.get(one, NOTHING) for one in every}
        return {one: Arm(one, True, change, effect.base) for one, change in of.items()}
    change = Change(effect.points, effect.basket)
    return {
        HELD_OUT: Arm(HELD_OUT, False, NOTHING, effect.base),
        TREATED: Arm(TREATED, True, change, effect.base),
    }


def check(effects: Iterable[Effect], journeys: Journeys) -> Sequence[Effect]:
    """Return effects that can be planted.

    Args:
        effects: what messages are to change.
        journeys: of the project.

    Raises:
        BadFigures: one of them makes no sense; one line says which.
        UnknownName: there is no journey, or no variant, of a name.
    """
    found = tuple(effects)
    if not found:
        raise BadFigures("a shop without effects has no customers: give it one, such as Lift(...)")
    taken: set[str] = set()
    for effect in found:
        if effect.journey in taken:
            raise BadFigures(f"{effect.journey} has two effects: give each journey one")
        taken.add(effect.journey)
        _check_journey(effect, journeys.named(effect.journey))
        for arm in arms_of(effect).values():
            _check_arm(effect.journey, arm)
    return found


def _check_journey(effect: Effect, journey: type[Journey]) -> None:
    if not (journey.terms.goal and journey.terms.starts_on and journey.messages):
        raise BadFigures(
            f"{effect.journey} lacks a goal, a message, or an event that starts it: "
            "nobody could react to it"
        )
    if isinstance(effect, Variants):
        known = effect.experiment.variants
        for name in effect.changes:
            if name not in known:
                raise UnknownName(f"variant of {effect.experiment.name}", name, known)
    elif not journey.terms.holdout:
        raise BadFigures(f"{effect.journey} holds nobody out: give its class holdout=0.5")


def _check_arm(journey: str, arm: Arm) -> None:
    whose = f"{journey}, {arm.variant}"
    if not 0 <= arm.base <= 1:
        raise BadFigures(f"{whose}: base is {arm.base}: give a share from 0 to 1")
    if not (isfinite(arm.change.points) and 0 <= arm.reached <= 1):
        raise BadFigures(
            f"{whose}: {arm.base:g} buy anyway, so points={arm.change.points:g} would have "
            f"{arm.reached:g} of those buy whose message arrives ({REACHED:.0%}): "
            "give points that leave a share from 0 to 1"
        )
    if not (isfinite(arm.change.basket) and arm.change.basket > 0):
        raise BadFigures(f"{whose}: basket is {arm.change.basket}: give a factor above 0")
