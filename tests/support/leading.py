"""Runs on the real engine, led on in memory, and gone on with: do both say the same?"""

from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client

from sojourn.in_memory.course import Course
from sojourn.insight.leading.histories import course_of
from sojourn.insight.leading.leading import Led, lead
from sojourn.insight.leading.snapshot import Snapshot
from sojourn.insight.leading.taking import take
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, ledger, runs

Line = tuple[str, str, str, str, datetime]


async def courses(client: Client, store: Store) -> AsyncIterator[Course]:
    """Yield the open runs; the test server lists none."""
    async with store.reading() as session:
        ids = dict.fromkeys(row.workflow_id for row in await runs.every(session))
    for workflow_id in ids:
        if (course := await course_of(client, workflow_id)) is not None:
            yield course


async def snapshot(client: Client, store: Store, now: datetime, file: Path) -> Path:
    """Take a snapshot by the server's clock."""
    await take(courses(client, store), store, now, file)
    return file


def led(file: Path, project: Project, settings: Settings, led_on: timedelta) -> Led:
    """Lead a snapshot on in this process."""
    return lead(Snapshot.of_file(file), project, settings, led_on=led_on, billing=True)


def predicted(found: Led) -> list[Line]:
    """Return what is predicted of each message."""
    return sorted(
        (one.key, one.channel, one.state, one.reason, _rounded(one.decided)) for one in found.lines
    )


async def happened(store: Store, since: datetime, until: datetime) -> list[Line]:
    """Return what the ledger has of each message that was decided on in a time."""
    async with store.reading() as session:
        rows = await ledger.every(session)
    return sorted(
        (row.message_id, row.channel, row.state.value, row.reason or "", _rounded(row.decided_at))
        for row in rows
        if since <= row.decided_at <= until
    )


def differ(expected: Iterable[Line], found: Iterable[Line]) -> list[Any]:
    """Return what one has and the other has not; moments may differ by a minute."""
    theirs, ours = list(expected), list(found)
    for one in list(theirs):
        same = next((o for o in ours if o[:4] == one[:4] and abs(o[4] - one[4]) <= MINUTE), None)
        if same is not None:
            theirs.remove(one)
            ours.remove(same)
    return [("happened", *one) for one in theirs] + [("predicted", *one) for one in ours]


MINUTE = timedelta(minutes=1)


def _rounded(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)
