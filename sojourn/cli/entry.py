"""The entry to a journey: the event that starts it on a command, and its fields."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sojourn.cli.fields import fields_of
from sojourn.dispatch.routing import key_of, workflow_id
from sojourn.domain.errors import BadEvent, BadInput
from sojourn.domain.events import Event, read_event
from sojourn.domain.keys import plain
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.store.tables import RunRow

CUSTOMER = "customer_id"


@dataclass(frozen=True)
class Entry:
    """A journey with the event that starts it on a command."""

    name: str
    journey: type[Journey]
    event: type[Event]

    @property
    def needed(self) -> tuple[str, ...]:
        """The fields that must be given: the journey's key, and the event's required fields."""
        needed = [name for name, required in fields_of(self.event).items() if required]
        key = self.journey.terms.key
        return tuple(dict.fromkeys([*([key] if key else []), *needed]))

    @property
    def optional(self) -> tuple[str, ...]:
        """The fields that may be given."""
        return tuple(name for name in fields_of(self.event) if name not in self.needed)

    @property
    def fields(self) -> str:
        """Its fields in words."""
        need = " and ".join(self.needed) or "no field"
        return (
            f'"{self.event.event_name}", which needs {need}; it may have {", ".join(self.optional)}'
        )

    def missing(self, given: Mapping[str, Any]) -> str:
        """Return the names of the missing fields, as text; empty if there are none."""
        return " and ".join(name for name in self.needed if given.get(name) in (None, ""))

    def read(
        self, given: Mapping[str, Any], customer_id: Any, *, message_id: str, at: datetime
    ) -> Event:
        """Create the starting event.

        Args:
            given: the fields of the event.
            customer_id: the customer, as typed.
            message_id: the id of the event.
            at: the moment of the event.

        Returns:
            The event.

        Raises:
            BadInput: a field is missing or does not validate.
        """
        if missing := self.missing(given):
            raise BadInput(f"missing: {missing}")
        try:
            return read_event(
                self.event, given, message_id=message_id, customer_id=customer_id, at=at
            )
        except BadEvent as error:
            path = error.path.removeprefix("properties.")
            raise BadInput(f"{CUSTOMER if path == 'userId' else path}: {error.reason}") from None

    def run_of(self, event: Event) -> str:
        """Return the id of the run that the event starts."""
        return workflow_id(self.name, event.customer_id, key_of(self.journey, event))

    def runs_of(self, event: Event, noted: Iterable[RunRow]) -> list[str]:
        """Return the ids of recorded runs that the event would reach instead of starting one."""
        key = plain(key_of(self.journey, event))
        own = (run for run in noted if run.journey == self.name)
        return [run.workflow_id for run in own if plain(run.key) == key]


def entry_of(journeys: Journeys, name: str) -> Entry:
    """Return the entry to a journey: the first event that starts it.

    Args:
        journeys: the project's journeys.
        name: the name as typed.

    Raises:
        UnknownName: there is no such journey; the message suggests the nearest name.
    """
    found = journeys.named(name)
    return Entry(name, found, found.terms.starts_on[0])
