"""`World`: an installation in memory. Events go in, a ledger and ends of runs come out."""

from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Self, TypeVar

from sojourn.dispatch.calls import Track
from sojourn.dispatch.planning import Refused
from sojourn.dispatch.sayings import event_of, identity_of
from sojourn.domain.alias import Alias
from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.customer import ZONE_FIELDS, Identity
from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event, JourneyStopped
from sojourn.domain.events.samples import made_up
from sojourn.domain.experiment import drawn
from sojourn.domain.facts import OfEvents, Range, read_fact, read_measure, trait_of
from sojourn.domain.facts.answers import UNSURE
from sojourn.domain.facts.nodes import TraitOf
from sojourn.domain.introduction import CURABLE, cured_by
from sojourn.domain.messages import Channel, Delivery, Reason, Receipt
from sojourn.domain.sayings import Noting, Saying, Telling
from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.domain.verdict import Late
from sojourn.in_memory.aliasing import join
from sojourn.in_memory.course import Course
from sojourn.in_memory.facts import judged, measure
from sojourn.in_memory.following import FollowedRun
from sojourn.in_memory.gate import Carries, Gate, takes_all
from sojourn.in_memory.identifying import identify
from sojourn.in_memory.intake import Intake, Taken
from sojourn.in_memory.loading import Kept, load
from sojourn.in_memory.opting import Requests
from sojourn.in_memory.people import Noted, Person
from sojourn.in_memory.registry import Registry
from sojourn.in_memory.tasks import Task, Tasks
from sojourn.in_memory.writing import Keeps, Writer
from sojourn.journeys.registry import Journeys
from sojourn.journeys.stepping import Runs
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.rendering.render import Renderer
from sojourn.sending.asking import plain_answer
from sojourn.sending.grounds import Grounds
from sojourn.sending.waits import by_plan_of
from sojourn.settings import Settings

T = TypeVar("T")
Calls = Callable[[Asked], Reply]
"""Answers for the project's activities."""
NO_KEY = "links in memory open nothing"
"""The key that signs links here, which no installation accepts."""
_JUST_AFTER = timedelta(microseconds=1)
_LATER = timedelta(days=1, hours=1, seconds=1)
"""No made-up moment or day is the same so much later."""
NOTHING: Mapping[str, Any] = MappingProxyType({})
_ANSWERS = MappingProxyType({holds: Reply(result=holds) for holds in (True, False, None)})


