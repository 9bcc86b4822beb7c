"""The shapes that cross Temporal: ids, codes and moments, nothing personal."""

from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

from pydantic import AwareDatetime, Field

from sojourn.domain.feed import Articles
from sojourn.domain.keys import Reach
from sojourn.domain.limits import AtCap, AtMost
from sojourn.domain.shape import Shape


class Channel(StrEnum):
    """A way for a message to travel."""

    EMAIL = "email"
    SMS = "sms"
    PUSH = "push"
    WHATSAPP = "whatsapp"


class MessageClass(StrEnum):
    """The ground on which we may send a message; it decides which rules the gate applies."""

    PROMOTIONAL = "promotional"
    """The company wants it sent: it needs consent and keeps quiet hours."""
    TRANSACTIONAL = "transactional"
    """The customer's own action calls for it."""
    AUTHENTICATION = "authentication"
    """The customer is waiting for it."""


class Outcome(StrEnum):
    """The end of a run."""

    CONVERTED = "converted"
    """The goal was reached."""
    EXHAUSTED = "exhausted"
    """Everything was said."""
    STOPPED = "stopped"
    """An event or an operator ended it."""
    SUPPRESSED = "suppressed"
    """The customer is erased: there is nobody to write to."""


class Status(StrEnum):
    """The fate of a message, as the journey learns it."""

    SENT = "sent"
    DEFERRED = "deferred"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Reason(StrEnum):
    """The reason that a message was not sent, or not yet; docs/reasons.md explains each."""

    GOAL_REACHED = "goal_reached"
    SUPERSEDED = "superseded"
    RUN_STOPPED = "run_stopped"
    SWITCHED_OFF = "switched_off"
    EVENT_MISSING = "event_missing"
    NO_LONGER = "no_longer"
    ALREADY_TOLD = "already_told"
    UNKNOWN_CUSTOMER = "unknown_customer"
    ERASED = "erased"
    RESTRICTED = "restricted"
    NO_ADDRESS = "no_address"
    NO_CONSENT = "no_consent"
    OPTED_OUT = "opted_out"
    TOO_LATE = "too_late"
    QUIET_HOURS = "quiet_hours"
    WINDOW = "window"
    SNOOZED = "snoozed"
    IN_CARE = "in_care"
    CAP = "cap"
    GAVE_WAY = "gave_way"
    NOTHING_TO_SAY = "nothing_to_say"
    NOTHING_LEFT = "nothing_left"
    TEMPLATE = "template"
    SUPPRESSED = "suppressed"
    INVALID_ADDRESS = "invalid_address"
    WINDOW_CLOSED = "window_closed"
    REFUSED = "refused"
    OTHER_CHANNEL = "other_channel"
    PAUSED = "paused"
    HELD_BACK = "held_back"
    ONLY_TO = "only_to"
    ASKED_ENOUGH = "asked_enough"
    NO_COUPON = "no_coupon"
    RAMP = "ramp"
    HELD_OUT = "held_out"
    NOT_QUALIFIED = "not_qualified"
    CAME_AGAIN = "came_again"
    ENOUGH_RUNS = "enough_runs"
    TOO_MANY_REQUESTS = "too_many_requests"
    OLD_NEWS = "old_news"


EDITION = 2
"""The rules by which a run that begins now waits and counts (`Enrolment.edition`)."""


class Heard(Shape):
    """An event as a run hears it: no personal field.

    ``(at, seq)`` orders events: by the moment they happened, ties by arrival in the store.

    Args:
        id: unique.
        name: on the wire.
        at: when it happened.
        seq: its order of arrival in the store.
        fields: those that are not personal.
        within: how far its sender's clock may be off, where it ends runs (`domain.ordering`). An
            event that a history recorded without it is judged by its moment alone, as it was then.
        shadow: what it begins is in shadow: the steps run, and nothing that they say leaves.
    """

    id: str
    name: str
    at: AwareDatetime
    seq: int
    fields: dict[str, Any] = Field(default_factory=dict)
    within: timedelta = timedelta(0)
    shadow: bool = False

    @property
    def order(self) -> tuple[datetime, int]:
        """The event's place among the customer's events."""
        return (self.at, self.seq)


class Delayed(Shape):
    """The first wait of a run, which Temporal spends before it hands out the run's first task.

    Args:
        since: when the wait began, by Temporal's clock.
        until: when it is over, likewise.
    """

    since: AwareDatetime
    until: AwareDatetime


