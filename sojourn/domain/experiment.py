"""`Experiment`: variants, and which of them a customer has: the same one each time it is asked."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, log1p
from types import MappingProxyType

from sojourn.domain.list_name import LONGEST, is_list_name

_BITS = 53
"""As many bits of a hash as a float holds exactly."""
_STEPS = 1 << _BITS


@dataclass(frozen=True)
class Experiment:
    """Variants of something, and the weight of each.

    ::

        TONE = Experiment("tone", {"plain": 1, "warm": 1})

    A customer's variant follows from the names of the experiment and of its variants, and stays the
    same. A variant whose weight grows takes customers from the others, and nobody changes between
    these; a new one does the same. A variant of weight 0 has nobody: give the losers 0, and the
    winner gets everybody; those who had it before do not change.

    Args:
        name: in small letters, digits and hyphens. Another name draws all customers again.
        variants: the weight of each, by its name.

    Raises:
        TypeError: an argument makes no sense; one line names it.
    """

    name: str
    variants: Mapping[str, float]

    def __post_init__(self) -> None:
        """Check what was given."""
        if not isinstance(self.name, str) or not is_list_name(self.name):
            raise TypeError(
                f"Experiment({self.name!r}): its name has small letters, digits and hyphens, and "
                f"at most {LONGEST} of them"
            )
        whose = f'Experiment("{self.name}")'
        if not isinstance(self.variants, Mapping) or len(self.variants) < 2:
            raise TypeError(
                f'{whose}: it has two variants at least, with their weights: {{"plain": 1, '
                '"warm": 1}'
            )
        for variant, weight in self.variants.items():
            if not isinstance(variant, str) or not is_list_name(variant):
                raise TypeError(
                    f"{whose}: a variant is named in small letters, digits and hyphens, and "
                    f"{variant!r} is not"
                )
            is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
            if not is_number or not isfinite(weight) or weight < 0:
                raise TypeError(f"{whose}: the weight of {variant} is a number, 0 or more")
        if not any(self.variants.values()):
            raise TypeError(f"{whose}: every weight is 0, so nobody could have any variant")
        object.__setattr__(self, "variants", MappingProxyType(dict(self.variants)))


def assigned(experiment: Experiment, customer_id: str) -> str:
    """Return the variant that a customer has.

    Args:
        experiment: the experiment.
        customer_id: of a person with several ids, always the same one of them.
    """
    return drawn(experiment.name, experiment.variants, customer_id)


def drawn(salt: str, weights: Mapping[str, float], customer_id: str) -> str:
    """Draw one of several names for a customer, by their weights; always the same one.

    Each name draws a moment for the customer, the sooner the heavier it is (an exponential time
    whose rate is its weight), and the earliest wins. The moment of a name depends on no other name,
    so a changed weight moves nobody between others.

    Args:
        salt: tells draws apart: another one draws independently.
        weights: of each name; one of them at least is more than 0.
        customer_id: the customer.

    Returns:
        The name.
    """
    moments = {
        name: -log1p(-point(salt, name, customer_id)) / weight
        for name, weight in weights.items()
        if weight > 0
    }
    return min(moments, key=moments.__getitem__)


def point(*names: str) -> float:
    """Return a number from 0 to 1, without 1, that looks random and is always the same.

    Args:
        names: that it is made of; none has a NUL character.
    """
    made_of = hashlib.sha256("\0".join(names).encode()).digest()
    return (int.from_bytes(made_of[:8], "big") >> (64 - _BITS)) / _STEPS
