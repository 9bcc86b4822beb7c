"""`Drive`: one run of a journey's steps that takes given ways, and notes which others there are.

It is a runtime of its own, the third beside Temporal's and the in-process one. Nothing waits: each
verb has its answer at once, by a made-up clock. The verbs are the journey's own; around each stands
a watch, which notes the place in the source and what is asked for there.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NoReturn, Protocol

from sojourn.dispatch.routing import key_of
from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event, JourneyStopped, TaskAnswered
from sojourn.domain.messages import EDITION, Delivery, Enrolment, Heard, Outcome, Receipt, Status
from sojourn.domain.sayings import Saying, Telling
from sojourn.domain.tasks import Closing, Opening, TaskStand, TaskState
from sojourn.insight.drawing import entering, watching
from sojourn.insight.drawing.moments import Moments
from sojourn.insight.drawing.picture import Node, Shape
from sojourn.insight.drawing.places import frames_up_to, gist, known_in, place_of
from sojourn.insight.drawing.supposing import BEGINS, Option, Supposed, Suppositions
from sojourn.insight.drawing.ways import (
    AGAIN,
    ANSWER,
    BEGAN,
    CAUSE,
    FIELD,
    FROM,
    HEARD,
    KNOWN,
    SAID,
    TRAIT,
    VISIT,
    Feature,
    Spot,
    Way,
    name_of,
    the_end,
)
from sojourn.journeys.journey import Journey
from sojourn.journeys.run import Run
from sojourn.journeys.runtime import Words
from sojourn.journeys.stepping import GoesOn, Unwatched
from sojourn.journeys.terms import names

CUSTOMER = "customer-1"
MOST_SPOTS = 80
"""A run that has been at so many goes round in a circle."""
MOST_STATES = 8
"""Visits of one spot, each with something else known, after which only the first way is taken."""
MOST_SUDDEN = 2
"""And after so many, no sudden event is tried."""
PART = 0.4937
"""The part of a wait after which an event comes: no round moment."""
SEVERAL = 4
"""Events of one kind that stand for many."""


class Pruned(BaseException):
    """The run need not go on: what follows is known. Not an `Exception`, as `Leave` is none."""


class Map(Protocol):
    """Everything that is known of a journey from all its drives."""

    def visited(self, spot: Spot, known: object) -> int:
        """Note that a run has come to a spot.

        Args:
            spot: the spot.
            known: all that the run knows there.

        Returns:
            How many runs have been there before, each knowing something else; -1 if one of them
            knew the same.
        """
        ...

    def branch(self, path: Sequence[int], others: range) -> None:
        """Note that there are other ways on.

        Args:
            path: the choices of the run up to there.
            others: the numbers of the other ways.
        """
        ...

    def note(self, way: Way) -> None:
        """Note a way that a run has taken."""
        ...


@dataclass
class _Here:
    """The place at which the run is.

    Args:
        spot: the place.
        is_news: it is worth while to look at the other ways on from there.
        is_first: and at sudden events, as well.
        verb: what the watch has seen there.
        has_gathered: the verb gathers events, and has one.
    """

    spot: Spot
    is_news: bool
    is_first: bool = False
    verb: watching.Verb | None = None
    has_gathered: bool = False


class Drive(Unwatched):
    """One run.

    Args:
        journey: the run's.
        world: the events that the run may hear, and the answers that it may get.
        path: the choices to take; after these the first one each time.
        map_: learns of all that the run comes to.
    """

    def __init__(
        self, journey: type[Journey], world: Suppositions, path: Sequence[int], map_: Map
    ) -> None:
        self._journey = journey
        self._world = world
        self._given = path
        self._path: list[int] = []
        self._map = map_
        self._now = BEGINS
        self._moments = Moments(self._look)
        self._met: dict[Feature, str] = {}
        self._visits: dict[Spot, int] = {}
        self._said: dict[str, None] = {}
        self._sudden: Option | None = None
        self._begun_by = ""
        self._task = ""
        self._seq = 1
        self._here = _Here(the_end("start"), is_news=True)
        self.error: Exception | None = None

    def go(self) -> None:
        """Take the run to its end, or to where it comes to nothing new."""
        start = self._chosen(self._starts())
        supposed: Supposed = start.value
        event = self._made(supposed)
        spot = Spot((), Node(Shape.START, (start.words,)))
        self._here = _Here(spot, is_news=True)
        self._met |= {(CAUSE,): start.words, (BEGAN,): start.words, (AGAIN,): "no"}
        self._meet_traits((FIELD,), start)
        self._meet_traits((BEGAN,), start)
        self.steps = self._journey()
        self.steps._runtime = self  # noqa: SLF001 (a run of our own, which no server knows)
        watching.watch(self.steps, self._come_to, self._hear, self._moments)
        enrolment = Enrolment(
            customer_id=CUSTOMER,
            key=key_of(self._journey, event),
            start=self._heard(event),
            edition=EDITION,
        )
        self._begun_by = enrolment.start.id
        try:
            self.steps.follow(enrolment).send(None)
        except StopIteration as ended:
            self._end(ended.value.outcome)
        except GoesOn as goes_on:
            carried = goes_on.enrolment.carried
            assert carried is not None, "no drawn run outgrows"
            assert carried.ended is not None, "likewise"
            self._end(carried.ended, "and the next run begins")
        except Pruned:
            pass
        except Exception as error:
            self.error = error
            self._arrive(the_end(f"fails: {type(error).__name__}"))
        else:
            raise BadInput(
                f"{self._journey.name} awaits something that is no verb: its steps use the verbs "
                "alone"
            )

    # ---- choices ---------------------------------------------------------------------------

    def _chosen(self, options: Sequence[Option], sudden: Sequence[Option] = ()) -> Option:
        """Take the way that is given, or else the first one, and note the others."""
        every = [*options, *sudden]
        number = len(self._path)
        if number < len(self._given):
            taken = self._given[number]
        else:
            taken = 0
            if self._here.is_news:
                last = len(every) if self._here.is_first else len(options)
                self._map.branch(self._path, range(1, last))
        self._path.append(taken)
        return every[taken]

    def _is_led(self) -> bool:
        return len(self._path) < len(self._given)

    def _starts(self) -> list[Option]:
        found: list[Option] = []
        for event in self._journey.terms.starts_on:
            options = self._world.starts(event)
            found += [one for one in options if self._may_start(one.value)] or options[:1]
        return found

    def _may_start(self, supposed: Supposed) -> bool:
        return entering.may_enter(self._journey.terms.enters_if, self._made(supposed))

    # ---- what the run comes to -------------------------------------------------------------

    def _come_to(self, verb: watching.Verb) -> None:
        """Note that the steps have come to a verb."""
        frames = frames_up_to(Run._until_said.__code__)  # noqa: SLF001 (who runs the steps)
        spot = Spot(place_of(frames), Node(verb.shape, verb.lines(self._moments)), verb.takes_time)
        led = self._is_led()
        self._arrive(spot)
        self._visits[spot] = self._visits.get(spot, 0) + 1
        if sum(self._visits.values()) > MOST_SPOTS:
            raise Pruned
        if led:  # the run that found this way has been here
            self._here = _Here(spot, is_news=True, verb=verb)
            return
        before = self._map.visited(spot, (known_in(frames), self._state()))
        if before < 0:
            raise Pruned
        self._here = _Here(
            spot, is_news=before < MOST_STATES, is_first=before < MOST_SUDDEN, verb=verb
        )

    def _arrive(self, spot: Spot) -> None:
        here, cause = self._here.spot, self._sudden
        met = {**self._met, (VISIT,): str(self._visits.get(here, 0))}
        sudden = None if cause is None else (cause.words, tuple(cause.traits.values()))
        self._map.note(Way(here, spot, tuple(met.items()), sudden))
        self._sudden = None
        begun_by = self.steps._state.cause  # noqa: SLF001
        if begun_by.id != self._begun_by:
            self._begun_by = begun_by.id
            self._begin_again(cause or Option(begun_by.name))

    def _begin_again(self, cause: Option) -> None:
        """Forget what the steps have met: another event has begun them again."""
        here = self._here.spot
        self._met = {name: value for name, value in self._met.items() if name[0] in _LASTING}
        self._met[(KNOWN, cause.words)] = f"after {cause.words}"
        if here.takes_time or (FROM,) not in self._met:
            self._met[(FROM,)] = name_of(here)
        self._met[(CAUSE,)] = cause.words
        self._met[(AGAIN,)] = "yes"
        self._meet_traits((FIELD,), cause)
        for message in self._journey.messages:
            when = "after" if message.step in self._said else "before"
            self._met[(SAID, message.step)] = f"{when} {message.step}"
        self._visits.clear()

    def _end(self, outcome: Outcome, *more: str) -> None:
        self._arrive(the_end(str(outcome), *more))

    def _meet(self, option: Option) -> None:
        """Note the answer that the steps have got."""
        feature = (ANSWER, str(self._here.spot.place), *self._here.spot.node.lines)
        self._met.pop(feature, None)
        self._met[feature] = option.words
        self._meet_traits(feature, option)

    def _meet_traits(self, feature: Feature, option: Option) -> None:
        for name, words in option.traits.items():
            self._met.pop((*feature, TRAIT, name), None)
            self._met[(*feature, TRAIT, name)] = words

    def _look(self) -> tuple[datetime, list[Event]]:
        """Return the clock, and the events from which the steps may count (`Moments`)."""
        heard = reversed(self.steps._state._heard)  # noqa: SLF001 (see `go`)
        read = [h for h in heard if self.steps.terms.reads(h)]
        others = [self.steps._event(one) for one in read]  # noqa: SLF001
        return self._now, [self.steps.cause, self.steps.first, *others]

    def _state(self) -> object:
        """Return what the run knows beside its variables."""
        state = self.steps._state  # noqa: SLF001
        own = {n: v for n, v in vars(self.steps).items() if n not in _OURS}
        heard = frozenset((h.name, _public(h)) for h in state._heard)  # noqa: SLF001
        awaited = frozenset(
            h.name
            for h in state._heard  # noqa: SLF001
            if h.id not in state._awaited  # noqa: SLF001
        )
        cause = (state.cause.name, _public(state.cause), state.cause is state.enrolment.start)
        start = (state.enrolment.start.name, _public(state.enrolment.start))
        return (gist(own), heard, awaited, cause, start)

    # ---- events ----------------------------------------------------------------------------

    def _made(self, supposed: Supposed) -> Event:
        self._seq += 1
        return supposed.event(
            message_id=f"event-{self._seq}",
            customer_id=CUSTOMER,
            occurred_at=self._now,
            **supposed.moved(self._now - BEGINS),
        )

    def _heard(self, event: Event) -> Heard:
        return Heard(
            id=event.message_id,
            name=event.event_name,
            at=event.occurred_at,
            seq=self._seq,
            fields=event.public(),
        )

    def _take(self, supposed: Supposed) -> None:
        self.steps._state.take(self._heard(self._made(supposed)))  # noqa: SLF001

    def _hear(self, events: tuple[type[Event], ...]) -> None:
        """Let the run have heard of something by the time that the steps ask for it."""
        terms = self._journey.terms
        known = {*terms.goal, *terms.stops, *terms.moved_by}
        free = [event for event in events if event not in known]
        state = self.steps._state  # noqa: SLF001
        if not free or state.enrolment.start.name in names(free) or state.heard_of(free):
            return
        said = " or ".join(names(free))
        options = [Option(f"no {said}", ())]
        for event in free:
            options += [
                Option(f"one {one.words}", (one.value,), one.traits)
                for one in self._world.events(event)
            ]
            plain: Supposed = self._world.events(event)[0].value
            several = tuple(_other(plain, n) for n in range(SEVERAL))
            options.append(Option(f"several {event.event_name}", several))
        chosen = self._chosen(options)
        for supposed in chosen.value:
            self._take(supposed)
        feature = (HEARD, said)
        self._met.pop(feature, None)
        self._met[feature] = chosen.words
        self._meet_traits(feature, chosen)

    def _meanwhile(self, passes: Option, others: Sequence[Option]) -> list[Option]:
        """Return events that end no wait, and begin the steps again once they are over."""
        collected = self.steps._state._collected  # noqa: SLF001
        late = [event for event in collected if event in self._journey.terms.starts_on]
        awaited = {option.words for option in others}
        return [
            replace(passes, value=option.value, traits={"late": f"{option.words} meanwhile"})
            for option in (self._world.events(event)[0] for event in late)
            if option.words not in awaited
        ]

    def _suddenly(self) -> list[Option]:
        """Return the events that may end the run, or begin its steps again."""
        terms = self._journey.terms
        ends = [event for event in (*terms.goal, *terms.stops) if event is not JourneyStopped]
        found = [self._world.events(event)[0] for event in dict.fromkeys(ends)]
        found = [Option(one.words, one.value) for one in found]
        for event in terms.moved_by:
            if event not in ends:
                found += self._world.events(event)
        return found

    def _leave(self, option: Option) -> None:
        """Let a sudden event happen; one that changes nothing is no way on."""
        self._take(option.value)
        if not self.steps._state.is_interrupted():  # noqa: SLF001
            raise Pruned
        self._sudden = option

    # ---- the runtime -----------------------------------------------------------------------

    @property
    def run_id(self) -> str:
        """The workflow id."""
        return f"{self._journey.name}:{CUSTOMER}"

    def now(self) -> datetime:
        """Return the made-up clock."""
        return self._now

    def is_outgrown(self) -> bool:
        """Tell that no run outgrows a memory."""
        return False

    async def wait(self, woken: Callable[[], bool], longest: timedelta, summary: Words) -> None:
        """End a wait by its time, by an event that it is for, or by one that ends it suddenly.

        Args:
            woken: is asked whether an event has ended the wait.
            longest: the time after which it ends by itself.
            summary: for operators.

        Raises:
            Pruned: the event that was chosen changes nothing.
        """
        verb = self._here.verb
        assert verb is not None, "verbs alone wait"
        passes = Option(verb.passes)
        sudden = self._suddenly()
        apart = {one.words for one in sudden}
        options = [passes, *(o for o in verb.ends(self._world.events) if o.words not in apart)]
        options += self._meanwhile(passes, options)
        chosen = self._chosen(options, sudden)
        if chosen.words == passes.words:
            if chosen.value is not None:
                self._take(chosen.value)
            self._now += longest
            if not self._here.has_gathered:
                self._meet(chosen)
            return
        self._now += longest * PART
        if _is_in(chosen, sudden):
            self._leave(chosen)
            if not woken():
                raise Pruned
            return
        if isinstance(chosen.value, str):
            self._answer_task(chosen.value)
        else:
            self._take(chosen.value)
        self._meet(chosen)
        self._here.has_gathered = verb.gathers
        if not woken():
            if not verb.gathers:
                raise Pruned
            self._now += longest * (1 - PART)

    def _answer_task(self, answer: str) -> None:
        self._seq += 1
        fields = {"task": self._task, "answer": answer, "run": self.run_id}
        self.steps._state.take(  # noqa: SLF001
            Heard(
                id=f"event-{self._seq}",
                name=TaskAnswered.event_name,
                at=self._now,
                seq=self._seq,
                fields=fields,
            )
        )

    async def send(self, delivery: Delivery, summary: str) -> Receipt:
        """Answer that a message was sent, or was not."""
        sudden = self._suddenly()
        chosen = self._chosen(self._world.receipts, sudden)
        if _is_in(chosen, sudden):
            self._leave(chosen)
            return Receipt(status=Status.SENT, channel=delivery.channels[0], at=self._now)
        status, reason = chosen.value
        self._meet(chosen)
        self._said[delivery.step] = None
        at = self._now if status is Status.SENT else None
        return Receipt(status=status, reason=reason, channel=delivery.channels[0], at=at)

    async def call(
        self, asked: Asked, attempt: timedelta, within: timedelta, over: Callable[[], bool]
    ) -> Reply | None:
        """Make up a result, or let the call fail.

        Args:
            asked: the activity and its arguments.
            attempt: nothing takes any time here.
            within: likewise.
            over: likewise.

        Returns:
            The result or the failure; None if an event came first.
        """
        verb = self._here.verb
        activity = verb.activity if verb else None
        assert activity is not None, "the watch has seen the call"
        options = self._world.replies(activity)
        sudden = self._suddenly()
        chosen = self._chosen(options, sudden)
        if _is_in(chosen, sudden):
            self._leave(chosen)
            return None
        self._meet(chosen)
        if chosen is options[-1]:
            return Reply(failure="TimeoutError")
        return Reply(result=chosen.value)

    async def ask(self, asked: Question, summary: str, over: Callable[[], bool]) -> Reply | None:
        """Give one of the answers to a question.

        Args:
            asked: the question.
            summary: for operators.
            over: nothing takes any time here.

        Returns:
            The answer.
        """
        verb = self._here.verb
        assert verb is not None, "the watch has seen the question"
        chosen = self._chosen(verb.answers(self._world))
        self._meet(chosen)
        return Reply(result=chosen.value)

    async def say(self, said: Saying, summary: str) -> bool:
        """Take in what the run says; an event that the run itself hears comes to it at once."""
        if isinstance(said, Telling) and said.event in self._journey.terms.declared:
            self._seq += 1
            told = Heard(
                id=f"event-{self._seq}",
                name=said.event,
                at=self._now,
                seq=self._seq,
                fields=said.fields,
            )
            self.steps._state.take(told)  # noqa: SLF001
        return True

    async def task(self, said: Opening | Closing, summary: str) -> TaskStand:
        """Open or close a task."""
        if isinstance(said, Closing):
            return TaskStand(state=TaskState.EXPIRED)
        self._task = said.task
        return TaskStand(state=TaskState.OPEN, task=said.task)

    def continue_as_new(self, enrolment: Enrolment) -> NoReturn:
        """End with the next enrolment."""
        raise GoesOn(enrolment)


def _is_in(option: Option, options: Sequence[Option]) -> bool:
    return any(option is one for one in options)


def _public(heard: Heard) -> str:
    """Return the fields of an event without its moments, which always differ."""
    own = {n: v for n, v in heard.fields.items() if not _is_moment(v)}
    return repr((sorted(own.items(), key=repr), sorted(heard.fields)))


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value))
    except ValueError:
        return False


def _other(supposed: Supposed, n: int) -> Supposed:
    """Return an event of the same kind about something else."""
    fields = {
        name: f"{value.removesuffix('-1')}-{n + 1}" if _is_made_up(name, value) else value
        for name, value in supposed.fields.items()
    }
    return Supposed(supposed.event, fields)


def _is_made_up(name: str, value: object) -> bool:
    return isinstance(value, str) and value == f"{name}-1" and not name.endswith("_id")


_LASTING = (KNOWN, HEARD, BEGAN, FROM)
"""Things that a run has met for good, even if its steps begin again."""
_OURS = frozenset({"_runtime", "_state", "_doing", "_until", *watching.WATCHED})
