"""`Terms`: what a journey's class keywords say, as plain values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from types import MappingProxyType

from pydantic import ValidationError

from sojourn.domain.abuse import Limits
from sojourn.domain.again import ALWAYS, Again
from sojourn.domain.errors import UnknownName
from sojourn.domain.events import Event, HoldEnded, JourneyStopped, TaskAnswered, TimeZoneChanged
from sojourn.domain.facts import Fact
from sojourn.domain.invariants import Invariant
from sojourn.domain.keys import Reach
from sojourn.domain.measuring.attribution import WINDOW
from sojourn.domain.messages import Heard

EventClasses = tuple[type[Event], ...]


@dataclass(frozen=True)
class Terms:
    """The events that matter to a journey, and the field that tells its runs apart.

    Args:
        starts_on: start a run.
        goal: make the journey succeed and stop its messages.
        key: the field of those events that tells a customer's runs apart; empty: one run each.
        part: the field that tells parts of what the key names apart; empty: one run for the whole.
        restarts_on: begin the steps again, if `Journey.restarts` agrees.
        anchor: the field that the plan counts from; empty: it counts from the event's moment.
        ends_on: end the run as ``stopped``.
        hears: further events that the steps wait for or ask about.
        any_key: of ``goal`` and ``ends_on``, those that end the runs of every key.
        whole: of ``goal`` and ``ends_on``, those that end runs only if they name no products.
        enters_if: the condition under which an event starts a run; its fields are those of the
            event.
        stays_if: the condition under which a message leaves.
        again: whether a customer may enter once more, and when.
        at_most: the runs that a customer may have open at one time; None: one for each key.
        mutes: for how long at most the customer gets no promotional message; None: not at all.
        limits: how often runs start for one customer, address and network; None: always.
        holdout: the share of all customers, below 1, who get none of its promotional messages.
        conversion_window: how long after a message a goal is credited to it, in reports.
        invariants: what must never be in a customer's story, of this journey's messages.
        instead_of: the name of the journey in whose place it is; empty: it is one of its own.
    """

    starts_on: EventClasses = ()
    goal: EventClasses = ()
    key: str = ""
    part: str = ""
    restarts_on: EventClasses = ()
    ends_on: EventClasses = ()
    hears: EventClasses = ()
    any_key: EventClasses = ()
    whole: EventClasses = ()
    anchor: str = ""
    enters_if: Fact | None = None
    stays_if: Fact | None = None
    again: Again = ALWAYS
    at_most: int | None = None
    mutes: timedelta | None = None
    limits: Limits | None = None
    holdout: float = 0.0
    conversion_window: timedelta = WINDOW
    invariants: tuple[Invariant, ...] = ()
    instead_of: str = ""

    @cached_property
    def selects(self) -> bool:
        """True if an event that could start a run is judged before it does."""
        rules = (self.enters_if, self.at_most, self.limits)
        return not self.again.is_open or any(rule is not None for rule in rules)

    @cached_property
    def begun_by(self) -> EventClasses:
        """The events that may start a run; with an anchor, those that move it do, too."""
        return tuple(dict.fromkeys((*self.starts_on, *(self.restarts_on if self.anchor else ()))))

    @cached_property
    def moved_by(self) -> EventClasses:
        """The events that may begin the steps again; with an anchor, a second start is one."""
        if not self.anchor:
            return self.restarts_on
        return tuple(dict.fromkeys((*self.restarts_on, *self.starts_on)))

    @property
    def words(self) -> EventClasses:
        """Every run hears these: words that a hold waited for, another zone, a person's answer."""
        return (HoldEnded, TaskAnswered, TimeZoneChanged)

    @cached_property
    def start_names(self) -> frozenset[str]:
        """The wire names of the events that start a run."""
        return frozenset(names(self.starts_on))

    @cached_property
    def declared(self) -> Mapping[str, type[Event]]:
        """Every event that a run is told of, by its wire name."""
        every = (self.starts_on, self.goal, self.restarts_on, self.stops, self.hears, self.words)
        return MappingProxyType({event.event_name: event for some in every for event in some})

    @cached_property
    def reach(self) -> Reach:
        """The rule by which events find the runs.

        A goal that starts runs as well, such as a renewal, concerns the key whose run it starts.
        """
        starts, ends = names(self.starts_on), names((*self.goal, *self.ends_on))
        return Reach(
            field=self.key,
            starts=starts,
            ends=tuple(name for name in ends if name not in starts),
            any_key=names(self.any_key),
            whole=names(self.whole),
            known_by=tuple(name for name in names(self.keyed) if name not in starts),
            part=self.part,
            in_parts=tuple(n for n, event in self.declared.items() if self._names_part(event)),
        )

    def _names_part(self, event: type[Event]) -> bool:
        return bool(self.part) and self.part in event.model_fields

    @cached_property
    def keyed(self) -> EventClasses:
        """The events of ``hears`` that have the journey's key: they tell which keys there are."""
        return tuple(event for event in self.hears if self.key in event.model_fields)

    def exact(self, start: str) -> tuple[str, ...]:
        """Return the goals that count for a run by their moments alone.

        Of two renewals each ends the other's run, and begins its own: if their order were in doubt,
        the two would take turns for ever.

        Args:
            start: the wire name of the event that began the run.
        """
        goals = names(self.goal)
        return tuple(g for g in goals if g in names(self.starts_on)) if start in goals else ()

    @cached_property
    def stops(self) -> EventClasses:
        """Every event that ends a run as ``stopped``: those of ``ends_on``, and an operator's."""
        return (*self.ends_on, JourneyStopped)

    def event(self, heard: Heard, customer_id: str) -> Event:
        """Return an event as its class has it; personal fields and lists are empty.

        Raises:
            UnknownName: the journey does not hear events of this name.
            pydantic.ValidationError: the class does not take its fields.
        """
        try:
            event = self.declared[heard.name]
        except KeyError:
            raise UnknownName("event", heard.name, self.declared) from None
        envelope = {"message_id": heard.id, "customer_id": customer_id, "occurred_at": heard.at}
        return event.model_validate({**heard.fields, **envelope})

    def reads(self, heard: Heard) -> bool:
        """Tell whether an event has all that its class needs: else it can end a run, no more."""
        try:
            self.event(heard, "anybody")
        except (UnknownName, ValidationError):
            return False
        return True

    def is_ended_by(self, event: str) -> bool:
        """Tell whether events of this wire name end a run."""
        return event in self._ends

    @cached_property
    def _ends(self) -> frozenset[str]:
        return frozenset(names((*self.goal, *self.stops)))


def names(events: Iterable[type[Event]]) -> tuple[str, ...]:
    """Return the wire names of event classes."""
    return _names(tuple(events))


@lru_cache(maxsize=1024)
def _names(events: EventClasses) -> tuple[str, ...]:
    return tuple(event.event_name for event in events)


def is_one_of(heard: Heard, events: Iterable[type[Event]]) -> bool:
    """Tell whether an event is of one of these classes, by its wire name."""
    return heard.name in names(events)
