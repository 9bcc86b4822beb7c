"""`Start`: the event that began the steps, as templates see it."""

from collections.abc import Iterator
from typing import Any

from sojourn.domain.events import ENVELOPE, Event

PRICED = ("price", "total", "value")
"""Fields that mean something only with their ``currency``."""


class Start:
    """The event that (re)started the steps of a run, with what earlier ones told beside it.

    A moved appointment tells the new hour, and often nothing of the place, which has stayed. So a
    field that the newest event does not say is that of the newest one that says it of the same
    thing: a lamp has no link of the mug that was added before. An amount and its currency are those
    of one event.

    Args:
        first: the event that began the run.
        moves: the events that have restarted the steps since, oldest first.
    """

    def __init__(self, first: Event, moves: tuple[Event, ...] = ()) -> None:
        newest, *earlier = *reversed(moves), first
        things = _things(newest)
        self._events = (newest, *(one for one in earlier if _is_about(one, things)))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        said = list(self._said(name))
        if not said:
            raise AttributeError(f"{self._events[0].event_name} has no {name}")
        return next((value for value, counts in said if counts), None)

    def _said(self, name: str) -> Iterator[tuple[Any, bool]]:
        """Yield the values of a field, newest first, and whether each settles the matter."""
        for event in self._events:
            if hasattr(event, name):
                value = getattr(event, name)
                pair = PRICED if name == "currency" else ("currency",) if name in PRICED else ()
                yield value, any(getattr(event, one, None) is not None for one in (name, *pair))


def _things(event: Event) -> dict[str, Any]:
    """Return the ids that an event names, except those of the envelope."""
    names = [name for name in type(event).model_fields if name.endswith("_id")]
    ids = {name: getattr(event, name) for name in names if name not in ENVELOPE}
    return {name: value for name, value in ids.items() if value}


def _is_about(event: Event, things: dict[str, Any]) -> bool:
    """Tell whether an event names no other thing of a kind than these."""
    return all(things.get(name, value) == value for name, value in _things(event).items())
