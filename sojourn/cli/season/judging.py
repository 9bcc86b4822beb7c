"""Find contradictions in a season, as its customers would.

Nothing here asks the engine: a customer's events are compared with the messages that they got.
"""

from sojourn.cli.season.deeds import OF_DEEDS
from sojourn.cli.season.manners import OF_MANNERS, in_quiet_hours
from sojourn.cli.season.told import Told
from sojourn.domain.week import Week

RULES = (*OF_MANNERS, *OF_DEEDS)


def contradictions(told: Told, quiet: Week | None = None) -> list[str]:
    """Return a line for each fault that the customer would notice.

    Args:
        told: one customer's season.
        quiet: the local hours in which no promotional message may come.
    """
    lines = [line for rule in RULES for line in rule(told)]
    if quiet is not None:
        lines += in_quiet_hours(told, quiet)
    return [f"{told.customer_id}: {line}" for line in lines]
