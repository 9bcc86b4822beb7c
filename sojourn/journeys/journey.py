"""`Journey`: what a company's journeys extend. Its class keywords are here.

The body of a journey, `steps`, is straight-line Python on the verbs alone: `send`, `sleep`,
`sleep_until`, `quiet_for`, `wait_for`, `collect`, `heard`, `call`, `ask`, `variant`, `person`,
`tell`, `note`.
It never asks whether the customer has bought meanwhile: every verb does, and leaves by an exception
that `follow` turns into the outcome. Each kind of verb has a file: `waits`, `listening`, `sends`,
`calling`, `persons`, `telling`; `run` is the frame.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, ClassVar

from sojourn.domain.abuse import Limits
from sojourn.domain.again import Again
from sojourn.domain.events import AnyKey, Event, Whole
from sojourn.domain.facts import Fact
from sojourn.domain.invariants import Invariant
from sojourn.domain.message import declared_messages
from sojourn.domain.messages import Enrolment, Heard
from sojourn.journeys.calling import Calling
from sojourn.journeys.conditions import checked_conditions
from sojourn.journeys.keywords import (
    Classes,
    Ends,
    check,
    classes,
    declared,
    ends_of,
    events_of,
    marked,
    replaced,
)
from sojourn.journeys.listening import Listening
from sojourn.journeys.persons import Persons
from sojourn.journeys.sends import Sends
from sojourn.journeys.state import State
from sojourn.journeys.temporal import make_workflow
from sojourn.journeys.terms import Terms


class Journey(Listening, Sends, Calling, Persons):
    """Base of all journeys.

    Class keywords say what the dispatcher and the gate need to know; messages are attributes::

        class AbandonedCart(
            Journey, name="abandoned-cart", topic="cart",
            starts_on=ProductAdded, key="cart_id", goal=OrderCompleted,
        ):
            reminder = Message(EMAIL, useful_for=hours(24))

    A keyword that is left out is the base class's. A class without a name is not a journey: others
    extend it.

    Args:
        name: kebab-case; part of workflow ids, and the folder of the templates.
        topic: what the customer can say no to; of messages that name none. The journey's name if
            left out.
        starts_on: events that start a run.
        goal: events that make the journey succeed and stop its messages; ``Event.any_key()`` for
            those that do so whichever key they name, ``Event.whole()`` for those that do so only
            if they name no products.
        key: the field of those events that tells a customer's runs apart; none: one run a customer.
        part: the field of those events that tells parts of what the key names apart, such as the
            parcels of an order: each has a run of its own. An event that names none is about the
            whole: the run of the whole hears it, and so do those of all parts.
        restarts_on: events that begin the steps again, if `restarts` agrees.
        ends_on: events that end the run as ``stopped``.
        hears: further events that the steps wait for or ask about.
        anchor: the field of those events that the plan counts from, such as the end of a
            subscription. Another value begins the steps again, whether a ``restarts_on`` event
            brings it or a second start; one that comes after the run has ended starts a new one.
        enters_if: a fact (docs/facts.md) that is judged once, when an event that would start a run
            is stored; ``field("total")`` is a field of that event. The run starts only if it holds.
        stays_if: a fact that the gate judges before each message, whatever its class. A message
            leaves only if it holds; else it is skipped as ``no_longer``.
        again: whether a customer may enter once more after the first run: ``ALWAYS``, which is the
            default, ``ONCE``, or ``after(days=30)``. Runs of every key count; those of one key
            alone by ``ONCE.per_key``. An event that an open run hears is not an entry.
        at_most: the runs that one customer may have open at a time, of a journey with a key.
        mutes: from the event that starts a run the customer gets no promotional message, of any
            journey, until an event of ``goal`` or ``ends_on`` or an operator's stop ends it, and
            no longer than this.
        limits: how often it starts for one customer, address and network:
            ``Limits(customer=5, address=5, network=30, per=hours(1))``.
        holdout: the share of all customers who get none of its promotional messages, so that the
            others can be compared with them: 0.1 is one in ten. Their runs go on.
        conversion_window: how long after a message an order is credited to it, in reports; a week
            unless given.
        invariants: what must never be in a customer's story, asked of this journey's messages:
            ``never(message_after(OrderRefunded))``, or several in brackets.
        instead_of: the journey that this one is a new version of. Messages without templates of
            their own have that one's. While it is in shadow (docs/shadow.md) that one writes; from
            then on events start this one, and that one's open runs go on to their end.

    Raises:
        TypeError: a keyword or a message makes no sense; the text says which, and the way out.
    """

    terms: ClassVar[Terms] = Terms()  # type: ignore[misc]  # a class's own, where a run reads it

    def __init_subclass__(
        cls,
        *,
        name: str = "",
        topic: str = "",
        starts_on: Classes | None = None,
        goal: Ends | None = None,
        key: str | None = None,
        part: str | None = None,
        restarts_on: Classes | None = None,
        ends_on: Ends | None = None,
        hears: Classes | None = None,
        anchor: str | None = None,
        enters_if: Fact | None = None,
        stays_if: Fact | None = None,
        again: Again | None = None,
        at_most: int | None = None,
        mutes: timedelta | None = None,
        limits: Limits | None = None,
        holdout: float | None = None,
        conversion_window: timedelta | None = None,
        invariants: Invariant | tuple[Invariant, ...] | None = None,
        instead_of: "type[Journey] | None" = None,
        **kwargs: Any,
    ) -> None:
        super().__init_subclass__(**kwargs)
        of = cls.terms
        ends = (
            *ends_of(goal, marked(of.goal, of)),
            *ends_of(ends_on, marked(of.ends_on, of)),
        )
        cls.terms = Terms(
            starts_on=classes(starts_on, of.starts_on),
            goal=classes(events_of(goal), of.goal),
            key=of.key if key is None else key,
            part=of.part if part is None else part,
            restarts_on=classes(restarts_on, of.restarts_on),
            ends_on=classes(events_of(ends_on), of.ends_on),
            hears=classes(hears, of.hears),
            any_key=tuple(one.event for one in ends if isinstance(one, AnyKey)),
            whole=tuple(one.event for one in ends if isinstance(one, Whole)),
            anchor=of.anchor if anchor is None else anchor,
            enters_if=of.enters_if if enters_if is None else enters_if,
            stays_if=of.stays_if if stays_if is None else stays_if,
            again=of.again if again is None else again,
            at_most=of.at_most if at_most is None else at_most,
            mutes=of.mutes if mutes is None else mutes,
            limits=of.limits if limits is None else limits,
            holdout=of.holdout if holdout is None else holdout,
            conversion_window=(
                of.conversion_window if conversion_window is None else conversion_window
            ),
            invariants=of.invariants if invariants is None else declared(invariants, cls.__name__),
            instead_of=replaced(instead_of, name, cls.__name__, Journey) if instead_of else "",
        )
        if name:
            cls.terms = checked_conditions(cls.terms, cls.__name__)
        cls.name = name
        cls.topic = topic or cls.topic or name
        cls.messages = declared_messages(cls)
        check(cls, Journey)
        if name:
            make_workflow(cls, name)

    def __init__(self) -> None:
        super().__init__()
        self._state = State(self.terms, self._restarts if restarts_by_content(type(self)) else None)

    def restarts(self, event: Event) -> bool:
        """Tell whether a ``restarts_on`` event really begins the steps again.

        By default each does; with an anchor, only one that brings another value of it.
        """
        anchor = self.terms.anchor
        if not anchor:
            return True
        return getattr(event, anchor, None) not in (None, getattr(self.cause, anchor, None))

    def _restarts(self, heard: Heard) -> bool:
        return self.restarts(self._event(heard))


def restarts_by_content(journey: type[Journey]) -> bool:
    """Tell whether an event restarts the steps by what it says, not by its happening.

    A new value (another end) moves the plan however late it is heard. A mere happening (one more
    product) does not begin a ladder again whose messages have left since.
    """
    return bool(journey.terms.anchor) or journey.restarts is not Journey.restarts


def cause_after(journey: type[Journey], enrolment: Enrolment, news: Iterable[Heard]) -> Heard:
    """Return the event from which the steps of a run count once it has heard some news.

    Args:
        journey: the run's.
        enrolment: the run's.
        news: events, in the order in which the run hears them.

    Returns:
        The event that (re)started the steps last.
    """
    run = journey()
    run._state.enrol(enrolment)  # noqa: SLF001 (of this very class)
    for event in news:
        run._state.take(event)  # noqa: SLF001
    return run._state.cause  # noqa: SLF001
