"""Start a journey for one customer, a file or an audience; safe to repeat."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

from pydantic import BaseModel
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from sojourn.cli.entry import CUSTOMER, Entry
from sojourn.cli.fields import fields_of
from sojourn.cli.pace import Pace, feed
from sojourn.cli.records import BadLine, read_records
from sojourn.dispatch import Sojourn
from sojourn.domain.audience import Audience
from sojourn.domain.errors import BadInput, UnknownName
from sojourn.domain.events import Event
from sojourn.insight import audiences
from sojourn.insight.runs import ANSWER_TIMEOUT, asking_temporal
from sojourn.store import cards, events, lists, runs
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.all import holders

PAGE = 1000
FILE_IDS = uuid5(NAMESPACE_URL, "sojourn:start")


class Standing(StrEnum):
    """The result of a start."""

    STARTED = "started"
    """The run was started; in a dry run, it would be."""
    RUNNING = "running"
    """The run is open already, and was left alone."""
    BEFORE = "before"
    """An event with this message id was published before: nothing new happens."""
    OVER = "over"
    """The event is stored, but the goal was reached after its moment, so no run was started."""


class Started(BaseModel):
    """The result of starting one customer."""

    journey: str
    event: str
    customer_id: str
    message_id: str
    workflow_id: str
    standing: Standing


class FileStarted(BaseModel):
    """The result of starting a file of customers; for a dry run, the expected result.

    Args:
        journey: the name of the journey.
        event: the wire name of the event that starts it.
        dry_run: nothing was published.
        read: lines that are not empty, without the header.
        started: started runs.
        running: lines whose run is open already, and was left alone.
        before: lines that an earlier use of the same file, or an equal line, started.
        over: lines whose goal was already reached after their moment.
        unused: fields that the event does not have.
        rejected: bad lines; nothing of them was published.
    """

    journey: str
    event: str
    dry_run: bool
    read: int = 0
    started: int = 0
    running: int = 0
    before: int = 0
    over: int = 0
    unused: list[str] = []
    rejected: list[BadLine] = []

    def count(self, standing: Standing) -> None:
        """Count one line."""
        setattr(self, standing.value, getattr(self, standing.value) + 1)


async def start_one(
    sojourn: Sojourn, entry: Entry, event: Event, *, anyway: bool, dry_run: bool
) -> Started:
    """Start one customer.

    Args:
        sojourn: the connection.
        entry: the entry to the journey.
        event: the event that starts it.
        anyway: also start a customer without an identify call.
        dry_run: publish nothing.

    Returns:
        The result.

    Raises:
        UnknownName: no identify call named the customer.
        BadInput: the customer is erased.
        TemporalUnavailable: the run could not be started yet.
    """
    standing = await _standing(sojourn, entry, event, anyway=anyway)
    if standing is Standing.STARTED and not dry_run:
        standing = await _publish(sojourn, entry, event)
    return Started(
        journey=entry.name,
        event=entry.event.event_name,
        customer_id=event.customer_id,
        message_id=event.message_id,
        workflow_id=entry.run_of(event),
        standing=standing,
    )


@dataclass(frozen=True)
class _Line:
    """A line of a file, with its event, its fault, or None if an earlier line is equal."""

    number: int
    event: Event | BadLine | None


class Starting:
    """Many starts of a journey by one command, at an even pace and safe to repeat.

    Args:
        sojourn: the connection.
        entry: the entry to the journey.
        report: counts each line at once, so that an interrupted command can say how far it got.
        at: the moment of the events.
        rate: starts per second.
        anyway: also start customers without an identify call.
        on_line: called after each customer.
    """

    def __init__(
        self,
        sojourn: Sojourn,
        entry: Entry,
        report: FileStarted,
        *,
        at: datetime,
        rate: float,
        anyway: bool,
        on_line: Callable[[], None],
    ) -> None:
        self._sojourn = sojourn
        self._entry = entry
        self._report = report
        self._at = at
        self._pace = Pace(rate)
        self._anyway = anyway
        self._on_line = on_line

    async def file(self, path: Path) -> None:
        """Start every customer in a file.

        Args:
            path: a file of CSV with a header, or of JSON lines; plain or gzipped.

        Raises:
            BadInput: the file cannot be read, or lacks a column.
            TemporalUnavailable: Temporal does not answer; the file can be run again.
        """
        unused: dict[str, None] = {}
        await self._start(_lines(self._entry, path, self._at, unused))
        self._report.unused = list(unused)
        self._report.rejected.sort(key=lambda bad: bad.line)

    async def listed(self, frozen: str, fields: Mapping[str, Any]) -> None:
        """Start everybody on a list.

        Args:
            frozen: the name of the list that `freeze` created.
            fields: the fields of each starting event.

        Raises:
            TemporalUnavailable: Temporal does not answer; the command can be run again.
        """
        after = 0
        while True:
            async with self._sojourn.store.reading() as session:
                rows = await lists.page(session, frozen, after=after, limit=PAGE)
            if not rows:
                return
            await self._start(
                _Line(
                    row.id or 0,
                    _event(self._entry, fields, row.customer_id, self._at).model_copy(
                        update={"message_id": str(uuid5(FILE_IDS, f"{frozen}/{row.id}"))}
                    ),
                )
                for row in rows
            )
            after = rows[-1].id or 0

    async def _start(self, lines: Iterable[_Line]) -> None:
        def lane(line: _Line) -> str:
            return line.event.customer_id if isinstance(line.event, Event) else ""

        await feed(iter(lines), self._line, lane=lane)

    async def _line(self, line: _Line) -> None:
        self._report.read += 1
        if isinstance(line.event, BadLine):
            self._report.rejected.append(line.event)
        elif line.event is None:
            self._report.count(Standing.BEFORE)
        else:
            try:
                standing = await _standing(
                    self._sojourn, self._entry, line.event, anyway=self._anyway
                )
            except BadInput as error:
                self._report.rejected.append(BadLine(line=line.number, reason=str(error)))
            else:
                if standing is Standing.STARTED and not self._report.dry_run:
                    await self._pace.turn()
                    standing = await _publish(self._sojourn, self._entry, line.event)
                self._report.count(standing)
        self._on_line()


async def freeze(
    sojourn: Sojourn, entry: Entry, audience: Audience, label: str, now: datetime
) -> tuple[str, int]:
    """List the customers in an audience, for one enrolment in a journey; only once.

    Args:
        sojourn: the connection.
        entry: the entry to the journey.
        audience: the audience to enrol.
        label: the label of the enrolment; the same label means the same customers.
        now: the moment at which the audience is evaluated.

    Returns:
        The name of the list, and the number of customers on it.
    """
    name = f"start/{entry.name}/{audience.name}/{label}"
    async with sojourn.store.transaction() as session:
        await lists.lock(session, name)
        number = await lists.size(session, name)
        if not number:
            asked = holders(
                audience.who,
                now,
                postgresql=is_postgresql(session),
                own=sojourn.project.topics.own,
            )
            await lists.freeze(session, name, asked, at=now, source="sojourn start")
            number = await lists.size(session, name)
    return name, number


async def foreseen(sojourn: Sojourn, audience: Audience, now: datetime) -> int:
    """Count an audience, for a dry run.

    Args:
        sojourn: the connection.
        audience: the audience.
        now: the moment at which the audience is evaluated.

    Returns:
        The number of customers in it.
    """
    async with sojourn.store.reading() as session:
        return await audiences.count(session, sojourn.project, audience, now)


def _lines(entry: Entry, path: Path, at: datetime, unused: dict[str, None]) -> Iterator[_Line]:
    """Read the events of a file, or the faults of its lines; equal lines count once."""
    known = fields_of(entry.event)
    first: dict[str, tuple[int, str]] = {}
    for number, record in read_records(path, needed=(CUSTOMER, *entry.needed)):
        if isinstance(record, BadLine):
            yield _Line(number, record)
            continue
        given = {name: value for name, value in record.items() if name in known}
        unused.update(dict.fromkeys(name for name in record if name not in {*known, CUSTOMER}))
        try:
            event = _event(entry, given, record.get(CUSTOMER), at)
        except BadInput as error:
            yield _Line(number, BadLine(line=number, reason=str(error)))
            continue
        run = entry.run_of(event)
        earlier, message_id = first.setdefault(run, (number, event.message_id))
        if earlier == number:
            yield _Line(number, event)
        elif message_id == event.message_id:
            yield _Line(number, None)
        else:
            reason = f"line {earlier} starts {run} already, with other fields"
            yield _Line(number, BadLine(line=number, reason=reason))


def _event(entry: Entry, given: Mapping[str, Any], customer_id: Any, at: datetime) -> Event:
    """Create the event of a line. Its message id depends only on the content of the line."""
    if customer_id in (None, ""):
        raise BadInput(f"{CUSTOMER} is missing")
    event = entry.read(given, customer_id, message_id=str(uuid4()), at=at)
    # as validated, so that 2 and "2" are the same; only the given fields, so that a field that is
    # later added to the event class does not make every line a new event
    said = event.model_dump(mode="json", include={CUSTOMER, *given})
    content = json.dumps([entry.name, said], sort_keys=True, ensure_ascii=True)
    return event.model_copy(update={"message_id": str(uuid5(FILE_IDS, content))})


async def _standing(sojourn: Sojourn, entry: Entry, event: Event, *, anyway: bool) -> Standing:
    """Foresee the result of starting the customer."""
    async with sojourn.store.reading() as session:
        customer = await cards.find(session, event.customer_id)
        stored = await events.find(session, event.message_id)
        customer_id = customer.customer_id if customer else event.customer_id
        noted = await runs.maybe_open(session, customer_id)
    if customer is not None and customer.erased:
        raise BadInput(f"customer {event.customer_id} is erased")
    if not anyway and (customer is None or not customer.known):
        raise UnknownName(
            "customer",
            event.customer_id,
            hint="nobody identified them, so no message could be sent; --anyway starts the run",
        )
    if stored is not None and (stored.name, stored.customer_id) == (
        event.event_name,
        customer_id,
    ):
        # publishing it again finishes routing that a crash interrupted
        return Standing.STARTED if stored.routed_at is None else Standing.BEFORE
    for run in dict.fromkeys(entry.runs_of(event, noted)):  # under any id that the customer has had
        if await _is_running(sojourn, run):
            return Standing.RUNNING
    return Standing.STARTED


async def _is_running(sojourn: Sojourn, run: str) -> bool:
    with asking_temporal():
        try:
            found = await sojourn.client.get_workflow_handle(run).describe(
                rpc_timeout=ANSWER_TIMEOUT
            )
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False  # it is closed, and Temporal no longer keeps it
            raise
    return found.status is WorkflowExecutionStatus.RUNNING


async def _publish(sojourn: Sojourn, entry: Entry, event: Event) -> Standing:
    published = await sojourn.publish(event)
    # its id may contain another id of the customer
    reached = any(run.startswith(f"{entry.name}:") for run in published.runs)
    return Standing.STARTED if reached else Standing.OVER
