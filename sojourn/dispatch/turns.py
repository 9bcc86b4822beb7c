"""Turns: the work that waits for a transaction; one customer's flood delays that customer alone.

A transaction takes a few pieces of work of each customer in turn. So a customer who sends ten
thousand events at once waits for them, and everybody else waits for one transaction as always.
"""

from collections import deque

from sojourn.dispatch.lanes import Arrival, Told, Wake, Work

BATCH = 200
"""Arrivals and wakes of a transaction, and plans whose end it notes, at most of each."""
SHARE = 8
"""Arrivals and wakes of one customer in a transaction, at most."""


class Turns:
    """Work that waits, each customer's in its order."""

    def __init__(self) -> None:
        self._told: deque[Told] = deque()
        self._waiting: dict[str, deque[Arrival | Wake]] = {}

    def __bool__(self) -> bool:
        """Tell whether any work waits."""
        return bool(self._told or self._waiting)

    def put(self, work: Work) -> None:
        """Add a piece of work behind what its customer has here."""
        match work:
            case Told():  # one a lane at most: no flood can hold it up, and it can hold up nobody
                self._told.append(work)
            case Arrival():
                self._waiting.setdefault(work.row.customer_id, deque()).append(work)
            case Wake():
                self._waiting.setdefault(work.customer_id, deque()).append(work)

    def take(self) -> list[Work]:
        """Take the work of the next transaction.

        Returns:
            The work that has waited longest, of each customer `SHARE` pieces at most.
        """
        batch: list[Work] = [self._told.popleft() for _ in range(min(BATCH, len(self._told)))]
        left = BATCH
        for customer_id in list(self._waiting):
            if not left:
                break
            theirs = self._waiting.pop(customer_id)
            share = min(left, SHARE, len(theirs))
            batch += [theirs.popleft() for _ in range(share)]
            left -= share
            if theirs:
                self._waiting[customer_id] = theirs  # behind everybody else
        return batch
