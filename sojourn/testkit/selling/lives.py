"""The lives of the customers of one journey, drawn by chance: who is written to, who buys, when.

Everything is drawn in arrays, a number a customer. Moments are microseconds since 1970.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sojourn.domain.experiment import drawn
from sojourn.domain.messages import Reason
from sojourn.testkit.selling.effects import Arm

Floats = NDArray[np.float64]
Moments = NDArray[np.int64]
Flags = NDArray[np.bool_]
Words = NDArray[Any]

SECOND = 1_000_000
HOUR, DAY = 3600 * SECOND, 86_400 * SECOND
SKIPPED: dict[str, float] = {
    Reason.NO_CONSENT: 0.05,
    Reason.SUPPRESSED: 0.015,
    Reason.NO_ADDRESS: 0.015,
    Reason.CAP: 0.02,
}
"""Why a first message does not leave, whatever side its customer is on: these are on none."""
LOST = {"bounced": 0.02, "unreported": 0.015, "rejected": 0.005, "expired": 0.005, "unknown": 0.005}
"""The fates of a message that leaves and does not arrive."""
AMOUNT, SPREAD = 40.0, 0.6
"""The median of an order, and how far orders differ (lognormal)."""
CURRENCIES = {"EUR": (0.7, 1.0), "PLN": (0.3, 4.25)}
"""The part of customers who pay in a currency, and what it is worth."""
REFUNDED = 0.03
"""The part of buyers to which half of the order is given back."""
UNDONE = 0.02
"""The part of the others whose order is cancelled, or given back whole."""
TWICE = 0.02
"""The part of orders that is told twice."""
LATER = 0.08
"""Further orders of a customer in a month."""


def usual_order(currency: str) -> float:
    """Return what an order brings by the mean, once what was given back is taken off."""
    part, worth = CURRENCIES[currency]
    return part * worth * AMOUNT * float(np.exp(SPREAD**2 / 2)) * (1 - REFUNDED / 2)


@dataclass(frozen=True)
class Orders:
    """Orders of some customers.

    Args:
        who: the number of the customer.
        at: when.
        total: what they cost.
        back: what becomes of them: empty, ``part``, ``whole`` or ``cancelled``.
        twice: told twice.
    """

    who: NDArray[np.int64]
    at: Moments
    total: Floats
    back: Words
    twice: Flags


@dataclass(frozen=True)
class Lives:
    """The customers of one journey.

    Args:
        ids: of the customers.
        came: when their first message was due.
        fate: of the first message: a reason of `SKIPPED`, ``held_out``, ``delivered``, or a word of
            `LOST`.
        variant: that the customer has, from the first message on; empty: it was skipped before.
        second: the fate of the second message; empty: they had bought by then.
        moved: the first message is why they bought.
        currency: in which they pay.
        orders: of them.
    """

    ids: list[str]
    came: Moments
    fate: Words
    variant: Words
    second: Words
    moved: Flags
    currency: Words
    orders: Orders


def live(
    chance: np.random.Generator,
    ids: list[str],
    experiment: str,
    weights: dict[str, float],
    arms: dict[str, Arm],
    *,
    window: int,
    since: datetime,
    until: datetime,
) -> Lives:
    """Draw the lives of the customers of a journey.

    Args:
        chance: of everything but the division, which is drawn as the engine draws it.
        ids: of the customers.
        experiment: by which they are divided.
        weights: of its variants.
        arms: what messages change, by variant.
        window: how long after the first message an order counts.
        since: the first moment at which one comes.
        until: nothing happens later; by then everybody has had the window.

    Returns:
        The lives.
    """
    size = len(ids)
    first, last = (round(one.timestamp()) * SECOND for one in (since, until))
    came = chance.integers(first, last - window - HOUR, size)
    fate = _of(chance, size, SKIPPED, "left")
    is_exposed = fate == "left"
    variant = np.where(is_exposed, [drawn(experiment, weights, one) for one in ids], "")
    written = is_exposed & np.isin(variant, [one for one, arm in arms.items() if arm.is_written_to])
    fate = np.where(written, _of(chance, size, LOST, "delivered"), fate)
    fate = np.where(is_exposed & ~written, Reason.HELD_OUT.value, fate)
    reached = fate == "delivered"

    first_arm = next(iter(arms.values()))
    base, share, basket = (np.full(size, one) for one in (first_arm.base, first_arm.base, 1.0))
    for name, arm in arms.items():
        mine = reached & (variant == name)
        base[variant == name], share[mine], basket[mine] = arm.base, arm.reached, arm.change.basket
    luck = chance.random(size)
    buys = luck < share
    moved = reached & (luck >= base) & buys
    soon = chance.integers(600 * SECOND, min(3 * DAY, window - HOUR), size)
    some_day = chance.integers(HOUR, window - HOUR, size)
    bought = came + np.where(moved, soon, some_day)

    second = _of(chance, size, {Reason.CAP: 0.08, Reason.NO_CONSENT: 0.01}, "delivered")
    second = np.where(fate == Reason.HELD_OUT, Reason.HELD_OUT.value, second)
    gone = (buys & (bought < came + 2 * DAY)) | ~is_exposed
    second = np.where(gone, "", second)
    worths = np.array([worth for _, worth in CURRENCIES.values()])
    paying = chance.choice(len(CURRENCIES), size, p=[part for part, _ in CURRENCIES.values()])
    orders = _orders(
        chance, came, buys=buys, bought=bought, basket=basket, worth=worths[paying], last=last,
        window=window,
    )  # fmt: skip
    names = np.array(list(CURRENCIES), dtype=object)
    return Lives(ids, came, fate, variant, second, moved, names[paying], orders)


def _of(chance: np.random.Generator, size: int, parts: dict[str, float], rest: str) -> Words:
    """Draw words by their parts; what is left over is the rest."""
    names = np.array([*(str(one) for one in parts), rest], dtype=object)
    return names[chance.choice(len(names), size, p=[*parts.values(), 1 - sum(parts.values())])]


def _orders(
    chance: np.random.Generator,
    came: Moments,
    *,
    buys: Flags,
    bought: Moments,
    basket: Floats,
    worth: Floats,
    last: int,
    window: int,
) -> Orders:
    """Draw the orders: within the window, those that are undone, before it, and in later months."""
    size = len(came)
    everybody = np.arange(size)
    undone = ~buys & (chance.random(size) < UNDONE)
    before = chance.random(size) < LATER
    rest = last - came - window - SECOND
    later = np.repeat(everybody, chance.poisson(LATER * rest / (30 * DAY)))
    who = np.concatenate([everybody[buys], everybody[undone], everybody[before], later])
    at = np.concatenate(
        [
            bought[buys],
            came[undone] + chance.integers(HOUR, window - HOUR, int(undone.sum())),
            came[before] - chance.integers(DAY, 60 * DAY, int(before.sum())),
            last - (chance.random(len(later)) * rest[later]).astype(np.int64),
        ]
    )
    kinds = np.repeat(
        np.array(["bought", "undone", "before", "later"]),
        [int(buys.sum()), int(undone.sum()), int(before.sum()), len(later)],
    )
    total = AMOUNT * np.exp(SPREAD * chance.standard_normal(len(who)))
    total *= worth[who] * np.where(kinds == "bought", basket[who], 1.0)
    back = np.where((kinds != "undone") & (chance.random(len(who)) < REFUNDED), "part", "")
    whole = np.where(chance.random(len(who)) < 0.5, "whole", "cancelled")
    back = np.where(kinds == "undone", whole, back)
    twice = chance.random(len(who)) < TWICE
    return Orders(who, at, np.maximum(np.round(total, 2), 0.02), back, twice)