class World:
    """An installation in memory.

    Args:
        project: its journeys and events.
        grounds: of its decisions.
        renderer: has the templates.
        now: where its clock begins.
        carries: the providers.
        declines: False: whatever a template says, its message has something to say.
        keeps: is given the words of every message that leaves; None: templates only say whether
            they have something to say.
        calls: answers for the project's activities; None: results are made up.
        most: waits of a run, and messages that it asks for, after which it is left off.
        forgets: nobody asks a run that is over for its waits (`Runs.forgets`).

    Attributes:
        registry: the customers.
        tasks: questions of runs to a person.
        writer: asks the templates.
        left_out: journeys that this world does not play: they are in shadow.
    """

    def __init__(
        self,
        project: Project,
        grounds: Grounds,
        renderer: Renderer,
        now: datetime,
        *,
        carries: Carries = takes_all,
        declines: bool = True,
        keeps: Keeps | None = None,
        calls: Calls | None = None,
        most: int | None = None,
        forgets: bool = True,
    ) -> None:
        self._every = project.journeys
        apart = project.journeys.shadow  # nothing of theirs is anybody's story
        played = {n: j for n, j in project.journeys.items() if n not in apart}
        self.left_out = tuple(n for n in project.journeys if n not in played)
        off = project.journeys.off & played.keys()
        self.project = replace(project, journeys=Journeys(played.values(), off))
        self.registry = Registry()
        self.writer = Writer(renderer, grounds, self.registry, keeps)
        self._calls = calls or self._made_up
        self._made: dict[str, Reply] = {}  # made-up results that are the same at any time
        self._gate = Gate(
            grounds,
            renderer.channels_of,
            self.registry.kin,
            self._number,
            Requests(self.registry, grounds.opt_ins_a_day),
            carries=carries,
            declines=self.writer if declines else takes_all,
        )
        self._intake = Intake(self.registry, grounds, self.project)
        self._own = grounds.topics.own
        self._zone = grounds.default_zone
        self._runs = self._intake.runs = Runs(self, now, most=most, forgets=forgets, at_once=True)
        self.tasks = Tasks(self.registry, self._intake)

    @classmethod
    def of(
        cls,
        settings: Settings,
        project: Project,
        now: datetime,
        *,
        carries: Carries = takes_all,
        keeps: Keeps | None = None,
        most: int | None = None,
    ) -> Self:
        """Return an installation in which nothing has happened. Its links open nothing.

        Args:
            settings: of the installation.
            project: has the journeys, templates and policy.
            now: as for the class.
            carries: likewise.
            keeps: likewise.
            most: likewise.

        Returns:
            The installation.
        """
        rules = Policy(project.policy, settings.quiet_hours, caps=settings.caps == "policy")
        grounds = Grounds.of(settings, project, rules)
        renderer = Renderer.of(settings, NO_KEY, project)
        return cls(project, grounds, renderer, now, carries=carries, keeps=keeps, most=most)

    @property
    def now(self) -> datetime:
        """The present."""
        return self._runs.now

    @property
    def refused(self) -> Sequence[Refused]:
        """The starts that were refused so far."""
        return self._intake.refused

    # ---- what happens ----------------------------------------------------------------------

    def publish(self, event: Event) -> Taken:
        """Take an event in, now.

        Args:
            event: what happened.

        Returns:
            What became of it.
        """
        taken = self._intake.take(event, self.now)
        self.rest()
        return taken

    def identify(self, identity: Identity) -> None:
        """Take an identify call in, now.

        Args:
            identity: the call.
        """
        self._hear(identity)
        self.rest()

    def take(self, call: Track | Identity | Alias) -> Taken | None:
        """Take a call of the tracking API in, now.

        Args:
            call: as the one reader of calls reads it.

        Returns:
            What became of an event.
        """
        taken = None
        match call:
            case Track():
                taken = self._intake.take(
                    call.event,
                    self.now,
                    name=call.name,
                    properties=call.properties,
                    also=call.also,
                )
            case Identity():
                self._hear(call)
            case Alias():
                self._join(call)
        self.rest()
        return taken

    def change(
        self,
        customer_id: str,
        *,
        besides: Mapping[str, Any] = NOTHING,
        dead: frozenset[tuple[Channel, str]] | None = None,
        cured: Iterable[Reason] = (),
        because: str,
    ) -> None:
        """Change what no call says of a customer, now: a break, distances, devices, dead addresses.

        Args:
            customer_id: whose card it is.
            besides: the fields of the card that change (`Person.besides`).
            dead: the suppressed ones of the customer's addresses; None: they stay.
            cured: reasons that may no longer hold messages.
            because: names what changes it.
        """
        person = self.registry.person(customer_id)
        person.besides = {**person.besides, **besides}
        person.dead = person.dead if dead is None else dead
        person.is_changed()
        self._intake.end_holds(person, because=because, at=self.now, cured=cured, now=self.now)
        self.rest()

    def stop(self, workflow_id: str, because: str) -> None:
        """End a run, as an operator does.

        Args:
            workflow_id: the run's.
            because: why.

        Raises:
            BadInput: no run of this id was ever started.
        """
        noted = self.registry.runs.get(workflow_id)
        if noted is None:
            raise BadInput(f"no run was ever started under the id {workflow_id}")
        person = self.registry.person(noted.run.enrolment.customer_id)
        newest = max((one.occurred_at for one in person.events), default=self.now - _JUST_AFTER)
        at = max(self.now, newest + _JUST_AFTER)
        event = JourneyStopped(
            message_id=f"stop/{workflow_id}/{self.registry.number()}",
            customer_id=person.customer_id,
            occurred_at=at,
            journey=noted.journey,
            run=workflow_id,
            because=because,
        )
        self._intake.tell_own(person, event, self.now)
        mutes = [mute for mute in person.mutes if mute.workflow_id == workflow_id]
        why = event.message_id
        self._intake.unmute(person, mutes, because=why, at=at, now=self.now)
        self.rest()

    def answer(self, number: int, name: str) -> Task:
        """Answer a task, if it is still open.

        Args:
            number: of the task.
            name: the name of the answer.

        Returns:
            The task.

        Raises:
            UnknownName: there is no such task.
            BadInput: the question has no such answer.
        """
        task = self.tasks.answer(number, name, self.now)
        self.rest()
        return task

    def advance(self, until: datetime) -> None:
        """Move the clock; everything that falls due on the way happens, in its order.

        Args:
            until: the moment to come to.
        """
        done(self._runs.advance(until))

    def rest(self) -> None:
        """Step the runs as far as they come at this moment."""
        if self._runs.are_due:
            done(self._runs.rest())

    def next_moment(self) -> datetime | None:
        """Return when the next thing falls due; None if nothing does."""
        return self._runs.next_moment()

    def close(self) -> None:
        """Let go of everything that has happened: nobody looks at this world any more.

        Its parts know each other. Left to the garbage collector, a year of a shop would stay in
        memory until that has looked through all there is.
        """
        self._runs.clear()
        self.registry.clear()

    def _hear(self, identity: Identity) -> None:
        identity = identity.on_topics(self.project.topics)
        person = self.registry.person(identity.customer_id)
        told = {*identity.card, *identity.context}
        moves = not told.isdisjoint(ZONE_FIELDS) or bool(identity.phone or identity.phone2)
        before = person.zone(self._zone) if moves and person.runs else ""
        for answer in identify(self.registry, person, identity, self.now):
            self._intake.tell_own(person, answer, self.now)
        if not person.runs:
            return
        because, at = identity.message_id, identity.at
        cured = cured_by(person.card, agrees=any(word.granted for word in identity.words))
        self._intake.end_holds(person, because=because, at=at, cured=cured, now=self.now)
        if before not in ("", after := person.zone(self._zone)):
            self._intake.move(person, person.open_runs, after, because=because, at=at)

    def _join(self, alias: Alias) -> None:
        old = self.registry.person(alias.previous_id)
        new = self.registry.person(alias.customer_id)
        if old is new:
            return
        zones = {id(run): old.zone(self._zone) for run in old.runs}
        zones |= {id(run): new.zone(self._zone) for run in new.runs}
        join(self.registry, old, new)
        self._intake.tell_again(new, self.now)
        because = f"alias of {alias.previous_id}"
        self._intake.end_holds(new, because=because, at=alias.at, cured=CURABLE, now=self.now)
        timezone = new.zone(self._zone)
        elsewhere = [run for run in new.open_runs if zones.get(id(run), timezone) != timezone]
        self._intake.move(new, elsewhere, timezone, because=because, at=alias.at)

    # ---- what goes on ----------------------------------------------------------------------

    def load(self, kept: Iterable[Kept]) -> None:
        """Take in customers as a store keeps them, before anything happens.

        Args:
            kept: the customers.
        """
        load(self.registry, kept, self.project.journeys, self.project.events)

    def follow(self, course: Course) -> str:
        """Take up an open run where its history leaves it.

        A run of a journey that is left out here, or that began in shadow, follows its history, and
        goes no further.

        Args:
            course: the run.

        Returns:
            Why it would break under this code; empty: it goes on.

        Raises:
            UnknownName: the project has no such journey.
        """
        run = FollowedRun(self._runs, self._every.named(course.journey), course)
        if run.broken or not run.is_open:
            return run.broken
        if course.journey in self.left_out or course.enrolment.start.shadow:
            run.terminate()
            return ""
        person = self.registry.person(course.enrolment.customer_id)
        number, key = self.registry.number(), course.enrolment.key
        noted = Noted(number, course.workflow_id, course.journey, key, run)
        self.registry.runs[course.workflow_id] = noted
        self.registry.every_run.append(noted)
        person.runs.append(noted)
        for said, stand in run.opened:
            self.tasks.load(said, stand)
        return ""

    # ---- the desk of the runs --------------------------------------------------------------

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        """Decide on a message."""
        person, planned = self.registry.person(delivery.customer_id), delivery.due
        now = self._runs.now
        while True:
            answer = self._gate.decide(person, delivery, now)
            while self._gate.given_up:
                row = self._gate.given_up.pop()
                self._intake.end_holds_for_a_slot(person, row, now)
            if isinstance(answer, Late):
                delivery = self._replanned(delivery)
                continue
            if delivery.due != planned:
                answer = answer.model_copy(update={"due": delivery.due})
            return answer, now

    async def call(self, asked: Asked) -> Reply:
        """Answer for an activity."""
        return self._calls(asked)

    async def ask(self, asked: Question) -> Reply:
        """Answer a question about a customer, by what is known now."""
        person = self.registry.person(asked.customer_id)
        if asked.experiment:
            had = person.variants.setdefault(asked.experiment, [])
            has = next((one for one in had if asked.weights.get(one, 0) > 0), None)
            if has is None:
                has = drawn(asked.experiment, asked.weights, person.customer_id)
                had.append(has)
            return Reply(result=has)
        if asked.fact is not None:
            fact = read_fact(asked.fact) if asked.about is None else asked.about
            return _ANSWERS[judged(person, fact, asked.now, self._own).holds]
        return Reply(result=plain_answer(self._measured(person, asked)))

    async def say(self, said: Saying, summary: str) -> bool:
        """Take in an event, or a statement on a card."""
        match said:
            case Telling():
                self._intake.take(event_of(said, self.project.events), self.now)
            case Noting():
                self._hear(identity_of(said))
        return True

    async def task(self, said: Opening | Closing) -> TaskStand:
        """Open or close a task; `answer` answers it."""
        if isinstance(said, Opening):
            return self.tasks.open(said)
        return self.tasks.close(said, self.now)

    def _number(self) -> int:
        return self.registry.number()  # which begins again above what was loaded

    def _measured(self, person: Person, asked: Question) -> Any:
        of = read_measure(asked.measure)
        if isinstance(of, TraitOf):
            value = trait_of(person.card, of)
            return value if isinstance(value, str | int | float | bool) else None
        assert isinstance(of, OfEvents), "else it is a trait"
        found = measure(person, of, asked.now, self._own)
        match found:
            case Range(low=low, high=high):
                return low if low == high else None
            case datetime():
                return asked.now - found
        return None if found is UNSURE else found

    def _made_up(self, asked: Asked) -> Reply:
        known = self._made.get(asked.activity)
        if known is not None:
            return known
        activity = self.project.activities[asked.activity]
        try:
            results = [
                activity.written_result(made_up(activity.returns, now=now))
                for now in (asked.now, asked.now + _LATER)
            ]
        except BadInput:
            return Reply(failure="MadeUp")
        reply = Reply(result=results[0])
        if results[0] == results[1]:  # there is no moment in it
            self._made[asked.activity] = reply
        return reply

    def _replanned(self, delivery: Delivery) -> Delivery:
        run = self.registry.runs[delivery.workflow_id].run
        return by_plan_of(delivery, run.last_wait_before(delivery))


def done(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never waits; return its result.

    Raises:
        BadInput: it waits for something outside.
    """
    try:
        coroutine.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    coroutine.close()
    raise BadInput("a run waits for something that is not in memory")
