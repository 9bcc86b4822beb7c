"""`Recall`: a customer's events, sorted once, so that each line of a story finds what it needs."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from sojourn.domain.keys import Reach
from sojourn.store import events
from sojourn.store.tables import EventRow


class Recall:
    """All events of a customer."""

    def __init__(self, every: Iterable[EventRow], besides: Iterable[EventRow] = ()) -> None:
        """Keep events.

        Args:
            every: of the customer, in the order in which they happened.
            besides: events of other customers, which decided messages of this one. They are found
                by their ids, and count for nothing else.
        """
        self._every = list(every)
        self._besides = list(besides)
        self._had: dict[Reach, Mapping[str, int]] = {}
        self._of_names: dict[frozenset[str], Sequence[EventRow]] = {}

    @cached_property
    def _by_id(self) -> Mapping[str, EventRow]:
        return {row.message_id: row for row in (*self._besides, *self._every)}

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[EventRow]]:
        found: dict[str, list[EventRow]] = {}
        for row in self._every:
            found.setdefault(row.name, []).append(row)
        return found

    def named(self, message_id: str | None) -> EventRow | None:
        """Return the event with this message id; None if there is none."""
        return self._by_id.get(message_id) if message_id else None

    def of_names(self, names: Collection[str]) -> Sequence[EventRow]:
        """Return the customer's events of these names, in the order in which they happened."""
        wanted = frozenset(names)
        if wanted not in self._of_names:
            found = [row for name in wanted for row in self._by_name.get(name, ())]
            self._of_names[wanted] = sorted(found, key=lambda row: (row.occurred_at, row.seq or 0))
        return self._of_names[wanted]

    def between(
        self, names: Collection[str], after: datetime, until: datetime, *, came_after: datetime
    ) -> Iterator[EventRow]:
        """Yield the customer's events of these names that happened in a time, and came later.

        Args:
            names: the wire names.
            after: they happened later than this.
            until: at this moment or before.
            came_after: they arrived later than this, by the machine's clock.

        Yields:
            The events, in the order in which they happened.
        """
        rows = self.of_names(names)
        first = bisect_right(rows, after, key=lambda row: row.occurred_at)
        last = bisect_right(rows, until, key=lambda row: row.occurred_at)
        return (row for row in rows[first:last] if row.received_at > came_after)

    def had(self, reach: Reach) -> Mapping[str, int]:
        """Return the keys that the customer has had, as `events.keys_in` does."""
        if reach not in self._had:
            self._had[reach] = events.keys_in(self.of_names(reach.tells_keys), reach)
        return self._had[reach]
