"""An engine in the test's own process: runs are stepped by hand, and no server is needed.

Store, gate, templates and dispatch are the real ones, and so are the journeys' files. What Temporal
does is done here: runs live in memory, timers fire when the test moves the clock, and attempts that
fail are made again.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import ValidationError
from temporalio.client import Client, WorkflowHistory
from temporalio.exceptions import ApplicationError

from sojourn.dispatch.outcomes import OPEN, Ended
from sojourn.dispatch.planning import Plan
from sojourn.dispatch.routing import Start, Target, Tell
from sojourn.dispatch.sayings import Sayings
from sojourn.dispatch.telling import Reached, Tells
from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.messages import Channel, Delivery, Enrolment, Heard, Receipt, Stop
from sojourn.domain.sayings import Noting, Saying, Telling
from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.journeys.desk import TryAgain
from sojourn.journeys.registry import Journeys
from sojourn.journeys.stepping import LocalRun, Runs
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.sending.asking import Questions
from sojourn.sending.calls import temporal_activities
from sojourn.sending.recording import Recorder
from sojourn.sending.stopping import Stops
from sojourn.sending.tasks import Tasks
from sojourn.sending.waits import by_plan_of
from sojourn.serving.worker import messages_of
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.tables import RunRow
from sojourn.testkit.engines.rest import TASK_TIME

NO_SERVER = "localhost:9"
"""The address of Temporal's client, which is never connected: port 9 discards."""

MOMENT = timedelta(milliseconds=1)
"""Between two things that a test does one after the other."""

T = TypeVar("T")


class InProcess:
    """Runs of one test.

    Args:
        client: Temporal's, connected to nothing.
        store: open.
        settings: of the installation under test.
        project: with the journeys.
        most: waits, and messages asked for, of one run: one with more goes round in a circle, and
            is left off; None: there is no such limit.
    """

    has_server = False

    def __init__(
        self,
        client: Client,
        store: Store,
        settings: Settings,
        project: Project,
        *,
        most: int | None = None,
    ) -> None:
        self.client = client
        self._clock = timedelta(0)
        self._runs = Runs(self, datetime.now(UTC), most)
        self._newest: dict[str, LocalRun] = {}
        self._executions: dict[str, tuple[str, LocalRun]] = {}
        self.teller: Tells = LocalTeller(
            self._runs, self._newest, self._executions, project.journeys
        )
        self._carriers = project.carriers.chosen(settings, tuple(Channel))
        rules = Policy(project.policy, settings.quiet_hours, caps=settings.caps == "policy")
        self._messages = messages_of(
            store,
            settings,
            project,
            carriers=self._carriers,
            rules=rules,
            recorder=Recorder(store),
            replan=self._replanned,
        )
        self._activities: Mapping[str, Callable[[Asked], Awaitable[Reply]]] = dict(
            zip(
                project.activities,
                temporal_activities(project.activities.values(), store, settings, project.topics),
                strict=True,
            )
        )
        self._stops = Stops(store, project.events)
        self._questions = Questions(store, project.topics.own)
        self._tasks = Tasks(store, to_tell=bool(settings.tasks_webhook))
        self._sayings = Sayings(client, store, settings, project, "", teller=self.teller)

    @property
    def runs(self) -> list[LocalRun]:
        """The executions of all runs, oldest first."""
        return [run for _, run in self._executions.values()]

    async def close(self) -> None:
        """Close what the engine has opened."""
        await self._sayings.drain()
        for carrier in set(self._carriers.values()):
            await carrier.close()

    # ---- the engine ------------------------------------------------------------------------

    async def now(self) -> datetime:
        """Return the runs' clock."""
        return self._runs.now

    async def begins(self, clock: timedelta) -> None:
        """Take the journeys' clock minus the runs'."""
        self._clock = clock

    async def advance(self, duration: timedelta) -> None:
        """Move the clock from one moment at which something falls due to the next."""
        await self._runs.advance(self._runs.now + duration)

    async def rest(self, workflow_ids: Iterable[str]) -> None:
        """Step every run as far as it comes; a wait that is past is over within `TASK_TIME`.

        That takes a moment: what the test does next comes later.
        """
        await self._runs.advance(self._runs.now + MOMENT)
        while (moment := self._runs.next_moment()) is not None:
            if moment > self._runs.now + TASK_TIME:
                return
            await self._runs.advance(moment)

    async def ends(self, run: RunRow) -> list[Ended]:
        """Return the enrolments of an execution and of those that it went on as."""
        if (found := self._executions.get(run.run_id)) is None:
            return []
        _, local = found
        ended = [Ended(f"{run.run_id}/{n}", one.value) for n, one in enumerate(local.outcomes)]
        if local.result is not None:
            return ended
        last = OPEN if local.is_open else "terminated"
        return [*ended, Ended(f"{run.run_id}/{len(ended)}", last)]

    async def stop(self, workflow_id: str, reason: str) -> None:
        """Note a stop as the update does, and have the run hear it."""
        run = self._newest[workflow_id]
        noted = await self._stops.note(
            Stop(
                workflow_id=workflow_id,
                journey=run.journey.name,
                customer_id=run.enrolment.customer_id,
                asked=f"{workflow_id}/{uuid4()}",
                because=reason,
                now=self._runs.now + run.enrolment.clock,
            )
        )
        run.hear(noted)

    async def terminate(self, workflow_ids: Iterable[str]) -> None:
        """End runs where they stand."""
        for workflow_id in workflow_ids:
            if (run := self._newest.get(workflow_id)) is not None and run.is_open:
                run.terminate()

    async def status(self, workflow_id: str) -> dict[str, Any]:
        """Return the status that a run tells an operator."""
        return self._newest[workflow_id].steps._status()  # noqa: SLF001

    async def histories(self, runs: Iterable[RunRow]) -> list[WorkflowHistory]:
        """Refuse: there are none.

        Raises:
            BadInput: always.
        """
        raise BadInput(
            "a test in its own process has no histories: run it with `--engine temporal`"
        )

    # ---- the desk --------------------------------------------------------------------------

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        """Make an attempt at a message, by the real activity."""
        receipt = await _tried(self._messages.attempt(delivery, self._journeys_clock))
        return receipt, self._journeys_clock()

    async def call(self, asked: Asked) -> Reply:
        """Call the project's activity."""
        return await _tried(self._activities[asked.activity](asked))

    async def ask(self, asked: Question) -> Reply:
        """Answer from the store."""
        return await _tried(self._questions.read(asked))

    async def say(self, said: Saying, summary: str) -> bool:
        """Take in an event, or a statement."""
        match said:
            case Noting():
                return await _tried(self._sayings.note(said))
            case Telling():
                return await _tried(self._sayings.tell(said))
        raise AssertionError(said)

    async def task(self, said: Opening | Closing) -> TaskStand:
        """Open or close a task."""
        if isinstance(said, Opening):
            return await _tried(self._tasks.open(said))
        return await _tried(self._tasks.close(said))

    def _journeys_clock(self) -> datetime:
        return self._runs.now + self._clock

    async def _replanned(self, delivery: Delivery) -> Delivery:
        """Return a message with the moment at which the wait before it really ended."""
        run = self._newest[delivery.workflow_id]
        return by_plan_of(delivery, run.last_wait_before(delivery))


