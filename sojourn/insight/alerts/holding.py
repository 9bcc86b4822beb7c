"""Times in which an operator holds a journey back, so that its silence is no news."""

from collections.abc import Iterable
from datetime import datetime

from sojourn.domain.switches import Part, first
from sojourn.store import switches
from sojourn.store.tables import SwitchRow


def was_held(
    held: Iterable[SwitchRow], part: Part, journey: str, topic: str, since: datetime
) -> bool:
    """Tell whether an operator held a journey back at a time since a moment.

    Args:
        held: switches, those that have ended included.
        part: the part of the journey: its entries or its messages.
        journey: its name.
        topic: its topic.
        since: the moment.

    Returns:
        True if it was held back.
    """
    on = [
        switches.switch(row)
        for row in held
        if row.part == part and (row.ended_at is None or row.ended_at > since)
    ]
    return first(on, journey=journey, topics=[topic]) is not None
