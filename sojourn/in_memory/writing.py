"""`Writer`: has templates say whether they have something to say, and writes messages out."""

from collections.abc import Callable, Sequence

from sojourn.domain.content import Content
from sojourn.domain.errors import BadEvent, NothingToSay, TemplateError
from sojourn.domain.events import Event, Events, MessageReplied
from sojourn.domain.keys import Reach
from sojourn.domain.messages import Channel, Delivery, Reason
from sojourn.in_memory import opting
from sojourn.in_memory.people import Happened, Person
from sojourn.in_memory.registry import Registry
from sojourn.rendering.context import RenderContext
from sojourn.rendering.faults import reason_for
from sojourn.rendering.render import Found, Renderer
from sojourn.rendering.vocabulary import folded, of_any_key
from sojourn.sending import couponing
from sojourn.sending.drafting import (
    WHATSAPP_WINDOW,
    WINDOW_IS_CLOSED,
    Claim,
    context_of,
    moves_of,
)
from sojourn.sending.grounds import Grounds
from sojourn.sending.opting import asks
from sojourn.store import events
from sojourn.store.histories import LIMIT, Told

Keeps = Callable[[Delivery, Content], None]
"""Keeps the words of a message that leaves."""


class Writer:
    """Asks the templates of messages that may leave.

    Args:
        renderer: of the project.
        grounds: of the installation's decisions.
        registry: has the events.
        keeps: is given the words of messages that leave; None: these are not written out.
    """

    def __init__(
        self,
        renderer: Renderer,
        grounds: Grounds,
        registry: Registry,
        keeps: Keeps | None = None,
    ) -> None:
        self._keeps = keeps
        self._renderer = renderer
        self._grounds = grounds
        self._registry = registry
        self._folded = folded(grounds.events)
        self._of_any_key = of_any_key(grounds.events)
        self._never_declining: set[tuple[str, str, Channel, str]] = set()  # of those of the project
        self._declining: dict[tuple[str, str, Channel, str], Found] = {}
        self._run: set[tuple[str, str, Channel, str]] = set()  # once, from end to end
        self._approved: set[tuple[str, str, Channel, str]] = set()  # by WhatsApp, at any time

    def __call__(
        self, person: Person, delivery: Delivery, channel: Channel
    ) -> tuple[Reason, str] | None:
        """Return why a message is not written, and that in words; None: it is.

        Its template has nothing to say, or fails, or is a free text that WhatsApp takes only for a
        day after the customer wrote.
        """
        start = self._registry.events.get(delivery.enrolment)
        if start is None:
            return None
        try:
            return self._refusal(person, delivery, channel, start)
        except NothingToSay as said:
            return reason_for(said), said.why
        except BadEvent as fault:  # a stored event, by the code of the next release
            return Reason.EVENT_MISSING, str(fault)
        except TemplateError as fault:
            return Reason.TEMPLATE, str(fault)

    def _refusal(
        self, person: Person, delivery: Delivery, channel: Channel, start: Happened
    ) -> tuple[Reason, str] | None:
        began = typed(start, self._grounds.events)
        asked = (delivery.journey, delivery.template, channel, person.card.locale)
        by_whatsapp = channel is Channel.WHATSAPP and asked not in self._approved
        may_be_shut = by_whatsapp and not _has_written(person, delivery)
        if self._keeps is not None or may_be_shut:
            context = self._context(person, delivery, channel, began)
            content = self._renderer.render(context, channel)
            if content.approved:
                self._approved.add(asked)
            elif may_be_shut:
                return Reason.WINDOW_CLOSED, WINDOW_IS_CLOSED
            if self._keeps is not None:
                self._keeps(delivery, content)
            return None
        if asked in self._never_declining:
            return None
        found = self._declining.get(asked)
        if found is None:
            found = self._renderer.found(*asked)
            if not self._renderer.may_refuse(found):
                self._never_declining.add(asked)
                return None
            if asked in self._run:  # what may decline is known for good after a first run
                self._declining[asked] = found
            self._run.add(asked)
        context = self._context(person, delivery, channel, began)
        declined = self._renderer.refusal(context, channel, found)
        return None if declined is None else (reason_for(declined), declined.why)

    def written(self, person: Person, delivery: Delivery, channel: Channel) -> Content | None:
        """Write a message out.

        Args:
            person: the customer.
            delivery: the message.
            channel: that it takes.

        Returns:
            What the customer would read; None if nobody knows the event that began the run.

        Raises:
            BadEvent: the class of the event that began the run can no longer read it.
            TemplateError: the template fails.
            NothingToSay: the template declined.
        """
        start = self._registry.events.get(delivery.enrolment)
        if start is None:
            return None
        began = typed(start, self._grounds.events)
        return self._renderer.render(self._context(person, delivery, channel, began), channel)

    def _context(
        self, person: Person, delivery: Delivery, channel: Channel, began: Event
    ) -> RenderContext:
        timezone = person.zone(self._grounds.default_zone)
        told = self._told(person, delivery)
        found = opting.asked(person, delivery, delivery.now) if asks(delivery) else None
        opt_in = found[0] if found is not None else None
        claim = Claim(
            ledger_id=0,
            attempt=0,
            channel=channel,
            address=person.card.address(channel),
            customer=person.card,
            timezone=timezone,
            start=began,
            moves=moves_of(began, told.own, delivery),
            history=told.own,
            elsewhere=tuple(told.elsewhere),
            arrived=tuple(told.arrived),
            opt_in=opt_in,
            coupon=couponing.made_up(delivery, self._grounds.coupons, delivery.now, timezone),
        )
        return context_of(delivery, claim, reference="")

    def _told(self, person: Person, delivery: Delivery) -> Told:
        """Return the customer's events for a template, as `histories.history` does."""
        reach, key = delivery.reach, delivery.key
        before = [
            one.place
            for name in delivery.goals
            for one in person.by_name.get(name, ())
            if one.place < delivery.start and events.concerns(one, reach, key)
        ]
        since = max(before, default=None)
        known, thing = self._grounds.events, reach.thing(key)
        near: list[tuple[Happened, bool, bool]] = []
        for one in _newest_of_each(person.events, reach, self._folded):
            if one.name not in known or (since is not None and one.place <= since):
                continue
            named = events.said(one, reach)
            own = reach.is_of(key, named)
            of_thing = bool(reach.part) and reach.thing(named) == thing
            if own or of_thing or one.name in self._of_any_key:
                near.append((one, own, of_thing))
        found = Told([], [])
        arrived: dict[int, Event] = {}
        for one, own, of_thing in sorted(near, key=lambda each: each[0].place):
            try:
                event = typed(one, known)
            except BadEvent:
                continue
            if own:
                found.own.append(event)
            elif one.name in self._of_any_key:
                found.elsewhere.append(event)
            if of_thing:
                arrived[one.seq] = event
        return found._replace(arrived=[arrived[seq] for seq in sorted(arrived)])


def _has_written(person: Person, delivery: Delivery) -> bool:
    """Tell whether the customer has written by WhatsApp within a day, to whichever number."""
    since = delivery.now - WHATSAPP_WINDOW
    return any(
        one.occurred_at > since and one.properties.get("channel") == Channel.WHATSAPP
        for one in person.by_name.get(MessageReplied.event_name, ())
    )


def typed(one: Happened, known: Events) -> Event:
    """Return an event as an object of its class.

    Args:
        one: the event.
        known: the project's events, by wire name.

    Returns:
        The event, which is read once.
    """
    if one.read is None:
        one.read = one.event or events.typed(one, known)
    return one.read


def _newest_of_each(
    every: Sequence[Happened], reach: Reach, folded: frozenset[str]
) -> Sequence[Happened]:
    """Return the events that a template may see, in any order."""
    if len(every) <= LIMIT:
        return every
    seen: dict[tuple[str, str], int] = {}
    kept = []
    for one in sorted(every, key=lambda one: one.place, reverse=True):
        alike = (one.name, str(events.said(one, reach)))
        seen[alike] = seen.get(alike, 0) + 1
        if seen[alike] <= LIMIT or one.name in folded:
            kept.append(one)
    return kept