class LocalTeller:
    """Tells runs of this process of events.

    Args:
        runs: of this process.
        newest: the newest run of each workflow id.
        executions: each run with its workflow id, by the id of its execution.
        journeys: of the project.
    """

    def __init__(
        self,
        runs: Runs,
        newest: dict[str, LocalRun],
        executions: dict[str, tuple[str, LocalRun]],
        journeys: Journeys,
    ) -> None:
        self.missing: str | None = None
        self._runs = runs
        self._newest = newest
        self._executions = executions
        self._journeys = journeys

    async def reach(self, target: Target, plan: Plan) -> Reached | None:
        """Tell or start one run, as Temporal's teller does."""
        event, run = plan.heard_by(target), self._open(target.workflow_id)
        execution = ""
        if run is not None:
            _hears(run, event)
        elif isinstance(target, Start):
            execution, run = self._start(target, plan.enrolment_of(target), event)
        else:
            return None
        if not plan.ask or target.shadow:
            return Reached(execution)
        if execution:
            await self._runs.rest()  # it answers once it is enrolled
        answer = run.steps._state.answer(event, run.steps._declared())  # noqa: SLF001
        return Reached(execution, answer)

    async def is_open(self, workflow_id: str, plan: Plan) -> bool:
        """Tell whether a run is open."""
        return self._open(workflow_id) is not None

    async def enter(self, target: Start, enrolment: Enrolment) -> str:
        """Start a run that the store knows and this process does not."""
        if (run := self._open(target.workflow_id)) is not None:
            return next(one for one, (_, known) in self._executions.items() if known is run)
        execution, _ = self._start(target, enrolment)
        return execution

    async def retell(self, target: Tell, event: Heard) -> bool:
        """Tell an open run of an event once more."""
        if (run := self._open(target.workflow_id)) is None:
            return False
        _hears(run, event)
        return True

    def _open(self, workflow_id: str) -> LocalRun | None:
        run = self._newest.get(workflow_id)
        return run if run is not None and run.is_open else None

    def _start(self, target: Start, enrolment: Enrolment, *heard: Heard) -> tuple[str, LocalRun]:
        who = enrolment.model_copy(update={"key": target.key})
        run = self._runs.start(self._journeys[target.journey], target.workflow_id, who, *heard)
        execution = str(uuid4())
        self._newest[target.workflow_id] = run
        self._executions[execution] = target.workflow_id, run
        return execution, run


@asynccontextmanager
async def serving(
    store: Store, settings: Settings, project: Project, *, most: int | None = None
) -> AsyncIterator[InProcess]:
    """Run a project's journeys in this process.

    Args:
        store: open.
        settings: of the installation under test.
        project: with the journeys.
        most: as `InProcess` has it.

    Yields:
        The engine.

    Raises:
        BadSetting: a provider lacks its credentials.
    """
    client = await Client.connect(NO_SERVER, lazy=True)
    engine = InProcess(client, store, settings, project, most=most)
    try:
        yield engine
    finally:
        await engine.close()


def _hears(run: LocalRun, event: Heard) -> None:
    """Have a run take in an event; one that it could not read is dropped, as a signal is."""
    try:
        run.steps._examined(event)  # noqa: SLF001
    except (ValueError, ValidationError, UnknownName):
        return
    run.hear(event)


async def _tried(attempt: Awaitable[T]) -> T:
    """Return an activity's answer.

    Raises:
        TryAgain: it has failed.
    """
    try:
        return await attempt
    except ApplicationError as error:
        kind = error.type or "ApplicationError"
        raise TryAgain(kind, error.next_retry_delay, final=error.non_retryable) from error
