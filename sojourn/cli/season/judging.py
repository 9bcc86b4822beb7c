"""Does a season contradict itself? It is judged as its customers would, by the outcome alone.

Nothing here asks the engine: what a customer did is compared with what left for them.
"""

from sojourn.cli.season.deeds import OF_DEEDS
from sojourn.cli.season.manners import OF_MANNERS, in_quiet_hours
from sojourn.cli.season.told import Told
from sojourn.domain.week import Week

RULES = (*OF_MANNERS, *OF_DEEDS)


def contradictions(told: Told, quiet: Week | None = None) -> list[str]:
    """Return a line for each thing that the customer would shake their head at.

    Args:
        told: one customer's season.
        quiet: the hours of their day in which nothing promotional may come.
    """
    lines = [line for rule in RULES for line in rule(told)]
    if quiet is not None:
        lines += in_quiet_hours(told, quiet)
    return [f"{told.customer_id}: {line}" for line in lines]
