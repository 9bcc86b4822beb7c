"""Holdouts: customers who get no promotional message, so that others can be compared with them.

Their runs go on, and the gate judges their messages like any: one that would leave is skipped as
``held_out`` at that moment. So those who are held out are judged by the same rules, and at the same
time, as those who get theirs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from sojourn.domain.experiment import drawn
from sojourn.domain.messages import Delivery, MessageClass

EVERYTHING = "holdout"
"""The experiment of the installation: customers it holds out get nothing promotional at all."""
OF_A_JOURNEY = "holdout-"
"""The beginning of the experiment of one journey."""
HELD_OUT, TREATED = "held-out", "treated"
"""Its variants."""


@dataclass(frozen=True)
class Assigned:
    """The side that a customer is on.

    Args:
        experiment: of the installation or of a journey.
        variant: `HELD_OUT` or `TREATED`.
        is_new: nobody has noted it yet.
    """

    experiment: str
    variant: str
    is_new: bool


@dataclass(frozen=True)
class Holdouts:
    """The parts of all customers that are held out.

    Args:
        everywhere: of every journey and campaign, from 0 to 1.
        journeys: of single journeys, by their names.
    """

    everywhere: float = 0.0
    journeys: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def asked(self, delivery: Delivery) -> dict[str, float]:
        """Return the experiments that concern a message, and the part that each holds out.

        Args:
            delivery: the message. Only a promotional one is ever held out: a customer waits for
                the others.
        """
        if delivery.message_class is not MessageClass.PROMOTIONAL:
            return {}
        if not self.everywhere and not self.journeys:
            return {}
        every = {
            EVERYTHING: self.everywhere,
            OF_A_JOURNEY + delivery.journey: self.journeys.get(delivery.journey, 0.0),
        }
        return {name: part for name, part in every.items() if part > 0}


NO_HOLDOUTS = Holdouts()


def assign(
    asked: Mapping[str, float], had: Mapping[str, str], customer_id: str
) -> tuple[Assigned, ...]:
    """Return the side that a customer is on in each experiment.

    Args:
        asked: the part that each experiment holds out.
        had: the sides that the customer has been on, by experiment; these stay, whatever the parts
            are by now.
        customer_id: of a customer with several ids, the one that stands for all.

    Returns:
        A side for each experiment.
    """
    return tuple(
        Assigned(
            name,
            had.get(name) or drawn(name, {HELD_OUT: part, TREATED: 1 - part}, customer_id),
            name not in had,
        )
        for name, part in asked.items()
    )