class Enrolment(Shape):
    """The argument of a run: who, what for, since when.

    Args:
        customer_id: opaque.
        key: tells runs of one journey and customer apart; empty where the journey has none.
        start: the event that started it; its id names the enrolment.
        timezone: IANA name of the customer's zone as last known.
        clock: the journey's clock minus the server's; zero except in time travel.
        edition: the rules by which the run waits and counts. A history that began by former rules
            replays by them. Edition 0 sets no timer for a wait that is past, keeps no distance
            after a hold, and takes old news for new. Edition 1 begins the steps again for an older
            event that says the same as the one they go by. It keeps the distance from the last
            message even for a moment that was past when the steps began, and so may wait for it.
            And the steps hear of what happened and arrived before the run.
        carried: what a run that continued as new brings along.
        delayed: its first wait, if that is the delay of its start (`journeys.delaying`); None: the
            run sets a timer for it, as every other execution of a run does.
    """

    customer_id: str
    key: str = ""
    start: Heard
    timezone: str = "UTC"
    clock: timedelta = timedelta(0)
    edition: int = 0
    delayed: Delayed | None = None
    carried: "Carried | None" = None


class Receipt(Shape):
    """The answer of the send activity."""

    status: Status
    reason: Reason | None = None
    channel: Channel | None = None
    until: datetime | None = None
    news: Heard | None = None
    """The event the gate found that the run had not heard of yet."""
    timezone: str | None = None
    """The customer's zone, if it is another than the run knew."""
    at: datetime | None = None
    """The moment of the claim by which the message was sent, by the journey's clock."""
    due: datetime | None = None
    """The moment at which the message fell due, if its wait began by another plan than today's."""


class Sent(Shape):
    """One line of a run's result."""

    step: str
    status: Status
    reason: Reason | None = None
    channel: Channel | None = None
    at: datetime


class Told(Shape):
    """One message that was sent before an event was taken in."""

    step: str
    at: datetime


class Answer(Shape):
    """The effect of an event on a run, for the caller who asked.

    Args:
        effect: ``started`` it, ``ended`` it, or was merely ``signalled``.
        prevented: steps that will not be sent because of it.
        already_sent: steps that went out before.
    """

    effect: Literal["started", "signalled", "ended"]
    prevented: tuple[str, ...] = ()
    already_sent: tuple[Told, ...] = ()


class Result(Shape):
    """The end of a run, and the messages it decided on."""

    outcome: Outcome
    enrolment: str
    messages: tuple[Sent, ...] = ()


class Performed(Shape):
    """The outcome of a verb: one entry of a run's journal.

    Args:
        verb: which it was, and of which message: ``send reminder``.
        due: the plan's moment after it; None before the first wait.
        missed: that moment was past before its wait began.
        value: what the verb gave back, as JSON values.
    """

    verb: str = ""
    due: datetime | None = None
    missed: bool = False
    value: Any = None


class Carried(Shape):
    """The state that a run hands to its next execution when it continues as new.

    Args:
        ended: the outcome of the enrolment that is over; None if the same one goes on.
        journal: the outcomes of the verbs performed so far.
        heard: events taken in, in order of arrival.
        seen: ids of events taken in, so that none counts twice.
        sends: how many messages the enrolment has decided on.
        messages: the fates of these messages.
        cause: the id of the event that last (re)started the steps; empty if the steps begin.
        awaited: ids of the events that waits have given back.
        begun: when the steps last began, by Temporal's clock; None if they begin.
    """

    ended: Outcome | None = None
    journal: tuple[Performed, ...] = ()
    heard: tuple[Heard, ...] = ()
    seen: tuple[str, ...] = ()
    sends: int = 0
    messages: tuple[Sent, ...] = ()
    cause: str = ""
    awaited: tuple[str, ...] = ()
    begun: datetime | None = None


class Stop(Shape):
    """The argument of the activity that has the store note a stop, before anybody is answered.

    Args:
        workflow_id: the run's.
        journey: its journey's name.
        customer_id: its customer, by the id with which it began.
        asked: names the request, the same in every attempt at it.
        because: the operator's words.
        now: by the journey's clock.
    """

    workflow_id: str
    journey: str
    customer_id: str
    asked: str
    because: str
    now: AwareDatetime


