"""`where=`: what must be true of an event for a wait to end by it."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sojourn.domain.customer import Customer
from sojourn.domain.events import Event
from sojourn.domain.events.base import personal_fields
from sojourn.domain.facts import Answers, Fact, judge
from sojourn.domain.facts.checking import bound, only_fields
from sojourn.domain.facts.nodes import FieldOf
from sojourn.domain.facts.walking import measures

E = TypeVar("E", bound=Event)

Where = Fact | Callable[[E], bool]


def meant(
    where: Where[Any] | None, events: Sequence[type[Event]]
) -> Callable[[Event], bool] | None:
    """Return a function that tells whether a wait is for an event.

    An unknown value is not true: an event without the field does not end the wait.

    Args:
        where: a fact about fields, or a function; None: it is for each.
        events: those that the wait names.

    Returns:
        The function; None if it is for each.

    Raises:
        TypeError: a fact asks for more than fields, or for a field that a run does not hear.
    """
    if where is None or not isinstance(where, Fact):
        return where
    facts = {event: _bound(where, event) for event in events}

    def holds(event: Event) -> bool:
        known = Answers(event.occurred_at, Customer(event.customer_id), fields=event.public())
        return judge(facts[type(event)], known).holds is True

    return holds


def _bound(where: Fact, event: type[Event]) -> Fact:
    only_fields(where, of=event)
    for of in measures(where):
        if isinstance(of, FieldOf) and of.name in personal_fields(event):
            raise TypeError(
                f"{event.__name__}.{of.name} is personal, and no run hears it: where= cannot ask it"
            )
    return bound(where, event)
