"""`Events`: the event classes of a project by their wire names."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from sojourn.domain.errors import SameName, UnknownName
from sojourn.domain.events import messages, runs, shop
from sojourn.domain.events.base import Event


class Events(Mapping[str, type[Event]]):
    """Event classes by their wire names; nothing can be added to it.

    A class that extends another one of the same name takes its place: so a project adds fields to
    an event that ships with the engine.

    Args:
        classes: in any order.

    Raises:
        SameName: two classes have one name, and neither extends the other.
    """

    def __init__(self, classes: Iterable[type[Event]]) -> None:
        found: dict[str, type[Event]] = {}
        for event in classes:
            other = found.setdefault(event.event_name, event)
            if issubclass(event, other):
                found[event.event_name] = event
            elif not issubclass(other, event):
                raise SameName("event", event.event_name, other, event)
        self._classes = MappingProxyType(found)

    def __getitem__(self, name: str) -> type[Event]:
        return self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def named(self, name: str) -> type[Event]:
        """Return the class whose wire name is ``name``.

        Raises:
            UnknownName: there is none; the message offers the nearest.
        """
        try:
            return self._classes[name]
        except KeyError:
            raise UnknownName("event", name, self._classes) from None


def defined_in(module: object) -> list[type[Event]]:
    """Return the event classes that a module defines, in their order; imported ones are not."""
    return [
        item
        for item in vars(module).values()
        if isinstance(item, type)
        and issubclass(item, Event)
        and item.event_name
        and item.__module__ == vars(module)["__name__"]
    ]


SHIPPED = Events([*defined_in(shop), *defined_in(messages), *defined_in(runs)])
"""The events that ship with the engine."""
