"""`Calling`: the verbs that ask others: the project's activities, the store's facts."""

from typing import Any, TypeVar, overload

from sojourn.domain.calls import Asked, Failed, Question, Reply
from sojourn.domain.experiment import Experiment
from sojourn.domain.facts import Fact, Operand
from sojourn.journeys.activities import Activity, P, T
from sojourn.journeys.asking import question, read_answer, summary
from sojourn.journeys.journal import Done
from sojourn.journeys.run import Run

V = TypeVar("V")


class Calling(Run):
    """A run that has others do or answer something."""

    async def call(self, activity: Activity[P, T], *args: P.args, **kwargs: P.kwargs) -> T | Failed:
        """Have the project do something in its own world: issue a code, open a ticket.

        It is retried until the activity's deadline. A failure is a value, and falsy::

            code = await self.call(issue_code.within(days(1)), percent=10)
            await self.send(self.offer, code=code.code if code else "")

        Args:
            activity: made by `sojourn.activity`.
            args: none; arguments have names.
            kwargs: the activity's arguments, nothing personal.

        Returns:
            The activity's result, or `Failed`.

        Raises:
            TypeError: an argument is unknown, missing or has no name.
        """
        if args:
            raise TypeError(f"{activity.name}: write its arguments with their names")
        arguments = activity.written(kwargs)
        verb = f"call {activity.name}"

        async def perform() -> Done:
            reply = await self._call(activity, arguments)
            plan = self._state.journal.plan
            return Done(due=plan.due, missed=plan.missed, value=reply)

        value = (await self._once(verb, perform)).value
        reply = value if isinstance(value, Reply) else Reply.model_validate(value)
        if reply.failure:
            return Failed(activity=activity.name, kind=reply.failure, reason=reply.reason)
        return activity.read_result(reply.result)

    @overload
    async def ask(self, about: Fact) -> bool | None: ...
    @overload
    async def ask(self, about: Operand[V]) -> V | None: ...
    async def ask(self, about: Fact | Operand[Any]) -> Any:
        """Ask a question about the customer (docs/facts.md), to branch on the answer.

        ::

            if await self.ask(did(OrderCompleted, at_least=5)):
                await self.send(self.thanks)

        The store answers once, by what it knows at that moment; the run's history keeps the answer.

        Args:
            about: a fact, or the value of `count`, `last`, `total` or of a trait that is declared
                not to be personal.

        Returns:
            True or False, or the value. None if it is unknown.

        Raises:
            TypeError: it is not a question, or its answer may be personal.
        """

        async def perform() -> Done:
            plan = self._state.journal.plan
            asked = question(
                about, run=self._runtime.run_id, customer_id=self.customer_id, now=self.now()
            )
            reply = await self._runtime.ask(asked, summary(about), self._state.is_interrupted)
            self._leave_if_due()
            assert reply is not None, "only a reason to leave ends a question without an answer"
            return Done(due=plan.due, missed=plan.missed, value=reply.result)

        return read_answer(about, (await self._once("ask", perform)).value)

    async def variant(self, of: Experiment) -> str:
        """Return the variant that the customer has, to branch on it.

        ::

            TONE = Experiment("tone", {"plain": 1, "warm": 1})

            tone = await self.variant(TONE)
            await self.send(self.warm if tone == "warm" else self.plain)

        The customer has the same one in every run that asks, also after an alias call, and keeps it
        when weights change; another one is drawn only if its variant has no weight any more. The
        store notes each customer who was asked about: they are in the experiment.

        Args:
            of: the experiment.

        Returns:
            The variant's name.

        Raises:
            TypeError: it is not an experiment.
        """
        if not isinstance(of, Experiment):
            raise TypeError(f"variant takes an Experiment, and {of!r} is none")

        async def perform() -> Done:
            plan = self._state.journal.plan
            asked = Question(
                run=self._runtime.run_id,
                customer_id=self.customer_id,
                now=self.now(),
                experiment=of.name,
                weights=dict(of.variants),
                shadow=self._state.in_shadow,
            )
            said = f"variant of {of.name}"
            reply = await self._runtime.ask(asked, said, self._state.is_interrupted)
            self._leave_if_due()
            assert reply is not None, "only a reason to leave ends a question without an answer"
            return Done(due=plan.due, missed=plan.missed, value=reply.result)

        has: str = (await self._once(f"variant {of.name}", perform)).value
        self._state.variant = has
        return has

    async def _call(self, activity: Activity[..., Any], arguments: dict[str, Any]) -> Reply:
        state = self._state
        if state.in_shadow and activity.effects:
            return activity.supposed()
        run, verb = state.enrolment, f"call {activity.name}"
        asked = Asked.made(
            activity=activity.name,
            run=self._runtime.run_id,
            journey=self.name,
            customer_id=run.customer_id,
            key=self.key,
            part=self.part,
            enrolment=run.start.id,
            cause=state.cause.id,
            occurrence=1 + state.journal.times(verb),
            arguments=arguments,
            now=self.now(),
        )
        self._tell(lambda: verb)
        reply = await self._runtime.call(
            asked, activity.timeout, activity.deadline, state.is_interrupted
        )
        self._leave_if_due()
        assert reply is not None, "only a reason to leave ends a call without a reply"
        return reply
