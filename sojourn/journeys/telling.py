"""`Telling`: the verbs by which a run says something to the rest of the house.

`tell` is an event, `note` a statement on the customer's card. Both go the way that those of
services go: the same row, lock and rules.
"""

from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Any

from sojourn.domain.events import Event, RunEvent, check_track
from sojourn.domain.facts.checking import PERSONAL_TRAITS
from sojourn.domain.keys import is_address
from sojourn.domain.sayings import Noting, Saying
from sojourn.domain.sayings import Telling as Told
from sojourn.domain.traits import card_field, read_traits
from sojourn.journeys.journal import Done
from sojourn.journeys.run import Run

OF_A_PERSON = (*PERSONAL_TRAITS, "name", "last_name", "lastName", "address", "birthday", "avatar")
"""Traits that no run notes: the customer's own, and what Segment reserves for a person."""
LONGEST_NOTE = 200
"""Characters of a text that a run notes; a longer one is not a code."""


class Telling(Run):
    """A run that tells others of its customer."""

    async def tell(self, event: Event | type[Event], **fields: Any) -> None:
        """Tell an event of the customer, as a service would by `Sojourn.publish`.

        It starts, ends and moves runs of other journeys by their own rules::

            await self.tell(TrialEnded, plan=self.cause.plan)

        A run that is retried, reset or replayed tells it once. It returns when the event is stored
        and the runs that it concerns are told.

        Args:
            event: the event, or its class; its id and its moment are those of the telling.
            fields: of the class, without the customer. Nothing personal: the history keeps them.

        Raises:
            TypeError: the event is another customer's, or has a field that no history may hold.
        """
        name = event.event_name

        async def perform() -> Done:
            told = self._told(event, fields)
            verb = f"tell {name}"
            said = Told(event=name, fields=told.public(), **self._circumstances(verb))
            return await self._say(said, verb)

        await self._once(f"tell {name}", perform)

    async def note(self, **traits: Any) -> None:
        """Note something on the customer's card, with this run as its source.

        ::

            await self.note(plan="gold", orders_this_year=7)

        It counts from the moment of this line: a newer value of the same trait stays. A run that is
        retried, reset or replayed notes it once. ``ask(trait("plan") == "gold")`` sees it.

        Args:
            traits: yes or no, a number, a moment, an enum, None, or a short text. The history keeps
                the values: to note a text is to declare that it is not personal.

        Raises:
            TypeError: a trait is personal, is the customer's to say, or is of another type.
        """

        async def perform() -> Done:
            said = Noting(traits=_noted(traits), **self._circumstances("note"))
            return await self._say(said, f"note {', '.join(traits)}")

        await self._once("note", perform)

    def _circumstances(self, verb: str) -> dict[str, Any]:
        state = self._state
        return {
            "run": self._runtime.run_id,
            "customer_id": self.customer_id,
            "enrolment": state.enrolment.start.id,
            "cause": state.cause.id,
            "occurrence": 1 + state.journal.times(verb),
            "now": self.now(),
            "clock": state.enrolment.clock,
        }

    async def _say(self, said: Saying, summary: str) -> Done:
        self._tell(lambda: summary)
        plan = self._state.journal.plan
        # what a run in shadow says is checked, and nobody hears it
        taken = self._state.in_shadow or await self._runtime.say(said, summary)
        self._leave_if_due()
        return Done(due=plan.due, missed=plan.missed, value=taken)

    def _told(self, event: Event | type[Event], fields: dict[str, Any]) -> Event:
        """Return the event, which a history may hold.

        Raises:
            TypeError: it may not, or the event is another customer's.
        """
        if isinstance(event, Event):
            if fields:
                raise TypeError("tell: fields belong to a class; an event has its own already")
            made = event
        else:
            made = event(customer_id=self.customer_id, occurred_at=self.now(), **fields)
        called = type(made).__name__
        if made.customer_id != self.customer_id:
            raise TypeError(f"tell: {called} is of {made.customer_id}: a run tells of its customer")
        if not made.event_name:
            raise TypeError(f"tell: {called} has no name on the wire")
        if isinstance(made, RunEvent):
            raise TypeError(f"tell: {called} is of a run or a message: Sojourn alone writes it")
        said, public = made.properties(), made.public()
        hidden = [name for name in said if said[name] not in ([], {}, public.get(name))]
        if hidden:
            raise TypeError(
                f"tell: a history would keep {called}.{hidden[0]}, which is personal, a list or an "
                "address: leave it out, and have who needs it look it up"
            )
        check_track(made.event_name, public)
        return made


def _noted(traits: dict[str, Any]) -> dict[str, Any]:
    """Return traits as JSON values that a history may hold.

    Raises:
        TypeError: it may not hold one of them, or there is none.
    """
    if not traits:
        raise TypeError('note: write what to note: note(plan="gold")')
    written = {name: _plain(name, value) for name, value in traits.items()}
    read = read_traits(written)
    for name in written:
        if (card_field(name) or name) in OF_A_PERSON:
            raise TypeError(f"note: {name} is personal, and a history would keep it")
        if name not in read.attributes:
            raise TypeError(f"note: {name} is for the customer to say, by an identify call")
    return written


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and (is_address(value) or len(value) > LONGEST_NOTE):
        raise TypeError(f"note: {name} is an address or a long text, and a history would keep it")
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(
        f"note: {name} is {type(value).__name__}: a note is yes or no, a number, a moment, an enum "
        "or a short text"
    )
