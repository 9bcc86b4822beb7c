"""Recovery after a restore: what the store knows and Temporal does not, and the other way round.

A run is lost if the store lacks its end and Temporal lacks its execution. Temporal forgets runs
that have ended, too, once their retention is over. So a run counts as lost only if the store has a
sign of its life that is younger than the retention: had it ended since, Temporal would still know.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ValidationError
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch import muting
from sojourn.dispatch.client import Sojourn
from sojourn.dispatch.hearing import heard_since
from sojourn.dispatch.routing import Start, Tell
from sojourn.domain.customer import Customer, home_zone
from sojourn.domain.errors import BadEvent, BadInput, UnknownName
from sojourn.domain.messages import EDITION, Enrolment, Heard
from sojourn.journeys.standing import stand_of
from sojourn.store import cards, events, ledger, people, runs
from sojourn.store.tables import EventRow, RunRow
from sojourn.store.tombstones import is_tombstone

PAGE = 500
AT_ONCE = 50
ANSWER_TIME = timedelta(seconds=10)
OPEN = "Journey IS NOT NULL AND ExecutionStatus = 'Running'"


class Standing(StrEnum):
    """The finding about a run."""

    MISSING = "missing"
    """The store knows it and Temporal does not: it is to be entered."""
    ENTERED = "entered"
    """It was entered, and goes on."""
    OVER = "over"
    """Temporal does not know it, and the store has the event that ended it."""
    UNCLEAR = "unclear"
    """Temporal does not know it, and may have forgotten it after its end."""
    NO_JOURNEY = "no journey"
    """Temporal does not know it, and this code has no such journey."""
    UNREADABLE = "unreadable"
    """Temporal does not know it, and the event that started it cannot be read."""
    EVENT_MISSING = "event missing"
    """Temporal has it, and the store lacks the event that started it: it sends nothing."""


class Finding(BaseModel):
    """A run on which the store and Temporal do not agree.

    Args:
        workflow_id: its id.
        journey: its name.
        customer_id: whose run it is.
        enrolment: the message id of the event that began it.
        standing: the finding.
        because: the event that ended it, or the fault.
        heard: how many events it has heard since, which it is entered with.
    """

    workflow_id: str
    journey: str
    customer_id: str
    enrolment: str
    standing: Standing
    because: str = ""
    heard: int = 0


@dataclass
class Survey:
    """The counts of a recovery.

    Args:
        looked_at: runs of the store that were not noted as closed, or only since the backup.
        on: those that are open in Temporal.
        ended: those that Temporal has closed.
        told: events that open runs were told once more; in a dry run: would be.
    """

    looked_at: int = 0
    on: int = 0
    ended: int = 0
    told: int = 0


class Recovery:
    """Compare the store with Temporal, and enter what was lost.

    Args:
        sojourn: connected.
        since: the moment of the backup that Temporal was restored from. Runs with a sign of life
            since then cannot have been forgotten, and open runs are told again what arrived since.
            None: runs are looked for as far back as the namespace keeps finished runs.
        dry: change nothing.
    """

    def __init__(self, sojourn: Sojourn, *, since: datetime | None, dry: bool) -> None:
        self.survey = Survey()
        self._sojourn = sojourn
        self._since = since
        self._dry = dry
        self._places = asyncio.Semaphore(AT_ONCE)

    async def run(self) -> AsyncIterator[Finding]:
        """Go through all runs.

        Yields:
            Each run on which the two do not agree.

        Raises:
            BadInput: the namespace does not say for how long it keeps runs: name ``since``.
            TemporalUnavailable, RPCError: Temporal does not answer.
        """
        edge = self._since or await self._edge()
        open_ids = [run.id async for run in self._sojourn.client.list_workflows(OPEN)]
        async for found in self._of_the_store(set(open_ids), edge):
            yield found
        async for found in self._of_temporal(open_ids):
            yield found

    async def _edge(self) -> datetime:
        client = self._sojourn.client
        try:
            answer = await client.workflow_service.describe_namespace(
                DescribeNamespaceRequest(namespace=client.namespace), timeout=ANSWER_TIME
            )
        except RPCError as error:
            if error.status is not RPCStatusCode.PERMISSION_DENIED:
                raise
            raise BadInput(
                "the namespace does not say for how long it keeps finished runs: "
                "name the moment of the backup by --since"
            ) from None
        return datetime.now(UTC) - answer.config.workflow_execution_retention_ttl.ToTimedelta()

    # ---- what the store knows --------------------------------------------------------------

    async def _of_the_store(self, open_ids: set[str], edge: datetime) -> AsyncIterator[Finding]:
        after = 0
        while True:
            async with self._sojourn.store.reading() as session:
                page = await runs.not_closed(session, after=after, limit=PAGE, since=self._since)
                signs = await ledger.last_signs(session, [row.workflow_id for row in page])
            if not page:
                return
            after = page[-1].id or 0
            self.survey.looked_at += len(page)
            for found in await asyncio.gather(
                *(self._placed(row, open_ids, edge, signs) for row in page)
            ):
                if found is not None:
                    yield found

    async def _placed(
        self, row: RunRow, open_ids: set[str], edge: datetime, signs: Mapping[str, datetime]
    ) -> Finding | None:
        async with self._places:
            return await self._one(row, open_ids, edge, signs)

    async def _one(
        self, row: RunRow, open_ids: set[str], edge: datetime, signs: Mapping[str, datetime]
    ) -> Finding | None:
        if row.workflow_id in open_ids:
            await self._reopen(row)
            await self._retell(row)
            await self._mute(row)
            return None
        if row.closed_at is not None or await self._is_known(row):
            return None
        async with self._sojourn.store.reading() as session:
            start = await events.find(session, row.enrolment)
        began = start.received_at if start is not None else row.started_at
        if max(began, signs.get(row.workflow_id, began)) < edge:
            return _finding(
                row,
                Standing.UNCLEAR,
                "nothing was heard of it since Temporal began to keep what it keeps: it may have "
                "ended",
            )
        if row.journey not in self._sojourn.project.journeys:
            return _finding(row, Standing.NO_JOURNEY, "this code has no such journey")
        if start is None:
            return _finding(row, Standing.UNREADABLE, "the store lacks the event that started it")
        return await self._lost(row, start)

    async def _reopen(self, row: RunRow) -> None:
        """Note that a run is open that had ended since the backup."""
        if row.closed_at is None or self._dry:
            return
        assert row.id is not None
        async with self._sojourn.store.transaction() as session:
            await people.lock(session, row.customer_id)
            await runs.reopen(session, row.id)

    async def _is_known(self, row: RunRow) -> bool:
        """Tell whether Temporal has this execution, or one that continued it."""
        newest = await self._described(row.workflow_id)
        if newest is None:
            return False
        if newest.status is WorkflowExecutionStatus.RUNNING:
            self.survey.on += 1
            return True
        first = newest.raw_description.workflow_execution_info.first_run_id
        if row.run_id in (first, newest.run_id) or await self._described(
            row.workflow_id, row.run_id
        ):
            self.survey.ended += 1
            return True
        return False  # an earlier run had the same id

    async def _described(
        self, workflow_id: str, run_id: str | None = None
    ) -> WorkflowExecutionDescription | None:
        handle = self._sojourn.client.get_workflow_handle(workflow_id, run_id=run_id)
        try:
            return await handle.describe(rpc_timeout=ANSWER_TIME)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _lost(self, row: RunRow, start: EventRow) -> Finding:
        sojourn, known = self._sojourn, self._sojourn.project.events
        journey = sojourn.project.journeys[row.journey]
        async with sojourn.store.reading() as session:
            customer = await cards.find(session, row.customer_id)
        try:
            began = events.heard(
                start, events.typed(start, known), within=sojourn.settings.clock_skew
            )
            journey.terms.event(began, row.customer_id)
            began = began.model_copy(update={"shadow": row.shadow})
        except (BadEvent, UnknownName, ValidationError) as error:
            return _finding(row, Standing.UNREADABLE, " ".join(str(error).split()))
        first = Enrolment(
            customer_id=row.customer_id,
            key=row.key,
            start=began,
            timezone=home_zone(customer or Customer(row.customer_id), sojourn.settings.timezone),
            clock=sojourn.clock,
            edition=EDITION,
        )
        heard = await self._heard(row, start)
        stand = stand_of(journey.terms, first, heard)
        if stand.ended_by is not None:
            ended = stand.ended_by
            return _finding(row, Standing.OVER, f"{ended.name} ({ended.id}) at {ended.at:%F %T}")
        enrolment = stand.enrolment
        found = _finding(row, Standing.MISSING, heard=len(heard), enrolment=enrolment.start.id)
        if self._dry:
            return found
        await self._mute(row)
        return await self._enter(row, enrolment, found)

    async def _enter(self, row: RunRow, enrolment: Enrolment, found: Finding) -> Finding:
        sojourn = self._sojourn
        run_id = await sojourn.teller.enter(Start(row.workflow_id, row.journey, row.key), enrolment)
        entered = RunRow(
            workflow_id=row.workflow_id,
            run_id=run_id,
            journey=row.journey,
            customer_id=row.customer_id,
            key=row.key,
            enrolment=enrolment.start.id,
            started_at=enrolment.start.at,
            shadow=enrolment.start.shadow,
        )
        assert row.id is not None
        async with sojourn.store.transaction() as session:
            await people.lock(session, row.customer_id)
            await runs.add(session, [entered])
            await runs.mark_closed(session, [row.id], datetime.now(UTC))
        return found.model_copy(update={"standing": Standing.ENTERED})

    async def _mute(self, row: RunRow) -> None:
        """Mute a customer whose run goes on, if the store has no mute of that run."""
        project = self._sojourn.project
        journey = project.journeys.muting.get(row.journey)
        if journey is None or row.shadow or self._dry:
            return
        async with self._sojourn.store.transaction() as session:
            person = await people.lock(session, row.customer_id)
            start = await events.find(session, row.enrolment)
            if start is None or is_tombstone(person.customer_id):
                return
            try:
                event = events.typed(start, project.events)
            except (BadEvent, UnknownName):
                return
            await muting.begin(
                session, person, start, event, journey=journey, workflow_id=row.workflow_id
            )
            within = self._sojourn.settings.clock_skew
            await muting.settle(session, person, project, within=within)

    async def _heard(
        self, row: RunRow, start: EventRow, *, since: datetime | None = None
    ) -> list[Heard]:
        async with self._sojourn.store.reading() as session:
            heard = await heard_since(
                session,
                self._sojourn.project,
                row,
                start,
                since=since,
                within=self._sojourn.settings.clock_skew,
            )
        # what began in shadow, and what it goes on with, stays there
        return (
            [event.model_copy(update={"shadow": True}) for event in heard] if row.shadow else heard
        )

    async def _retell(self, row: RunRow) -> None:
        """Tell an open run what arrived since the backup: what it was told then is lost."""
        self.survey.on += 1
        if self._since is None or row.journey not in self._sojourn.project.journeys:
            return
        async with self._sojourn.store.reading() as session:
            start = await events.find(session, row.enrolment)
        if start is None:
            return
        for event in await self._heard(row, start, since=self._since):
            self.survey.told += 1
            if self._dry:
                continue
            if not await self._sojourn.teller.retell(Tell(row.workflow_id, row.journey), event):
                return

    # ---- what Temporal knows ---------------------------------------------------------------

    async def _of_temporal(self, open_ids: Sequence[str]) -> AsyncIterator[Finding]:
        for first in range(0, len(open_ids), PAGE):
            page = open_ids[first : first + PAGE]
            async with self._sojourn.store.reading() as session:
                known = await runs.known_ids(session, page)
            for workflow_id in page:
                if workflow_id not in known:
                    found = await self._forgotten(workflow_id)
                    if found is not None:
                        yield found

    async def _forgotten(self, workflow_id: str) -> Finding | None:
        """Look at a run that the store has no row of: it may just have been started."""
        client = self._sojourn.client
        handle = client.get_workflow_handle(workflow_id)
        async for event in handle.fetch_history_events(page_size=1, rpc_timeout=ANSWER_TIME):
            begun = event.workflow_execution_started_event_attributes
            try:
                (enrolment,) = await client.data_converter.decode(begun.input.payloads, [Enrolment])
            except (ValueError, ValidationError, RuntimeError):
                return None  # no run of ours
            async with self._sojourn.store.reading() as session:
                if await events.find(session, enrolment.start.id) is not None:
                    return None
            return Finding(
                workflow_id=workflow_id,
                journey=begun.workflow_type.name,
                customer_id=enrolment.customer_id,
                enrolment=enrolment.start.id,
                standing=Standing.EVENT_MISSING,
                because=f"{enrolment.start.name} at {enrolment.start.at:%F %T} UTC",
            )
        return None


def _finding(
    row: RunRow, standing: Standing, because: str = "", *, heard: int = 0, enrolment: str = ""
) -> Finding:
    return Finding(
        workflow_id=row.workflow_id,
        journey=row.journey,
        customer_id=row.customer_id,
        enrolment=enrolment or row.enrolment,
        standing=standing,
        because=because,
        heard=heard,
    )
