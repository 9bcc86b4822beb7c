"""Double opt-in in memory: requests are kept, judged and counted, as in `store.opting`."""

from dataclasses import replace
from datetime import datetime

from sojourn.domain.addresses import normalised
from sojourn.domain.consent import Purpose, Statement
from sojourn.domain.consent_words import ordered
from sojourn.domain.events import Event, OptInRequested
from sojourn.domain.messages import Channel, Delivery
from sojourn.domain.opt_ins import (
    DAY,
    OptIn,
    Stage,
    event_of,
    evidence_of,
    opt_in_of,
    requests,
    stage_at,
)
from sojourn.domain.verdict import Circumstances
from sojourn.in_memory.identifying import say
from sojourn.in_memory.people import Happened, Person, Row
from sojourn.in_memory.registry import Registry
from sojourn.sending.opting import may_ask, narrowed, without_request
from sojourn.store.ledger import MAYBE_SENT


def ask(registry: Registry, person: Person, one: Happened, event: OptInRequested) -> list[Event]:
    """Keep a request among the customer's words.

    Args:
        registry: numbers it.
        person: the customer.
        one: the event that makes it, as it is kept.
        event: the same, typed.

    Returns:
        The event of its answer, if a word has answered it already.
    """
    channel = Channel(event.channel)
    evidence = evidence_of(event)
    word = Statement(
        channel, granted=False, topic=event.topic, purpose=Purpose.PENDING, evidence=evidence
    )
    arrived = max(one.received_at, one.occurred_at)
    say(registry, person, word, at=one.occurred_at, arrived=arrived, source=one.message_id)
    said = ordered(person.said)
    told = [
        event_of(person.customer_id, request, said)
        for request in requests(said)
        if request.source == one.message_id
    ]
    return [answer for answer in told if answer is not None]


def asked(person: Person, delivery: Delivery, now: datetime) -> tuple[OptIn, Stage] | None:
    """Return the request that began the steps of a run, or the run itself, and its stage.

    Args:
        person: the customer.
        delivery: a message of the run.
        now: by the journey's clock.

    Returns:
        Both; None if the customer has no such request.
    """
    said = ordered(person.said)
    for event_id in dict.fromkeys((delivery.cause, delivery.enrolment)):
        found = [row for row in requests(said) if event_id and row.source == event_id]
        if found:
            request = found[-1]
            has = person.card.address(Channel(request.channel))
            return opt_in_of(request), stage_at(request, said, now, has=has)
    return None


class Requests:
    """Counts the messages that ask an address for a confirmation.

    Args:
        registry: has the events.
        a_day: how often one address is asked within a day.
    """

    def __init__(self, registry: Registry, a_day: int) -> None:
        self._registry = registry
        self._a_day = a_day
        self._asking: dict[str, list[Row]] = {}

    def note(self, row: Row) -> None:
        """Count a message from now on, if it leaves.

        Args:
            row: of a message that asks for a confirmation.
        """
        self._asking.setdefault(row.counted_as, []).append(row)

    def judged(
        self, person: Person, delivery: Delivery, around: Circumstances, now: datetime
    ) -> Circumstances:
        """Return the circumstances of a message as `sending.opting` narrows them.

        Args:
            person: the customer.
            delivery: a message of a run that a request begins.
            around: the circumstances without the request.
            now: by the journey's clock.

        Returns:
            The circumstances.
        """
        found = asked(person, delivery, now)
        if found is None:
            start = self._registry.events.get(delivery.enrolment)
            is_asked = start is None or start.name == OptInRequested.event_name
            return without_request(around) if is_asked else around
        opt_in, stage = found
        around = narrowed(around, opt_in, stage)
        address = person.card.address(opt_in.channel)
        if not may_ask(around) or not address:
            return around
        counted = f"opt-in {opt_in.channel}/{normalised(opt_in.channel, address)}"
        times = sum(
            row.message_id != delivery.message_id
            and row.state in MAYBE_SENT
            and row.decided_at > now - DAY
            for row in self._asking.get(counted, ())
        )
        return replace(around, counted_as=counted, asked_enough=times >= self._a_day)
