"""`JourneyTest`: one customer on an engine, with a clock that the test moves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client, WorkflowHistory

from sojourn.dispatch import Published, Sojourn
from sojourn.dispatch import tasks as answering
from sojourn.domain.coupon_codes import comparable
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event
from sojourn.domain.events.samples import made_up_ids
from sojourn.domain.invariants import Story
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reasons import explain
from sojourn.domain.tasks import TaskState
from sojourn.journeys.journey import Journey
from sojourn.policies import Policy
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, coupon_stock, entries, events, ledger, people, runs, tasks
from sojourn.store.tables import LedgerRow, RunRow, TaskRow
from sojourn.testkit.engines.engine import Engine
from sojourn.testkit.stories import Words, breaches, story_of

MONDAY_NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)

EVERYTHING = {
    "firstName": "Ada",
    "email": "ada@shop.example",
    "phone": "+393201234567",
    "pushToken": "token-of-ada",
    "locale": "en-GB",
    "timezone": "Europe/Rome",
    "marketingConsent": dict.fromkeys(Channel, True),
}
"""The traits of a test's customer: reachable on every channel and agreed to everything."""

UNSENT = ("skipped", "rejected", "expired")
"""The states of the ledger in which a message was decided on but is never sent."""


@dataclass(frozen=True)
class JourneyRuns:
    """The customer's runs of one journey.

    Attributes:
        sent: steps that were sent, in order.
        skipped: ``(step, reason)`` of the messages that were not sent: skipped by the gate,
            rejected by the provider, or expired during retries.
        unknown: steps that may have been sent, without a provider's confirmation.
        outcomes: the outcome of each enrolment, oldest first; ``open`` while it is open.
    """

    sent: list[str]
    skipped: list[tuple[str, str]]
    unknown: list[str]
    outcomes: list[str]

    @property
    def outcome(self) -> str | None:
        """The outcome of the newest enrolment; None before the first."""
        return self.outcomes[-1] if self.outcomes else None


