"""Turns: the work that waits for a transaction; one customer's flood delays that customer alone.

A transaction takes a few pieces of work of each customer in turn. So a customer who sends ten
thousand events at once waits for them, and everybody else waits for one transaction as always. And
because the work of such a customer makes a transaction long, it is in every second one only.
"""

from collections import deque

from sojourn.dispatch.lanes import Arrival, Lane, Told, Wake, Work

BATCH = 200
"""Arrivals and wakes of a transaction, and plans whose end it notes, at most of each."""
SHARE = 8
"""Arrivals and wakes of one customer in a transaction, at most."""
LONGEST_REST = 0.1
"""Seconds at the most that a lane which has told much rests before its next event."""


class Turns:
    """Work that waits, each customer's in its order."""

    def __init__(self) -> None:
        self._told: deque[Told] = deque()
        self._waiting: dict[str, deque[Arrival | Wake]] = {}
        self._crowded = False  # whether the last transaction had work of somebody who crowds

    def __bool__(self) -> bool:
        """Tell whether any work waits."""
        return bool(self._told or self._waiting)

    def put(self, work: Work) -> None:
        """Add a piece of work behind what its customer has here."""
        match work:
            case Told():  # one a lane at most
                self._told.append(work)
            case Arrival():
                self._waiting.setdefault(work.row.customer_id, deque()).append(work)
            case Wake():
                self._waiting.setdefault(work.customer_id, deque()).append(work)

    def take(self) -> list[Work]:
        """Take the work of the next transaction.

        A customer who crowds sits out every second transaction, as long as others have work: these
        wait for one long transaction at the most, and their own is short.

        Returns:
            The work that has waited longest, of each customer `SHARE` pieces at most.
        """
        crowding = {one for one in self._told if is_long(one.lane)}
        crowds = {who for who, theirs in self._waiting.items() if len(theirs) > SHARE}
        others = len(crowding) < len(self._told) or len(crowds) < len(self._waiting)
        sit_out = self._crowded and others
        self._crowded = bool(crowding or crowds) and not sit_out
        if not sit_out:
            crowding, crowds = set(), set()
        told = [one for one in self._told if one not in crowding][:BATCH]
        taken = set(told)
        self._told = deque(one for one in self._told if one not in taken)
        batch: list[Work] = [*told]
        left = BATCH
        for customer_id in [who for who in self._waiting if who not in crowds]:
            if not left:
                break
            theirs = self._waiting.pop(customer_id)
            share = min(left, SHARE, len(theirs))
            batch += [theirs.popleft() for _ in range(share)]
            left -= share
            if theirs:
                self._waiting[customer_id] = theirs  # behind everybody else
        return batch


def is_long(lane: Lane) -> bool:
    """Tell whether a lane has told so much without an end that its customer crowds."""
    return lane.routed > SHARE


def rest(lane: Lane, took: float) -> float:
    """Return how long a lane rests before its next event: a flood leaves others half of the time.

    Args:
        lane: the lane.
        took: the seconds that its last event took.

    Returns:
        Seconds; none for a short lane, and none while somebody waits for its events.
    """
    return min(took, LONGEST_REST) if is_long(lane) and not lane.waiting else 0.0