class Delivery(Shape):
    """The argument of the send activity: one message, one customer, one run."""

    workflow_id: str
    journey: str
    customer_id: str
    key: str
    key_field: str
    enrolment: str
    n: int
    step: str
    template: str
    channels: tuple[Channel, ...]
    channel: Channel | None = None
    """The channel on whose queue it is; None (from before there was a choice): the first one."""
    message_class: MessageClass
    topic: str
    due: datetime
    useful_until: datetime
    useful_for: timedelta | None = None
    """The time for which it is worth sending; None: its wait certainly ended when it was due."""
    true_until: datetime | None = None
    """The moment at which its text ceases to be true, if that comes before its use ends."""
    within: str = ""
    """The message's own sending window, as its journey writes it; empty: none."""
    at_most: AtMost | None = None
    """The limit of this step, as its author writes it."""
    counted_as: str = ""
    """The value of the field that the limit names: only equal ones count together."""
    at_cap: AtCap | None = None
    """Its response to a cap that leaves no room; None: the policy's."""
    now: datetime
    start: tuple[datetime, int]
    """Order of the event that enrolled the customer: a goal older than it is not this run's."""
    exact: tuple[str, ...] = ()
    """Goals that count by their moments alone, because they begin runs as the start did."""
    latest: tuple[datetime, int]
    """Order of the newest (re)starting event the run has heard."""
    goals: tuple[str, ...]
    ends: tuple[str, ...]
    restarts: tuple[str, ...]
    starts: tuple[str, ...] = ()
    """Events that start runs; none (asked for before this was told): no key is looked for."""
    any_key: tuple[str, ...] = ()
    """Goals and ends that end the runs of every key."""
    whole: tuple[str, ...] = ()
    """Goals and ends that end nothing if they name products."""
    known_by: tuple[str, ...] = ()
    """Events beside the starts that tell which keys the customer has."""
    part_field: str = ""
    """The property that tells parts of the key's thing apart; empty: there are none."""
    in_parts: tuple[str, ...] = ()
    """Events that may name a part."""
    timezone: str
    given: dict[str, Any] = Field(default_factory=dict)
    """Values that the steps give to the template; nothing personal."""
    cause: str = ""
    """The id of the event that (re)started the steps; empty: asked for before keys had it."""
    occurrence: int = 1
    """Its number among the messages of this step since the steps last began."""
    begun: datetime | None = None
    """When the steps last began, by Temporal's clock; None: asked for before this was told."""
    coupon: str = ""
    """The pool from which it hands out a code; empty: it hands out none."""
    articles: Articles = Field(default_factory=Articles, exclude=True)
    """The articles that a campaign's message tells of: strangers' words, kept by the store and by
    no history."""
    campaign: str = ""
    """The campaign that it belongs to; empty: a run of a journey. A campaign's message has the
    campaign in place of the run and its start, and the recipient's id in place of the enrolment."""
    still: dict[str, Any] = Field(default_factory=dict)
    """The fact of its campaign that must still hold when it leaves, as JSON values; empty: none.
    A journey's class has that of a journey."""
    variant: str = ""
    """The variant that the customer has, by the experiment that was asked about last; empty: there
    are no variants."""
    version: str = ""
    """The version of the code that decides on it; empty for a journey, whose version the gate
    knows."""
    shadow: bool = False
    """Its run is in shadow: it is decided on, rendered and kept in the ledger, and never leaves."""

    @property
    def lane(self) -> Channel:
        """The channel on whose queue it is, and by which alone it may leave from there."""
        return self.channel or self.channels[0]

    @property
    def reach(self) -> Reach:
        """The rule by which events find this run."""
        by_keys = (self.any_key, self.whole, self.known_by, self.part_field, self.in_parts)
        return _reach(self.key_field, self.starts, self.goals, self.ends, *by_keys)

    @property
    def message_id(self) -> str:
        """Names the message across retries, resets and restores, whatever channel it takes.

        It says what caused the message, not how many decisions this execution has made: an
        execution that hears the same events at other moments arrives at the same name.
        """
        if not self.cause:
            return self.counted_id(self.n)
        return _named(self.workflow_id, self.enrolment, self.cause, self.step, self.occurrence)

    @property
    def of_cause(self) -> str:
        """The end of its name, alike in all enrolments of the run: what caused it, and the step."""
        return _of_cause(self.cause, self.step, self.occurrence)

    def counted_id(self, n: int) -> str:
        """Return the name by the former rule, which counted the decisions of an execution."""
        return f"{self.workflow_id}/{self.enrolment}/{n}-{self.step}"

    def ledger_key(self, channel: Channel) -> str:
        """Return the ledger's key: business identity, never a run id or an attempt."""
        return f"{self.message_id}/{channel}"


@lru_cache(maxsize=1024)
def _reach(  # noqa: PLR0917 (a cache is asked by places, not by names: that takes half as long)
    field: str,
    starts: tuple[str, ...],
    goals: tuple[str, ...],
    ends: tuple[str, ...],
    any_key: tuple[str, ...],
    whole: tuple[str, ...],
    known_by: tuple[str, ...],
    part: str,
    in_parts: tuple[str, ...],
) -> Reach:
    """Return the rule of a run. A project has as many as journeys."""
    ending = tuple(name for name in (*goals, *ends) if name not in starts)
    return Reach(field, starts, ending, any_key, whole, known_by, part, in_parts)


@lru_cache(maxsize=1024)
def _named(workflow_id: str, enrolment: str, cause: str, step: str, occurrence: int) -> str:
    """Return the name of a message. While it is decided on, it is asked for again and again."""
    return f"{workflow_id}/{_part(enrolment)}{_of_cause(cause, step, occurrence)}"


def _of_cause(cause: str, step: str, occurrence: int) -> str:
    """Return the end of a name."""
    times = f"~{occurrence}" if occurrence > 1 else ""
    return f"/{_part(cause)}/{step}{times}"


def _part(event_id: str) -> str:
    """Return an id as a part of a name: no slash in it can be taken for the next part."""
    if "%" not in event_id and "/" not in event_id:
        return event_id
    return event_id.replace("%", "%25").replace("/", "%2F")


Enrolment.model_rebuild()