class JourneyTest:
    """A journey under test, from the ``journey`` fixture.

    The journey under test is the one last given to `start`. Before that, the attributes below
    cover every journey of the customer.

    Attributes:
        customer_id: the customer of this test.
        sent: steps that were sent, in order.
        skipped: ``(step, reason)`` of the messages that were not sent: skipped by the gate,
            rejected by the provider, or expired during retries.
        unknown: steps that may have been sent, without a provider's confirmation.
        outcome: the outcome of the newest enrolment; ``open`` while it is open; None before the
            first.
        outcomes: the outcome of each enrolment, oldest first.
    """

    def __init__(
        self,
        engine: Engine,
        store: Store,
        settings: Settings,
        task_queue: str,
        customer_id: str,
        *,
        project: Project,
    ) -> None:
        self.store = store
        self.settings = settings
        self.project = project
        self.customer_id = customer_id
        self._engine = engine
        self._task_queue = task_queue
        self._begin = MONDAY_NOON
        self._present = datetime.min.replace(tzinfo=UTC)  # of the event that is published last
        self._sojourn: Sojourn | None = None
        self._identified = 0
        self._said: list[Words] = []  # by identify calls
        self._arrivals: dict[str, datetime] = {}  # of events, by message id
        self._under_test: str | None = None
        self._rows: list[LedgerRow] = []
        self._ended: list[tuple[str, str]] = []  # journey and outcome of each enrolment

    # ---- before the first event ------------------------------------------------------------

    def begin_at(self, moment: datetime) -> None:
        """Begin the test at this moment instead of noon (UTC) on Monday, 8 January 2024.

        Raises:
            BadInput: the clock already runs.
        """
        if self._sojourn is not None:
            raise BadInput("begin_at comes before the first event")
        self._begin = moment

    # ---- the verbs -------------------------------------------------------------------------

    async def identify(self, **traits: Any) -> None:
        """Change the customer: ``identify(phone="", marketingConsent={"email": False})``."""
        sojourn = await self._ready()
        await self._say(sojourn, traits)
        await self.settled()  # a message may have waited for this

    async def start(self, journey: type[Journey], **fields: Any) -> Published:
        """Start the journey by its first ``starts_on`` event, and make it the journey under test.

        Args:
            journey: the class of the journey.
            fields: the fields of the event; missing required ids are made up.

        Returns:
                The result of publishing the event.

        Raises:
            BadInput: the event does not start a run of this journey; the message says why.
        """
        name = journey.name
        if not journey.terms.starts_on:
            raise BadInput(f"{name} has no starts_on event: no event can start it")
        event = await self._made(journey.terms.starts_on[0], fields)
        published = await self.publish(event)
        if name not in {run.journey for run in await self._runs(published.runs)}:
            why = await self._why_not(journey, event)
            raise BadInput(f"{event.event_name} started no run of {name}: {why}")
        self._under_test = name
        return published

    async def publish(
        self, event: Event | type[Event], *, ask: bool = False, **fields: Any
    ) -> Published:
        """Publish an event of this customer, now.

        Args:
            event: the event, or its class.
            ask: ask each run for the effect of the event on it (`Published.effects`).
            fields: the fields of the class; missing required ids are made up.

        Returns:
                The result of publishing the event.
        """
        sojourn = await self._ready()
        made = await self._made(event, fields)
        self._present = await self.now()
        published = await sojourn.publish(made, ask=ask)
        # as it is stored: of two things under one id, the later one has a longer id
        self._arrivals.setdefault(published.message_id, self._present)
        await self.settled()
        return published

    async def stock(self, pool: str, *codes: str) -> None:
        """Add codes to a pool of the project: ``stock("spring", "SPRING-1")``.

        Raises:
            UnknownName: the project has no such pool.
            BadInput: a pool already has one of the codes.
        """
        self.project.coupons.named(pool)
        async with self.store.transaction() as session:
            at = datetime.now(UTC)
            new = await coupon_stock.add(session, pool, codes, at=at, source="test")
            if known := [code for code in codes if comparable(code) not in new]:
                raise BadInput(f"{', '.join(known)} is in a pool already")

    async def answer(self, name: str, *, task: str = "", by: str = "a tester") -> None:
        """Answer the open task of the journey under test, as the shop's staff does.

        Args:
            name: the name of the answer.
            task: the name of the question, such as ``refund``, if there are several.
            by: the name of the person who answers.

        Raises:
            BadInput: there is no such task, there are several, or the task has no such answer.
        """
        await self.settled()
        found = [
            row
            for row in await self.tasks()
            if row.state is TaskState.OPEN and task in ("", row.question)
        ]
        if len(found) != 1:
            names = ", ".join(row.question for row in found) or "none"
            raise BadInput(f"answer takes one open task, and the open ones are: {names}")
        assert found[0].id is not None
        await answering.answer(self.store, found[0].id, name, by=by, at=await self.now())
        await (await self._ready()).route(found[0].customer_id)
        await self.settled()

    async def after(self, duration: timedelta) -> None:
        """Let time pass; everything that falls due happens in order."""
        await self._ready()
        await self._engine.advance(duration)
        await self.settled()

    async def until(self, moment: datetime) -> None:
        """Let time pass until a moment."""
        await self.after(moment - await self.now())

    @property
    def client(self) -> Client:
        """Temporal's client.

        Raises:
            BadInput: the test runs in its own process, which has none.
        """
        if not self._engine.has_server:
            raise BadInput(
                "this test runs in its own process, without Temporal: run it with "
                "`--engine temporal`, or mark it with @pytest.mark.temporal"
            )
        return self._engine.client

    # ---- what happened ---------------------------------------------------------------------

    def of(self, journey: type[Journey]) -> JourneyRuns:
        """Return the customer's runs of another journey."""
        return self._told(journey.name)

    @property
    def sent(self) -> list[str]:
        """The steps of the journey under test that were sent."""
        return self._told(self._under_test).sent

    @property
    def skipped(self) -> list[tuple[str, str]]:
        """The steps of the journey under test that were not sent, each with the reason."""
        return self._told(self._under_test).skipped

    @property
    def unknown(self) -> list[str]:
        """The steps of the journey under test that may have been sent."""
        return self._told(self._under_test).unknown

    @property
    def outcomes(self) -> list[str]:
        """The outcomes of the journey under test."""
        return self._told(self._under_test).outcomes

    @property
    def outcome(self) -> str | None:
        """The newest outcome of the journey under test.

        Raises:
            BadInput: several journeys have runs, and the test did not call `start` for any of them.
        """
        return self._told(self._one_of(name for name, _ in self._ended)).outcome

    async def now(self) -> datetime:
        """Return the time on the journeys' clock."""
        sojourn = await self._ready()
        return await self._engine.now() + sojourn.clock

    async def messages(self) -> list[LedgerRow]:
        """Return the customer's rows of the ledger, of all journeys, oldest first."""
        async with self.store.reading() as session:
            return list(await ledger.of_customer(session, self.customer_id))

    async def story(self) -> Story:
        """Return the customer's story: events, words on consent and messages, of all journeys."""
        rules = Policy(
            self.project.policy, self.settings.quiet_hours, caps=self.settings.caps == "policy"
        )
        async with self.store.reading() as session:
            happened = await events.of_customer(session, self.customer_id)
        return story_of(
            self.project,
            rules(),
            said=self._said,
            events=happened,
            arrivals=self._arrivals,
            messages=await self.messages(),
        )

    async def breaches(self) -> list[str]:
        """Return what the story breaks of the invariants that ship, the project's, the journeys'.

        Each is a sentence with the name of its invariant. An invariant asks about moments that are
        past: let the time pass that the journeys take.
        """
        await self._ready()
        found = breaches(self.project, await self.story())
        return [f"{one.invariant}: {one.sentence}" for one in found]

    async def tasks(self) -> list[TaskRow]:
        """Return the tasks of the journey under test, oldest first."""
        async with self.store.reading() as session:
            customer_id = await people.resolve(session, self.customer_id)
            rows = await tasks.listed(session, customer_id=customer_id, everything=True)
        return [row for row in reversed(rows) if self._under_test in (None, row.journey)]

    async def content(self, step: str) -> Mapping[str, Any]:
        """Return the content of the newest message of a step, by part.

        Raises:
            KeyError: no message of this step was sent.
        """
        async with self.store.reading() as session:
            for row, kept in await ledger.outbox(session, customer_id=self.customer_id):
                if row.step == step and self._under_test in (None, row.journey):
                    return kept.content
        raise KeyError(f'nothing was sent for "{step}"; sent: {self.sent}')

    async def history(self) -> WorkflowHistory:
        """Return the Temporal history of the newest execution of the journey under test."""
        newest = await self._newest()
        return (await self._engine.histories([newest]))[-1]

    async def histories(self) -> list[WorkflowHistory]:
        """Return the histories of all executions of the journey under test, oldest first."""
        tested = [run for run in await self._runs() if self._under_test in (None, run.journey)]
        return await self._engine.histories(tested)

    @property
    def has_histories(self) -> bool:
        """True if the test runs on Temporal, which keeps the histories of runs."""
        return self._engine.has_server

    async def stop(self, reason: str) -> None:
        """Stop the newest run of the journey under test, as an operator does."""
        await self._engine.stop((await self._newest()).workflow_id, reason)
        await self.settled()

    async def status(self) -> dict[str, Any]:
        """Return the status that the newest run of the journey under test reports."""
        return await self._engine.status((await self._newest()).workflow_id)

    # ---- for tests that reach past the verbs -----------------------------------------------

    async def settled(self) -> None:
        """Wait until every run of the customer is at rest, then read the results.

        Raises:
            Unavailable: a run is still busy after half a minute; the message says why.
        """
        await self._engine.rest(await self._ids())
        await self._read()

    async def stop_all(self) -> None:
        """Terminate the store's open runs, so that they disturb no other test."""
        await self._engine.terminate(await self._ids(everybody=True))

    # ---- inside ----------------------------------------------------------------------------

    async def _ready(self) -> Sojourn:
        if self._sojourn is None:
            clock = self._begin - await self._engine.now()
            await self._engine.begins(clock)
            self._sojourn = Sojourn(
                self._engine.client,
                self.store,
                self.settings,
                self.project,
                task_queue=self._task_queue,
                now=lambda: datetime.max.replace(tzinfo=UTC),
                clock=clock,
                teller=self._engine.teller,
                present=lambda: self._present,
            )
            await self._say(self._sojourn, {})
        return self._sojourn

    async def _say(self, sojourn: Sojourn, traits: Mapping[str, Any]) -> None:
        self._identified += 1
        now = await self.now()
        told = traits if self._identified > 1 else {**EVERYTHING, **traits}
        self._said.append((now, told))
        await sojourn.identify(
            read_identity(
                told,
                customer_id=self.customer_id,
                message_id=f"identify-{self.customer_id}-{self._identified}",
                at=now,
                received_at=now,
            )
        )

    async def _made(self, event: Event | type[Event], fields: Mapping[str, Any]) -> Event:
        if isinstance(event, type):
            given = {"customer_id": self.customer_id, "occurred_at": await self.now(), **fields}
            return event(**{**made_up_ids(event), **given})
        if "occurred_at" in event.model_fields_set:
            return event
        return event.model_copy(update={"occurred_at": await self.now()})

    async def _runs(self, of: Sequence[str] | None = None) -> list[RunRow]:
        """Return the customer's runs, oldest first: those with the given ids, or all."""
        async with self.store.reading() as session:
            started = await runs.of_customer(session, self.customer_id)
        return [run for run in started if of is None or run.workflow_id in of]

    async def _ids(self, *, everybody: bool = False) -> list[str]:
        async with self.store.reading() as session:
            started = (
                await runs.every(session)
                if everybody
                else await runs.of_customer(session, self.customer_id)
            )
        return [*dict.fromkeys(run.workflow_id for run in started)]

    async def _newest(self) -> RunRow:
        started = await self._runs()
        name = self._one_of(run.journey for run in started)
        found = [run for run in started if run.journey == name]
        if not found:
            raise BadInput(f"{self.customer_id} has no run: start a journey first")
        return found[-1]

    def _one_of(self, names: Iterable[str]) -> str | None:
        """Return the journey under test, or the only journey that has runs."""
        if self._under_test is not None:
            return self._under_test
        known = sorted(set(names))
        if len(known) > 1:
            raise BadInput(f"{' and '.join(known)} have runs: begin with start, or ask by of(...)")
        return known[0] if known else None

    async def _why_not(self, journey: type[Journey], event: Event) -> str:
        """Explain why an event started no run of a journey that starts on its class."""
        key = journey.terms.key
        if key and not getattr(event, key):
            return f"it has no {key}, the journey's key"
        if journey.name not in self.project.journeys:
            return "the project has no such journey"
        if journey.name in self.project.journeys.off:
            return "the project has switched it off"
        if (instead := self.project.journeys.replaced.get(journey.name)) is not None:
            return f"{instead} is in its place"
        async with self.store.reading() as session:
            judged = await entries.of_events(session, [event.message_id], [journey.name])
        for row in judged.values():
            if not row.taken:
                words = explain(Reason(row.reason or ""))
                return f"{words} ({row.because})" if row.because else words
        return "its message_id was published before"

    def _told(self, name: str | None) -> JourneyRuns:
        rows = [row for row in self._rows if name in (None, row.journey)]
        return JourneyRuns(
            sent=[row.step for row in rows if row.state == "sent"],
            skipped=[(row.step, str(row.reason)) for row in rows if row.state in UNSENT],
            unknown=[row.step for row in rows if row.state == "unknown"],
            outcomes=[outcome for journey, outcome in self._ended if name in (None, journey)],
        )

    async def _read(self) -> None:
        self._rows = await self.messages()
        seen: set[str] = set()
        found: list[tuple[str, str]] = []
        for run in await self._runs():
            for ended in await self._engine.ends(run):
                if ended.run_id not in seen:
                    seen.add(ended.run_id)
                    found.append((run.journey, ended.outcome))
        self._ended = found
