"""`State`: everything one run knows, and how an event changes it. Pure: no Temporal, no clock."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from sojourn.domain.events import Event, HoldEnded, TaskAnswered, TimeZoneChanged
from sojourn.domain.message import Message
from sojourn.domain.messages import (
    EDITION,
    Answer,
    Carried,
    Delayed,
    Enrolment,
    Heard,
    Outcome,
    Reason,
    Receipt,
    Sent,
    Status,
    Told,
)
from sojourn.domain.ordering import CLOCK_SKEW, counts_for
from sojourn.journeys.journal import Journal
from sojourn.journeys.leaving import End, Leave, Restart
from sojourn.journeys.terms import EventClasses, Terms, is_one_of

REMEMBERED_IDS = 1000
LEAST_DISTANCE = timedelta(hours=12)
"""Two messages of a run keep this distance if the first was held; less where the plan has less."""
ORDINARY_DELAY = timedelta(minutes=1)
"""A message that leaves so late was not held: the plan goes on as it is."""
CARRIED_EVENTS = 1500
"""Events that a run takes into its next execution, in equal shares of each kind."""
EXACT = 2
"""From this edition on, an older event that says the same does not begin the steps again, and a
moment that was past when they began is missed, whatever left before."""


class State:
    """Everything that one run has heard, done and sent.

    Args:
        terms: the events that matter to the journey.
        restarts: whether a ``restarts_on`` event really begins the steps again; None: each does.

    Attributes:
        enrolment: the customer, the key and the start of the run; there is none before `enrol`.
        is_enrolled: the run has begun: a start's own signal arrives before that.
        replans: the run began by the rules of today (`Enrolment.edition`).
        cause: the event that last (re)started the steps.
        latest: the newest event that might have restarted them.
        zone: the customer's time zone as last known, an IANA name.
        begun: when the steps last began, by the runtime's clock; None before they do.
        sends: how many messages the enrolment has decided on.
        sending: whether a message is on its way.
        messages: what became of those decided on.
        stopped: whether an operator has ended the run.
        holds_ended: how often a held message got the words that it waited for.
    """

    enrolment: Enrolment
    cause: Heard
    latest: Heard

    def __init__(self, terms: Terms, restarts: Callable[[Heard], bool] | None = None) -> None:
        self._terms = terms
        self._restarts = restarts
        self.is_enrolled = False
        self.replans = False
        self._early: list[Heard] = []
        self._heard: list[Heard] = []
        self._seen: dict[str, None] = {}  # ordered, so that the oldest ids can be forgotten
        self._goal: Heard | None = None
        self._end: Heard | None = None
        self._restart = False
        self._said: set[str] = set()  # steps decided on since the steps last began
        self._awaited: dict[str, None] = {}  # ordered: what runs carry over is the same each time
        self._collected: EventClasses = ()
        self._delayed: Delayed | None = None  # until the steps have come to their first wait
        self.journal = Journal()
        self.zone = "UTC"
        self.variant = ""  # that the customer has, by the experiment that was asked about last
        self.begun: datetime | None = None
        self.sends = 0
        self.sending = False
        self.messages: list[Sent] = []
        self.stopped = False
        self.holds_ended = 0

    # ---- the enrolment ---------------------------------------------------------------------

    @property
    def due(self) -> datetime:
        """The plan's moment: when the last wait ended, had nothing been late.

        Before the first wait it is the moment that the plan counts from.
        """
        return self.journal.plan.due or self.cause.at

    @property
    def in_shadow(self) -> bool:
        """True if nothing that the steps say leaves: the event that began them came in shadow."""
        return self.enrolment.start.shadow

    @property
    def last_sent(self) -> Sent | None:
        """The message that left last, of this enrolment."""
        for message in reversed(self.messages):
            if message.status is Status.SENT:
                return message
        return None

    def spaced(self, due: datetime) -> datetime:
        """Return when the next message falls due, at a distance from one that left late.

        After a hold, a pause or an outage the messages that fell due meanwhile would all leave at
        its end. The next one keeps the distance that the plan has between the two, or
        `LEAST_DISTANCE` if that is shorter, from the moment at which the last one really left.

        Args:
            due: by the plan.
        """
        last, planned = self.last_sent, self.due
        if last is None or not self.replans or due <= planned:
            return due
        own, late = due - planned, last.at - planned
        if late <= min(own / 10, ORDINARY_DELAY):
            return due
        return max(due, last.at + min(own, LEAST_DISTANCE))

    def was_past(self, moment: datetime) -> bool:
        """Tell whether a moment was past when the steps began: no late message is to blame."""
        if self.begun is None or self.enrolment.edition < EXACT:
            return False
        return moment < self.begun + self.enrolment.clock

    def enrol(self, enrolment: Enrolment) -> None:
        """Begin, or go on where the former execution of the run has left off."""
        self.enrolment, self.is_enrolled = enrolment, True
        self.replans = enrolment.edition >= 1
        self.zone = enrolment.timezone
        self.latest = self.cause = enrolment.start
        self._seen[enrolment.start.id] = None
        if enrolment.delayed is not None:
            self._delayed = enrolment.delayed
            self.begun = enrolment.delayed.since  # as if it had had its first task then
        if enrolment.carried is not None:
            carried = enrolment.carried
            for event in carried.heard:
                self._classify(event)
            self._restart = False  # the run acted on it before it continued as new
            known = (enrolment.start, *carried.heard)
            self.cause = next((h for h in known if h.id == carried.cause), self.cause)
            self._seen.update(dict.fromkeys(carried.seen))
            self.journal.resume(carried.journal)
            self._said = {entry.verb.removeprefix("send ") for entry in carried.journal}
            self._awaited = dict.fromkeys(carried.awaited)
            self.begun = carried.begun
            self.sends = carried.sends
            self.messages = list(carried.messages)
        for event in self._early:
            self.take(event)
        self._early.clear()

    def carried_on(self) -> Enrolment:
        """Return the enrolment of the run's next execution, which goes on with the same steps."""
        return self._carried(self.enrolment, self._heard, Carried(journal=self.journal.entries))

    def followed_by(self, start: Heard, ended: Outcome) -> Enrolment:
        """Return the next enrolment of the run.

        Args:
            start: the event that begins it.
            ended: how this one ended.

        """
        later = [h for h in self._heard if self._is_news(h, start)]
        run = self.enrolment.model_copy(update={"start": start})
        return self._carried(run, later, Carried(ended=ended))

    def _carried(self, run: Enrolment, heard: Sequence[Heard], carried: Carried) -> Enrolment:
        same = run.start.id == self.enrolment.start.id
        kept = self._kept(heard)
        seen = dict.fromkeys([*(h.id for h in kept), *tuple(self._seen)[-REMEMBERED_IDS:]])
        known = {run.start.id, *(h.id for h in kept)}
        news = {
            "heard": kept,
            "awaited": tuple(each for each in self._awaited if each in known) if same else (),
            "seen": tuple(seen),
            "sends": self.sends if same else 0,
            "messages": tuple(self.messages) if same else (),
            "cause": self.cause.id if same else "",
            "begun": self.begun if same else None,
        }
        # its history is a new one, so it may go by today's rules
        return run.model_copy(
            update={
                "timezone": self.zone,
                "edition": EDITION,
                "delayed": None,
                "carried": carried.model_copy(update=news),
            }
        )

    def _kept(self, heard: Sequence[Heard]) -> tuple[Heard, ...]:
        """Return the events that the next execution needs, in order of arrival.

        They are the newest of each kind, because a talkative kind must not push out a quiet one,
        and those on which the plan rests: the move of an end counts however much was heard since.
        """
        kinds: dict[str, list[Heard]] = {}
        for event in heard:
            kinds.setdefault(event.name, []).append(event)
        share = CARRIED_EVENTS // max(len(kinds), 1)
        ids = {event.id for kind in kinds.values() for event in kind[-share:]}
        ids |= {self.cause.id, self.latest.id}
        return tuple(event for event in heard if event.id in ids)

    def following(self, closing: Heard | None) -> Heard | None:
        """Return the event that begins the next enrolment, if one has come already.

        Args:
            closing: the event that ended this one; after an end without one nothing follows.
        """
        if closing is None:
            return None
        starts = (
            h
            for h in self._heard
            if is_one_of(h, self._terms.starts_on)
            and (h.id == closing.id or not self._is_news(closing, h))
            and self._terms.reads(h)
        )
        return min(starts, key=lambda h: h.order, default=None)

    # ---- what happens to it ----------------------------------------------------------------

    def take(self, event: Heard) -> None:
        """Take in an event; one that the run has seen changes nothing."""
        if not self.is_enrolled:
            self._early.append(event)
        elif event.id not in self._seen:
            self._seen[event.id] = None
            if event.name == TimeZoneChanged.event_name:
                self.zone = event.fields["timezone"]
            else:
                self._classify(event)

    def take_from_gate(self, event: Heard, reason: Reason | None) -> None:
        """Take in the event for which the gate has skipped a message.

        The gate has the last word: what it takes for the run's end is the run's end, even if the
        run has heard of the event before, under another tolerance.

        Args:
            event: the gate's news.
            reason: the gate's.
        """
        self.take(event)
        if reason is Reason.GOAL_REACHED:
            self._goal = self._goal or event
        elif reason is Reason.RUN_STOPPED:
            self._end = self._end or event

    def record(self, message: Message, receipt: Receipt, at: datetime) -> None:
        """Note what became of a message.

        Args:
            message: the message.
            receipt: the answer of the send activity.
            at: by the journey's clock; the receipt's own moment outranks it.

        Raises:
            End: there is nobody to write to any more.
        """
        self._said.add(message.step)
        self.messages.append(
            Sent.made(
                step=message.step,
                status=receipt.status,
                reason=receipt.reason,
                channel=receipt.channel,
                at=receipt.at or at,
            )
        )
        if receipt.reason is Reason.ERASED:
            raise End(Outcome.SUPPRESSED)

    def begin_again(self) -> None:
        """Forget what the steps have done: they begin from the first line."""
        self._restart = False
        self._collected = ()
        self._delayed = None
        self.begun = None
        self.variant = ""
        self.journal.clear()
        self._said.clear()

    def delay_is_over(self, now: Callable[[], datetime]) -> bool:
        """Tell whether the wait that the steps come to was the delay of the start, and is over.

        It is over by the moment that the enrolment names, and not by the plan, so that a plan may
        change under the run without another command in its history.

        Args:
            now: tells the time by Temporal's clock.
        """
        delayed = self._delayed
        return delayed is not None and self.journal.is_blank and delayed.until <= now()

    def come_to_wait(self) -> None:
        """Note that the steps have come to a wait: a delay of the start was for the first alone."""
        self._delayed = None

    def waited_out(self) -> None:
        """Note that the events that would restart the steps have been waited out."""
        self._restart = False

    # ---- reasons to leave the steps --------------------------------------------------------

    def reason_to_leave(self, *, restarts: bool = True) -> Leave | None:
        """Return why the steps must not go on, or None.

        Args:
            restarts: whether an event that restarts the steps is such a reason.
        """
        if self.stopped:
            return End(Outcome.STOPPED)
        if self._goal is not None:
            return End(Outcome.CONVERTED, self._goal)
        if self._end is not None:
            return End(Outcome.STOPPED, self._end)
        return Restart() if restarts and self._restart else None

    def is_interrupted(self, *, restarts: bool = True) -> bool:
        """Tell whether there is a reason to leave the steps."""
        over = self.stopped or self._goal is not None or self._end is not None
        return over or (restarts and self._restart)

    def has_ended_a_hold(self, *, since: int) -> bool:
        """Tell whether a hold has ended early since ``holds_ended`` was this number."""
        return self.holds_ended > since

    # ---- what it has heard -----------------------------------------------------------------

    def heard_of(self, events: Iterable[type[Event]]) -> list[Heard]:
        """Return what the run has heard of these events, oldest first."""
        found = (h for h in self._heard if is_one_of(h, events) and self._terms.reads(h))
        return sorted(found, key=lambda h: h.order)

    def not_awaited(
        self, events: Iterable[type[Event]], where: Callable[[Heard], bool] = lambda _: True
    ) -> Heard | None:
        """Return the oldest of these events that no wait has given back yet.

        Args:
            events: their classes.
            where: whether the wait is for this very event.
        """
        found = (h for h in self.heard_of(events) if h.id not in self._awaited)
        return next((h for h in found if where(h)), None)

    def give_back(self, event: Heard) -> None:
        """Note that a wait has given an event back: the next wait does not."""
        self._awaited[event.id] = None

    def answer_to(self, task: str) -> Heard | None:
        """Return a person's answer to a task, if the run has heard it."""
        answers = (h for h in self._heard if is_one_of(h, (TaskAnswered,)))
        return next((h for h in answers if h.fields["task"] == task), None)

    def collect(self, events: EventClasses) -> None:
        """Note that the steps collect these events: none of them comes too late for the run."""
        self._collected = tuple(dict.fromkeys((*self._collected, *events)))

    def to_collect(self, events: EventClasses) -> list[Heard]:
        """Return the events that no wait has given back yet, the run's start included."""
        start = self.enrolment.start
        begun = [start] if is_one_of(start, events) and self._terms.reads(start) else []
        found = sorted([*begun, *self.heard_of(events)], key=lambda h: h.order)
        return [h for h in found if h.id not in self._awaited]

    def begin_with_late(self) -> bool:
        """Begin the steps again with an event that came too late to be collected.

        Only an event that could have started a run does: had it come a moment later, it would have.

        Returns:
            False if there is none.
        """
        starts = tuple(event for event in self._collected if event in self._terms.starts_on)
        late = next(iter(self.to_collect(starts)), None) if starts else None
        if late is None:
            return False
        self.cause = late
        self.begin_again()
        return True

    def first(self, of: type[Event], now: Callable[[], datetime]) -> datetime:
        """Return from when on the steps' wait for quiet counts, as they knew when it began.

        Args:
            of: the event.
            now: tells the time by Temporal's clock.

        Returns:
            As `last`; for a wait that was the delay of the start, the moment of the start, whatever
            the run has heard since.
        """
        return self.enrolment.start.at if self.delay_is_over(now) else self.last(of)

    def last(self, of: type[Event]) -> datetime:
        """Return when ``of`` last happened, at the earliest when the run's last message left.

        An event that comes in late does not have the customer reminded twice in a row.
        """
        moments = [h.at for h in (self.enrolment.start, *self._heard) if h.name == of.event_name]
        sent = self.last_sent
        if sent is not None:
            moments.append(sent.at)
        return max(moments) if moments else self.due

    def answer(self, event: Heard, declared: Iterable[Message]) -> Answer:
        """Return what an event did to the run.

        Args:
            event: taken in already.
            declared: the journey's messages, in their order.

        Returns:
            Its effect, the steps that it prevents, and those that went out before.
        """
        over = self._is_news(event, self.enrolment.start) and (
            self._goal is not None or self._end is not None
        )
        started = event.id == self.enrolment.start.id
        left = dict.fromkeys(m.step for m in declared if m.step not in self._said)
        return Answer(
            effect="ended" if over else "started" if started else "signalled",
            prevented=tuple(left) if over else (),
            already_sent=tuple(
                Told(step=m.step, at=m.at) for m in self.messages if m.status is Status.SENT
            ),
        )

    def _classify(self, event: Heard) -> None:
        if event.name == HoldEnded.event_name:
            self.holds_ended += 1
            return
        if self._was_over(event):
            return
        self._heard.append(event)
        if not self._is_news(event, self.enrolment.start):
            return  # older than the run: neither its goal nor its restart
        if is_one_of(event, self._terms.goal):
            self._goal = min((self._goal or event, event), key=lambda h: h.order)
        elif is_one_of(event, self._terms.stops):
            self._end = self._end or event
        elif is_one_of(event, self._terms.moved_by) and self._terms.reads(event):
            if event.order <= self.latest.order:
                self._reconsider()
            elif self._is_old_news(event):
                self.latest = event
            else:
                self._consider(event)

    def _was_over(self, event: Heard) -> bool:
        """Tell whether an event happened before the run, and had arrived before it, too.

        Another run, which has begun late, may have all runs told of it once more.
        """
        start = self.enrolment.start
        return self.enrolment.edition >= EXACT and event.seq < start.seq and event.at < start.at

    def _is_old_news(self, event: Heard) -> bool:
        """Tell whether a message left after the event had happened.

        An event that restarts the steps by its content (a new end) moves the plan however late it
        comes. One that restarts them by happening (one more product) does not begin a ladder again
        whose messages spoke of it, or could have. Within the tolerance of clocks it is not old.
        """
        last = self.last_sent
        if self._restarts is not None or not self.replans or last is None:
            return False
        # events of histories from before the setting travelled with them have no tolerance
        return event.at < last.at - (event.within or CLOCK_SKEW)

    def _is_news(self, event: Heard, start: Heard) -> bool:
        """Tell whether an event comes after the start of a run, as `domain.ordering` defines it."""
        if self._terms.is_ended_by(event.name):
            within = timedelta(0) if event.name in self._terms.exact(start.name) else event.within
            return counts_for(event.order, start.order, within=within)
        return event.order > start.order

    def _consider(self, event: Heard) -> None:
        self.latest = event
        if self._restarts is None or self._restarts(event):
            self.cause = event
            self._restart = True

    def _reconsider(self) -> None:
        """Go through the events that may restart the steps once more: one has come in late.

        A change of the price alone must not hide the change of the end that it has overtaken.
        """
        if self._restarts is None:
            return  # each restarts them: the newest is the cause, whatever comes in late
        restart, before, start = self._restart, self.cause, self.enrolment.start
        self.cause = start
        news = (
            h
            for h in self._heard
            if is_one_of(h, self._terms.moved_by) and h.order > start.order and self._terms.reads(h)
        )
        for event in sorted(news, key=lambda h: h.order):
            self._consider(event)
        if self._says_the_same(before):
            self.cause = before
        self._restart = restart or self.cause != before

    def _says_the_same(self, before: Heard) -> bool:
        """Tell whether an older event was found that says nothing but what the steps go by.

        A second event about one thing, such as the same status of another parcel, begins nothing
        again merely because it happened earlier than the first.
        """
        older = self.cause
        if self.enrolment.edition < EXACT or older.order >= before.order:
            return False
        assert self._restarts is not None
        self.cause = before  # against which it is judged
        says_more = self._restarts(older)
        self.cause = older
        return not says_more
