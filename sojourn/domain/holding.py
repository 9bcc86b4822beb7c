"""The wait for the end of a pause: it grows, and messages end it at different moments."""

import random
from datetime import datetime, timedelta

SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(minutes=15)
LONGEST_IF_NEEDED = timedelta(minutes=2)


def hold_until(
    now: datetime, *, paused_for: timedelta, message_id: str, promotional: bool
) -> datetime:
    """Return when to ask again for a message that a paused channel or a switch holds.

    The wait grows with the pause, so that a long pause costs little. It differs between messages,
    so that waiting messages leave spread out over the time of one wait, not all at once.

    Args:
        now: by the journey's clock.
        paused_for: how long the pause has lasted.
        message_id: spreads the moments, the same way each time.
        promotional: the message may wait longer than one that the customer needs.

    Returns:
        The moment, by the journey's clock.
    """
    longest = LONGEST if promotional else LONGEST_IF_NEEDED
    wait = min(max(paused_for / 2, SHORTEST), longest)
    return now + wait * random.Random(f"{message_id} {now}").uniform(0.5, 1.5)  # noqa: S311
