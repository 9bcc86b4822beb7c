"""`History`: the events of a customer that concern one run."""

from collections.abc import Iterator, Sequence

from sojourn.domain.events import SHIPPED, Event, Events


class History:
    """A customer's past events, oldest first; nothing can be added to it.

    Args:
        events: oldest first.
        known: the events that there are: only their names can be asked for.
    """

    def __init__(self, events: Sequence[Event] = (), known: Events = SHIPPED) -> None:
        self._events = tuple(events)
        self._known = known

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)

    def all(self, *names: str) -> list[Event]:
        """Return the events of these wire names ("Product Added"), oldest first.

        Raises:
            UnknownName: no event is called so; the message offers the nearest.
        """
        for name in names:
            self._known.named(name)
        return [event for event in self._events if event.event_name in names]

    def last(self, *names: str) -> Event | None:
        """Return the newest event of these wire names; None if there is none.

        Raises:
            UnknownName: no event is called so; the message offers the nearest.
        """
        found = self.all(*names)
        return found[-1] if found else None
