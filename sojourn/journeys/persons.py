"""`Persons`: the verb that asks a person of the shop, and waits for the answer."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeVar

from sojourn.domain.calendar import zone
from sojourn.domain.messages import Outcome
from sojourn.domain.question import Question
from sojourn.domain.tasks import Closing, Opening, TaskStand, TaskState, WhyClosed
from sojourn.domain.working_time import Span, later
from sojourn.journeys import wording
from sojourn.journeys.journal import Done
from sojourn.journeys.leaving import End, Leave
from sojourn.journeys.run import as_json
from sojourn.journeys.telling import Telling
from sojourn.journeys.waits import Waits

T = TypeVar("T")


class Persons(Waits, Telling):
    """A run that has people decide."""

    async def person(
        self,
        question: Question,
        *,
        within: Span,
        else_: T,
        silent: bool = False,
    ) -> str | T:
        """Ask a person of the shop, and wait for the answer.

        ::

            refund = Question("Refund the order?", yes="Refund it", no="Keep it")
            ...
            if await self.person(self.refund, within=hours(4), else_="no") == "yes":

        A task opens: on a page, in ``sojourn tasks`` and, if the shop has one, at the helpdesk. The
        first answer counts. One that was acknowledged before the run gave up counts, however late
        the run hears of it. When the goal, an ``ends_on`` event or a stop ends the run, the task is
        closed.

        Args:
            question: an attribute of the journey's class.
            within: how long the run waits, from now on: a duration, a day by name or
                ``working(hours(4), "mon-fri 09:00-18:00")``.
            else_: what to give back when the time is up.
            silent: somebody talks to the customer: while the task is open no promotional message
                leaves to them, of any journey.

        Returns:
            The name of the answer, or ``else_``.

        Raises:
            TypeError: the question is not an attribute of a class.
        """
        if not isinstance(question, Question) or not question.name:
            raise TypeError(
                'person takes a question of the class: refund = Question("...", yes="Yes", no="No")'
            )
        verb = f"person {question.name}"

        async def ask() -> Done:
            plan = self._state.journal.plan
            said = Opening(
                journey=self.name,
                question=question.name,
                text=question.text,
                answers=dict(question.answers),
                until=self._given_up_at(within),
                silent=silent,
                **self._circumstances(verb),
            )
            self._tell(lambda: f"ask a person: {question.text}")
            stand = await self._have(said, f"ask a person: {question.text}")
            # as it is kept: in a history that is replayed under another run's name, too
            named = {"task": stand.task or said.task}
            value = {"until": said.until.isoformat(), **as_json(stand), **named}
            return Done(due=plan.due, missed=plan.missed, value=value)

        opened = (await self._once(verb, ask)).value
        try:
            wait = partial(self._answered, question, opened)
            answered = (await self._once(f"answer {question.name}", wait)).value
        except Leave as leave:
            await self._close(question, opened["task"], _because(leave))
            raise
        return else_ if answered is None else str(answered)

    async def _answered(self, question: Question, opened: dict[str, str]) -> Done:
        state, task = self._state, opened["task"]
        if opened["state"] == "open":
            until = datetime.fromisoformat(opened["until"])
            await self._wait_until(
                until,
                partial(wording.answer, question.text, until, state.zone, self.terms.goal),
                wake=lambda: state.answer_to(task) is not None,
            )
            heard = state.answer_to(task)
            if heard is not None:
                return Done(due=max(heard.at, state.due), value=heard.fields["answer"])
            answer = await self._close(question, task, None)
            return Done(due=self._reached(until), value=answer or None)
        # these very steps have asked before: the run was reset
        return Done(due=state.due, value=opened.get("answer") or None)

    async def _close(self, question: Question, task: str, because: WhyClosed | None) -> str:
        """Close the task, unless it was answered; return the answer."""
        said = Closing(
            task=task,
            customer_id=self.customer_id,
            question=question.name,
            occurrence=self._state.journal.times(f"person {question.name}"),
            because=because,
            now=self.now(),
        )
        return (await self._have(said, f"no longer ask: {question.text}")).answer

    async def _have(self, said: Opening | Closing, summary: str) -> TaskStand:
        """Have a task opened or closed; of a run in shadow, none is, and nobody answers."""
        if self._state.in_shadow:
            is_opening = isinstance(said, Opening)
            return TaskStand(
                state=TaskState.OPEN if is_opening else TaskState.EXPIRED, task=said.task
            )
        return await self._runtime.task(said, summary)

    def _given_up_at(self, within: Span) -> datetime:
        if isinstance(within, timedelta):
            return self.now() + within
        with self._runtime.reading():
            return later(within, self.now(), zone(self._state.zone)).astimezone(UTC)


def _because(leave: Leave) -> WhyClosed:
    if not isinstance(leave, End):
        return WhyClosed.BEGUN_AGAIN
    return WhyClosed.GOAL_REACHED if leave.outcome is Outcome.CONVERTED else WhyClosed.RUN_STOPPED
