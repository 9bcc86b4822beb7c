"""`Run`: the frame in which the steps of a journey run, and what an operator sees of it.

Each verb's result goes into a journal, so that a run whose history grows too long continues as new
in the middle of its steps: the new execution runs the same lines, and verbs that have a result give
it back at once.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, ClassVar

from pydantic import BaseModel

from sojourn.domain.events import Event
from sojourn.domain.message import Message
from sojourn.domain.messages import Enrolment, Heard, Outcome, Result
from sojourn.journeys import wording
from sojourn.journeys.journal import Done
from sojourn.journeys.leaving import End, Restart
from sojourn.journeys.runtime import Runtime, Words
from sojourn.journeys.temporal import Handlers, TemporalRuntime


class Run(Handlers):
    """One run: it follows the steps, and leaves them when there is a reason to."""

    name: ClassVar[str] = ""
    topic: ClassVar[str] = ""
    messages: ClassVar[tuple[Message, ...]] = ()
    """The messages that the class declares, in their order."""

    def __init__(self) -> None:
        self._runtime: Runtime = TemporalRuntime()
        self._doing: Words = _starting
        self._until: datetime | None = None

    async def steps(self) -> None:
        """Say everything there is to say, in the verbs; returning means it was said."""
        raise NotImplementedError

    @property
    def customer_id(self) -> str:
        """The customer whose run this is."""
        return self._state.enrolment.customer_id

    @property
    def key(self) -> str:
        """The value of the journey's key; empty where it has none."""
        key, reach = self._state.enrolment.key, self.terms.reach
        return reach.thing(key) if reach.part else key

    @property
    def part(self) -> str:
        """The part of what the key names; empty if the run is about the whole."""
        return self.terms.reach.divided(self._state.enrolment.key)[1]

    @property
    def cause(self) -> Event:
        """The event that last (re)started the steps; its personal fields are empty."""
        return self._event(self._state.cause)

    @property
    def first(self) -> Event:
        """The event that began the run; its personal fields are empty."""
        return self._event(self._state.enrolment.start)

    def now(self) -> datetime:
        """Return the journey's clock: Temporal's, shifted by the enrolment's in time travel."""
        return self._runtime.now() + self._state.enrolment.clock

    def patched(self, change: str) -> bool:
        """Tell whether the run takes a changed set or order of steps.

        A run that has passed this line before the change goes on as it began::

            if self.patched("issue-code"):
                ...  # the new steps
            else:
                ...  # the former ones

        Args:
            change: a name of its own, which stays for as long as such runs are open.

        Returns:
            True for a run that comes here for the first time.
        """
        journal, verb = self._state.journal, f"patched {change}"
        if journal.is_used_up:
            now, plan = self._runtime.patched(change), journal.plan
            done = journal.put(verb, Done(due=plan.due, missed=plan.missed, value=now))
        elif journal.comes_to(verb):
            done = journal.next(verb)
        else:
            return False  # an execution from before the change went on without it
        return bool(done.value)

    # ---- running the steps -----------------------------------------------------------------

    async def follow(self, enrolment: Enrolment) -> Result:
        """Run `steps` until they end, the goal is reached, or the run is stopped.

        A goal that also starts the journey (a renewal), or a start that happened after the goal,
        begins the next enrolment in the same run, by continue-as-new.
        """
        state = self._state
        state.enrol(enrolment)
        outcome, closing = Outcome.EXHAUSTED, None
        try:
            await self._until_said()
        except End as end:
            outcome, closing = end.outcome, end.closing
            self._runtime.end(outcome)  # a run that said everything is Completed without an outcome
        # a sender that asked what an event did gets the answer before the run is closed
        await self._runtime.answers_given()
        following = state.following(closing)
        if following is not None:
            self._runtime.continue_as_new(state.followed_by(following, outcome))
        self._tell(lambda: f"ended: {outcome}")
        return Result.made(
            outcome=outcome, enrolment=state.enrolment.start.id, messages=tuple(state.messages)
        )

    async def _until_said(self) -> None:
        while True:
            self._state.begun = self._state.begun or self._runtime.now()
            try:
                await self.steps()
                self._leave_if_due()
                if not self._state.begin_with_late():
                    return
            except Restart:
                self._state.begin_again()

    async def _once(
        self, verb: str, perform: Callable[[], Awaitable[Done]], *, restarts: bool = True
    ) -> Done:
        """Perform a verb, or take what it came to in an earlier execution of this run."""
        journal = self._state.journal
        if journal.is_used_up:
            self._leave_if_due(restarts=restarts)
            performed = journal.put(verb, await perform())
        else:
            performed = journal.next(verb)
        journal.plan = performed
        return performed

    def _leave_if_due(self, *, restarts: bool = True) -> None:
        """Leave the steps if there is a reason to."""
        reason = self._state.reason_to_leave(restarts=restarts)
        if reason is not None:
            try:
                raise reason
            finally:
                del reason  # it and this frame, in its traceback, would keep each other alive

    def _event(self, heard: Heard) -> Event:
        return self.terms.event(heard, self._state.enrolment.customer_id)

    # ---- shown to an operator -------------------------------------------------------------

    def _declared(self) -> tuple[Message, ...]:
        return self.messages

    def _tell(self, doing: Words, until: datetime | None = None) -> None:
        self._doing, self._until = doing, until
        self._runtime.tell(self._details)

    def _details(self) -> str:
        state = self._state
        return wording.details(
            self._doing(), self._until, state.zone, state.messages, in_shadow=state.in_shadow
        )

    def _status(self) -> dict[str, Any]:
        return {
            "doing": self._doing(),
            "until": self._until.isoformat() if self._until else None,
            "as_of": self.now().isoformat(),
            "messages": [as_json(sent) for sent in self._state.messages],
        }


def _starting() -> str:
    return "starting"


def as_json(model: BaseModel) -> dict[str, Any]:
    """Return a value as the journal holds it."""
    return model.model_dump(mode="json", exclude_none=True)
