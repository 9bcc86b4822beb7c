"""`Event`: the base class of all facts about customers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, ClassVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field

from sojourn.domain.events.fields import Identifier, Moment, PersonalMark
from sojourn.domain.keys import veiled

ENVELOPE = ("message_id", "customer_id", "occurred_at")
"""Fields of every event; the others are its properties."""
_MANY = (list, dict)


@dataclass(frozen=True)
class Whole:
    """An event that ends runs only if it is about all of its thing (`Event.whole`)."""

    event: "type[Event]"


@dataclass(frozen=True)
class AnyKey:
    """An event that ends the runs of every key of its customer (`Event.any_key`)."""

    event: "type[Event]"


class Event(BaseModel):
    """A fact about a customer.

    A subclass gives the name on the wire: ``class OrderShipped(Event, name="Order Shipped")``.
    """

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, coerce_numbers_to_str=True
    )

    event_name: ClassVar[str] = ""
    """Name on the wire: "Order Completed"."""
    made: ClassVar[tuple[str, ...]] = ()
    """The fields that the class derives from others: a stored event has them, whatever was sent."""
    also_called: ClassVar[Mapping[str, str]] = {}
    """Further names of fields that senders use, and the fields that they mean."""

    message_id: Identifier = Field(default_factory=lambda: str(uuid4()))
    """Unique: a second event with the same id is the first one, sent again."""
    customer_id: Identifier
    occurred_at: Moment = Field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def __pydantic_init_subclass__(cls, name: str | None = None, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)  # pydantic hands the keyword to both hooks

    def __init_subclass__(cls, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name is None:
            raise TypeError(
                f'{cls.__name__} needs its name: class {cls.__name__}(Event, name="...")'
            )
        cls.event_name = name

    @classmethod
    def any_key(cls) -> AnyKey:
        """Say that the event ends the runs of every key, whichever key it names.

        For the class keywords of a journey: ``goal=OrderCompleted.any_key()``.
        """
        return AnyKey(cls)

    @classmethod
    def whole(cls) -> Whole:
        """Say that the event ends runs only if it names no products, and so is about all of them.

        For the class keywords of a journey: ``ends_on=OrderRefunded.whole()``. A refund that lists
        what was returned leaves the run alone; templates see what is left (`order`).
        """
        return Whole(cls)

    @property
    def is_whole(self) -> bool:
        """False if a field that the class needs could not be read: the event only ends runs."""
        return self.__pydantic_fields_set__ >= required_fields(type(self))

    def derived(self) -> dict[str, Any]:
        """Return the fields that the class derives from others (`made`), where they have one."""
        return {name: value for name in self.made if (value := getattr(self, name)) is not None}

    def properties(self) -> dict[str, Any]:
        """Return the event's own fields, personal ones included, as JSON values."""
        return self.model_dump(mode="json", exclude=set(ENVELOPE), exclude_none=True)

    def public(self) -> dict[str, Any]:
        """Return the event's own fields that a workflow's history may hold, as JSON values.

        Personal fields stay out, and so do lists: a history has no use for a long order, and no
        journey asks for one. An id that is an address is a digest there.
        """
        shown = self.model_dump(mode="json", exclude=_not_public(type(self)), exclude_none=True)
        public: dict[str, Any] = {}
        for name, value in shown.items():
            kind = type(value)
            if kind is str:
                public[name] = veiled(value)
            elif kind not in _MANY:
                public[name] = value
        return public


def value_of(event: Event, name: str) -> Any:
    """Return the value of a field of an event; None if its class has no such field.

    `getattr` would say the same: where there is no such field, it takes its time to say so.
    """
    return vars(event).get(name)


@cache
def required_fields(event: type[Event]) -> frozenset[str]:
    """Return the names of the fields that an event cannot be without."""
    return frozenset(name for name, field in event.model_fields.items() if field.is_required())


def personal_fields(event: type[Event]) -> frozenset[str]:
    """Return the names of the fields that never reach a Temporal payload."""
    return marked_fields(event, PersonalMark)


@cache
def _not_public(event: type[Event]) -> set[str]:
    return {*ENVELOPE, *personal_fields(event)}


@cache
def marked_fields(event: type[Event], mark: type) -> frozenset[str]:
    """Return the names of the fields that have a mark (`fields`)."""
    return frozenset(
        name
        for name, field in event.model_fields.items()
        if any(isinstance(one, mark) for one in field.metadata)
    )


class UnknownEvent(Event, name=""):
    """An event that no class describes. The store keeps it; no run hears it."""
