"""`Events`: the event classes of a project by their wire names."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType, ModuleType
from typing import Any

from sojourn.domain.errors import SameName, UnknownName
from sojourn.domain.events import (
    access,
    appointments,
    audiences,
    billing,
    care,
    fulfilment,
    loyalty,
    messages,
    opt_ins,
    reviews,
    runs,
    shop,
    trials,
    watching,
)
from sojourn.domain.events.base import Event, UnknownEvent
from sojourn.domain.events.lenience import Role, Understood, understand
from sojourn.domain.events.naming import FIRST_VERSION, Naming


@dataclass(frozen=True)
class Use:
    """The use that journeys make of events: it decides how strictly each is read.

    Args:
        starts: names of events that start runs or begin their steps again.
        ends: names of events that end runs.
        keys: fields that tell runs apart.
        parts: of these, the fields that tell parts of one thing apart.
        keyed: by each event that starts runs, the journeys with a key, and the field that has it.
    """

    starts: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()
    parts: frozenset[str] = frozenset()
    keyed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Synonyms:
    """Further names that senders of a project use.

    Args:
        events: names of events, and the wire names that they mean.
        fields: names of fields, and the fields that they mean.
    """

    events: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


class Events(Mapping[str, type[Event]]):
    """Event classes by their wire names; nothing can be added to it.

    A class that extends another one of the same name takes its place: so a project adds fields to
    an event that ships with the engine.

    Args:
        classes: in any order.
        synonyms: further names of them and of their fields.
        use: what journeys make of them.

    Raises:
        SameName: two classes have one name, and neither extends the other.
        UnknownName: a synonym means an event or a field that does not exist.
    """

    def __init__(
        self,
        classes: Iterable[type[Event]],
        *,
        synonyms: Synonyms = Synonyms(),
        use: Use = Use(),
    ) -> None:
        found: dict[str, type[Event]] = {}
        for event in classes:
            other = found.setdefault(event.event_name, event)
            if issubclass(event, other):
                found[event.event_name] = event
            elif not issubclass(other, event):
                raise SameName("event", event.event_name, other, event)
        self._classes = MappingProxyType(found)
        self._of_kinds: dict[tuple[type[Event], ...], frozenset[str]] = {}
        self.synonyms = synonyms
        self.use = use
        self._roles = {name: self._role(name) for name in found}  # every event asks
        for name in synonyms.events.values():
            self.named(name)
        fields = {name for event in found.values() for name in event.model_fields}
        for name in synonyms.fields.values():
            if name not in fields:
                raise UnknownName("field of an event", name, fields)
        first = {name: known for name, known in FIRST_VERSION.items() if known in found}
        self._naming = Naming(found, either_order=True, synonyms={**first, **synonyms.events})
        self._fields = tuple(sorted(synonyms.fields.items()))

    def used(self, use: Use) -> "Events":
        """Return the same events with the use that journeys make of them."""
        return Events(self._classes.values(), synonyms=self.synonyms, use=use)

    def known_as(self, name: str) -> str:
        """Return the wire name that a name means beyond doubt; the name itself if it means none."""
        return self._naming.known(name) or name

    def spellings(self, name: str) -> list[str]:
        """Return the `letters` under which the event of a wire name is known."""
        return self._naming.spellings(name)

    def nearest(self, name: str) -> str | None:
        """Return the wire name that looks most like an unknown name; None if none does."""
        return self._naming.nearest(name)

    def role(self, name: str) -> Role:
        """Return what the event of this wire name does."""
        known = self._roles.get(name)
        return self._role(name) if known is None else known

    def _role(self, name: str) -> Role:
        return Role(name in self.use.starts, name in self.use.ends, self.use.keys)

    def of_kinds(self, kinds: tuple[type[Event], ...]) -> frozenset[str]:
        """Return the wire names of the events that are of one of these classes."""
        found = self._of_kinds.get(kinds)  # every message asks, and nothing is added to the events
        if found is None:
            found = frozenset(n for n, event in self.items() if issubclass(event, kinds))
            self._of_kinds[kinds] = found
        return found

    def understand(
        self, name: str, properties: Mapping[str, Any], envelope: Mapping[str, Any]
    ) -> Understood:
        """Read an event leniently (`lenience`); one without a class is an `UnknownEvent`.

        Args:
            name: the wire name (`known_as`).
            properties: as they were sent.
            envelope: the fields of `ENVELOPE`.

        Returns:
            The event, and the notes on it.

        Raises:
            BadEvent: a field that the event cannot be without does not validate.
        """
        event = self._classes.get(name, UnknownEvent)
        return understand(event, properties, envelope, self.role(name), self._fields)

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


SUBJECTS: tuple[ModuleType, ...] = (
    access,
    appointments,
    billing,
    care,
    fulfilment,
    loyalty,
    reviews,
    watching,
    trials,
)
"""Modules with events that only journeys use: a project's own event takes the place of one."""

SHIPPED = Events(
    event
    for module in (shop, *SUBJECTS, audiences, messages, opt_ins, runs)
    for event in defined_in(module)
)
"""The events that ship with the engine."""


def beside(own: Sequence[type[Event]], named: Collection[type[Event]]) -> list[type[Event]]:
    """Return the shipped events that a project has beside its own.

    A project that described an event before it shipped here keeps its own class, unless one of its
    journeys names the shipped one: then two classes would have one name.

    Args:
        own: the project's own event classes.
        named: the classes that its journeys name.
    """
    taken = {event.event_name for event in own}
    replaceable = {event for module in SUBJECTS for event in defined_in(module)}
    return [
        event
        for event in SHIPPED.values()
        if event.event_name not in taken
        or event not in replaceable
        or event in named
        or any(issubclass(other, event) for other in own)
    ]
