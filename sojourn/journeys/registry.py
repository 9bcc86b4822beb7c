"""`Journeys`: the journeys of a project by their names."""

import hashlib
import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from types import MappingProxyType

from sojourn.domain.errors import BadInput, SameName, UnknownName
from sojourn.domain.events import Event
from sojourn.domain.experiment import Experiment
from sojourn.domain.facts import Fact
from sojourn.domain.keys import Reach
from sojourn.journeys.journey import Journey
from sojourn.journeys.terms import names

NOBODY: Mapping[str, type[Journey]] = MappingProxyType({})


class Journeys(Mapping[str, type[Journey]]):
    """Journeys by their names, in order; nothing can be added to them.

    Args:
        classes: the journeys, in any order.
        off: names of those that are switched off: they start no run, and the gate lets none of
            their messages pass. Runs that are open go on to their end.
        shadow: names of those that are in shadow: runs that begin now are decided on like any, and
            nothing that they say leaves.
        each: every one of them writes, as in tests: none is at rest because another is in its
            place.

    Raises:
        SameName: two of them have one name.
        UnknownName: there is no journey of a name in ``off`` or ``shadow``.
        BadInput: one is in both, or two would write in the place of one.
    """

    def __init__(
        self,
        classes: Iterable[type[Journey]] = (),
        off: Collection[str] = (),
        shadow: Collection[str] = (),
        *,
        each: bool = False,
    ) -> None:
        found: dict[str, type[Journey]] = {}
        for journey in classes:
            if found.setdefault(journey.name, journey) is not journey:
                raise SameName("journey", journey.name, found[journey.name], journey)
        self._classes = MappingProxyType(dict(sorted(found.items())))
        for name in (*off, *shadow):
            self.named(name)
        self.off, self.shadow = frozenset(off), frozenset(shadow)
        for name in sorted(self.off & self.shadow):
            raise BadInput(f"{name} is off and in shadow: leave it in one of the two lists")
        self.instead_of: Mapping[str, str] = MappingProxyType(
            {
                name: journey.terms.instead_of
                for name, journey in self._classes.items()
                if journey.terms.instead_of in self._classes and name not in self.off and not each
            }
        )
        """The journeys in whose place others are, or would be, by the names of those."""
        self.replaced = self._replaced()

    def __getitem__(self, name: str) -> type[Journey]:
        return self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)

    def _replaced(self) -> Mapping[str, str]:
        """Return the journeys that write in the place of others, by the names of those."""
        found: dict[str, str] = {}
        for new, old in self.instead_of.items():
            if new in self.shadow:
                continue
            if (other := found.setdefault(old, new)) != new:
                raise BadInput(
                    f"{other} and {new} are both there instead of {old}: switch one of them off, "
                    "or leave it in shadow"
                )
        return MappingProxyType(found)

    @cached_property
    def at_rest(self) -> frozenset[str]:
        """Those that begin nothing from which a message leaves: off, in shadow, or replaced."""
        return self.off | self.shadow | self.replaced.keys()

    def named(self, name: str) -> type[Journey]:
        """Return the journey called ``name``.

        Raises:
            UnknownName: there is none; the message offers the nearest.
        """
        try:
            return self._classes[name]
        except KeyError:
            raise UnknownName("journey", name, self._classes) from None

    def heard_by(self, event: str) -> Mapping[str, type[Journey]]:
        """Return the journeys that listen to events of this wire name, by their names."""
        return self._heard_by.get(event, NOBODY)

    @cached_property
    def _heard_by(self) -> Mapping[str, Mapping[str, type[Journey]]]:
        return self._by_event(lambda journey: journey.terms.declared)

    def started_by(self, event: str) -> Mapping[str, type[Journey]]:
        """Return the journeys of which events of this wire name may start runs, by their names."""
        return self._started_by.get(event, NOBODY)

    @cached_property
    def _started_by(self) -> Mapping[str, Mapping[str, type[Journey]]]:
        return self._by_event(lambda journey: names(journey.terms.starts_on))

    def selecting(self, event: str) -> Mapping[str, type[Journey]]:
        """Return the journeys that select by events of this wire name who enters, by their names.

        Those that are switched off let nobody enter.
        """
        return self._selecting.get(event, NOBODY)

    @cached_property
    def _selecting(self) -> Mapping[str, Mapping[str, type[Journey]]]:
        return self._by_event(
            lambda journey: (
                names(journey.terms.begun_by)
                if journey.terms.selects and journey.name not in self.off
                else ()
            )
        )

    def reaches_ended_by(self, event: str) -> tuple[Reach, ...]:
        """Return the reaches of the journeys whose runs events of this wire name end.

        Of the names, those of events that start runs as well are not among them (`Reach.ends`).
        """
        return self._reaches_ended_by.get(event, ())

    @cached_property
    def _reaches_ended_by(self) -> Mapping[str, tuple[Reach, ...]]:
        ended = self._by_event(lambda journey: journey.terms.reach.ends)
        return {event: tuple(j.terms.reach for j in of.values()) for event, of in ended.items()}

    @cached_property
    def limited(self) -> Mapping[str, int]:
        """The runs that a customer may have open at a time, by the journeys with such a limit."""
        every = ((name, journey.terms.at_most) for name, journey in self._classes.items())
        return MappingProxyType({name: most for name, most in every if most is not None})

    @cached_property
    def key_fields(self) -> frozenset[str]:
        """The fields that tell runs apart."""
        terms = [each.terms for each in self._classes.values()]
        return frozenset(filter(None, (one for each in terms for one in (each.key, each.part))))

    @cached_property
    def starting(self) -> frozenset[str]:
        """The wire names of the events that start runs of some journey that is not in shadow.

        No other run is told less because of one in shadow.
        """
        loud = (one for name, one in self._classes.items() if name not in self.shadow)
        every = (event for journey in loud for event in journey.terms.starts_on)
        return frozenset(event.event_name for event in every)

    @cached_property
    def told_late(self) -> Mapping[str, frozenset[str]]:
        """The wire names of the events that runs are told of late, by journey.

        None of them starts runs: it could start another one.
        """
        return MappingProxyType(
            {
                name: frozenset(journey.terms.declared.keys() - self.starting)
                for name, journey in self._classes.items()
            }
        )

    @cached_property
    def counting_late(self) -> Mapping[str, frozenset[str]]:
        """The wire names of the events that may count for a run although they arrived before it.

        They are its goals and what it is told of late, by journey.
        """
        return MappingProxyType(
            {
                name: self.told_late[name].union(names(journey.terms.goal))
                for name, journey in self._classes.items()
            }
        )

    def moved_by(self, event: str) -> Mapping[str, type[Journey]]:
        """Return the journeys whose anchor events of this wire name may move, and start no run."""
        return self._moved_by.get(event, NOBODY)

    @cached_property
    def _moved_by(self) -> Mapping[str, Mapping[str, type[Journey]]]:
        return self._by_event(
            lambda journey: [
                event.event_name
                for event in (journey.terms.restarts_on if journey.terms.anchor else ())
                if event.event_name not in journey.terms.start_names
            ]
        )

    def ended_by(self, event: str) -> Mapping[str, type[Journey]]:
        """Return the journeys with keys that have runs ended by events of this wire name.

        Of the names, those of events that start runs as well are not among them (`Reach.ends`).
        """
        return self._ended_by.get(event, NOBODY)

    @cached_property
    def _ended_by(self) -> Mapping[str, Mapping[str, type[Journey]]]:
        return self._by_event(lambda j: j.terms.reach.ends if j.terms.reach.field else ())

    def _by_event(
        self, told: Callable[[type[Journey]], Iterable[str]]
    ) -> Mapping[str, Mapping[str, type[Journey]]]:
        """Return the journeys by the wire names that each of them tells, in their order."""
        found: dict[str, dict[str, type[Journey]]] = {}
        for name, journey in self._classes.items():
            for event in told(journey):
                found.setdefault(event, {})[name] = journey
        return {event: MappingProxyType(of) for event, of in found.items()}

    @cached_property
    def stays_if(self) -> Mapping[str, Fact]:
        """The conditions under which messages leave, by the names of the journeys that have one."""
        every = ((name, journey.terms.stays_if) for name, journey in self._classes.items())
        return MappingProxyType({name: fact for name, fact in every if fact is not None})

    @cached_property
    def holdouts(self) -> Mapping[str, float]:
        """The shares of all customers that journeys hold out, by the names of those that do."""
        every = ((name, journey.terms.holdout) for name, journey in self._classes.items())
        return MappingProxyType({name: part for name, part in every if part})

    @cached_property
    def experiments(self) -> Mapping[str, Experiment]:
        """The experiments that the files of journeys have, by name."""
        modules = {journey.__module__ for journey in self._classes.values()}
        values = (value for name in sorted(modules) for value in vars(sys.modules[name]).values())
        return MappingProxyType({one.name: one for one in values if isinstance(one, Experiment)})

    @cached_property
    def versions(self) -> Mapping[str, str]:
        """The version of each journey's code, by name: a digest of its file.

        A journey that no file has, such as one that was typed in, has none.
        """
        found: dict[str, str] = {}
        for name, journey in self._classes.items():
            with suppress(OSError, TypeError):  # no file
                source = inspect.getsource(sys.modules[journey.__module__])
                found[name] = hashlib.sha256(source.encode()).hexdigest()[:8]
        return MappingProxyType(found)

    @cached_property
    def templates_of(self) -> Mapping[str, str]:
        """The journeys whose templates others have, where they have none of their own, by name."""
        every = ((name, journey.terms.instead_of) for name, journey in self._classes.items())
        return MappingProxyType({name: old for name, old in every if old})

    @cached_property
    def muting(self) -> Mapping[str, type[Journey]]:
        """The journeys during which customers get no promotional message, by their names."""
        every = self._classes.items()
        return MappingProxyType({n: j for n, j in every if j.terms.mutes is not None})

    @cached_property
    def events(self) -> tuple[type[Event], ...]:
        """Every event that some journey names in its class keywords."""
        every = (event for j in self._classes.values() for event in j.terms.declared.values())
        return tuple(dict.fromkeys(every))
