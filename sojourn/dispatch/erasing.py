"""Erasing a person to the end: the store first, then Temporal's histories, then the files.

An unfinished erasure is listed, and the sweep of any worker goes on with it.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy.exc import DBAPIError
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch.telling import has_no_namespace
from sojourn.domain.errors import StoreUnavailable, TemporalUnavailable
from sojourn.store import Store
from sojourn.store.faults import may_pass
from sojourn.store.rights import erasing, erasures
from sojourn.store.rights.erasing import Todo
from sojourn.store.rights.scrubbing import scrub
from sojourn.store.tables import ErasureRow

log = logging.getLogger("sojourn.dispatch")

TRIES = 5
"""Deadlocks, lost to other work on the same customer, after which a request to erase fails."""
POLL = timedelta(seconds=0.5)
PATIENCE = timedelta(seconds=30)
"""The time that a command waits: Temporal deletes a history some time after it was asked."""

Run = tuple[str, str]
"""A workflow id and a run id."""


async def ask(store: Store, customer_id: str, *, why: str, by: str) -> tuple[ErasureRow, bool]:
    """Erase a person in the store. Once this returns, nothing is sent, and nothing comes back.

    Args:
        store: open.
        customer_id: any id of the person.
        why: the reason, without a word of the person's.
        by: who asks for it.

    Returns:
        The erasure, which `finish` brings to its end; and False if it was asked before.

    Raises:
        StoreUnavailable: other work on the same customer was always quicker.
    """
    for _ in range(TRIES):
        try:
            async with store.transaction() as session:
                return await erasing.begin(session, customer_id, why=why, by=by)
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != "40P01":  # a deadlock
                raise
    raise StoreUnavailable("other work holds the customer: try again")


async def finish(store: Store, client: Client, number: int, home: Path) -> bool:
    """Go on with an erasure: once Temporal has no history, and no hand-over is under way, end it.

    Args:
        store: open.
        client: of the namespace.
        number: of the erasure.
        home: the home folder, which may hold messages that somebody looked at.

    Returns:
        True if it is finished; False if it needs more time.

    Raises:
        TemporalUnavailable: it does not answer, or refuses. The row says so.
    """
    async with store.reading() as session:
        row = await session.get(ErasureRow, number)
    if row is None or row.todo is None:
        return True
    todo = Todo.read(row.todo)
    try:
        left = {run async for run in _histories(client, todo)}
        for run in sorted(left):
            await _delete(client, run)
    except (RPCError, RuntimeError) as error:
        fault = f"Temporal: {error.message if isinstance(error, RPCError) else 'does not answer'}"
        await _note(store, number, fault)
        raise TemporalUnavailable(
            f"erasure {number} goes on once Temporal deletes the histories ({fault})"
        ) from None
    if left:
        await _note(store, number, "Temporal is deleting the histories")
        return False
    for letter in todo.letters:
        (home / "outbox" / f"{letter}.html").unlink(missing_ok=True)
    async with store.transaction() as session:
        done = await erasing.finish(session, number, histories=len(todo.runs))
    if not done:
        await _note(store, number, "a message is being handed over: its end may still be told")
    return done


async def finish_soon(
    store: Store, client: Client, number: int, home: Path, *, rewrite: bool = False
) -> bool:
    """Wait a while until an erasure is finished, and take it out of the database's files.

    Args:
        store: open.
        client: of the namespace.
        number: of the erasure.
        home: the home folder.
        rewrite: as for `store.rights.scrubbing.scrub`.

    Returns:
        False if the sweep of a worker is to finish it.

    Raises:
        TemporalUnavailable: it does not answer, or refuses.
        StoreUnavailable: the database is in use, as the row says from now on; the sweep takes what
            was erased out of its files.
    """
    for _ in range(PATIENCE // POLL):
        if await finish(store, client, number, home):
            await _free_files(store, rewrite=rewrite)
            return True
        async with store.reading() as session:
            row = await session.get(ErasureRow, number)
        if row is not None and row.todo and Todo.read(row.todo).not_before is not None:
            return False
        await asyncio.sleep(POLL.total_seconds())
    return False


async def sweep(store: Store, client: Client, home: Path) -> int:
    """Go on with every erasure that is not finished, in the store, in Temporal or in the files.

    Args:
        store: open.
        client: of the namespace.
        home: the home folder.

    Returns:
        The number that were finished.

    Raises:
        TemporalUnavailable: it does not answer, or refuses.
    """
    async with store.reading() as session:
        numbers = [row.id or 0 for row in await erasures.unfinished(session)]
    done = 0
    for number in numbers:
        done += await finish(store, client, number, home)
    if await _files_are_due(store):
        try:
            await _free_files(store)
        except StoreUnavailable as error:
            log.warning("what was erased is still in the database's files: %s", error)
    return done


async def _files_are_due(store: Store) -> bool:
    """Tell whether an erasure lacks only the database's files, and it is time to try them."""
    async with store.reading() as session:
        left = await erasures.unscrubbed(session)
    now = datetime.now(UTC)
    return any(row.scrub_after is None or row.scrub_after <= now for row in left)


async def _free_files(store: Store, *, rewrite: bool = False) -> None:
    """Take what was erased out of the database's files, and note that, or what hindered it.

    Raises:
        StoreUnavailable: the database is in use.
    """
    began = datetime.now(UTC)
    try:
        try:
            await scrub(store, rewrite=rewrite)
        except (DBAPIError, sqlite3.Error) as error:
            if isinstance(error, DBAPIError) and not may_pass(error):
                raise
            raise StoreUnavailable("the database is in use") from None
    except StoreUnavailable as error:
        async with store.transaction() as session:
            await erasures.note_unscrubbed(session, str(error))
        raise
    async with store.transaction() as session:
        await erasures.note_scrubbed(session, began)


async def _histories(client: Client, todo: Todo) -> AsyncIterator[Run]:
    """Find every history of a person that Temporal has, open or closed."""
    asked = [f"CustomerId = {_quoted(one)}" for one in todo.person.ids]
    asked += [f"WorkflowId = {_quoted(one)}" for one in sorted({run for run, _ in todo.runs})]
    for query in asked:
        async for found in client.list_workflows(query):
            yield found.id, found.run_id
    for workflow_id, run_id in todo.runs:  # the list may lag behind
        try:
            await client.get_workflow_handle(workflow_id, run_id=run_id).describe()
        except RPCError as error:
            if _is_gone(error):
                continue
            raise
        yield workflow_id, run_id


async def _delete(client: Client, run: Run) -> None:
    """Ask Temporal to delete a history; that terminates an open run."""
    workflow_id, run_id = run
    try:
        await client.workflow_service.delete_workflow_execution(
            DeleteWorkflowExecutionRequest(
                namespace=client.namespace,
                workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
            )
        )
    except RPCError as error:
        if not _is_gone(error):
            raise


def _is_gone(error: RPCError) -> bool:
    return error.status is RPCStatusCode.NOT_FOUND and not has_no_namespace(error)


async def _note(store: Store, number: int, fault: str) -> None:
    async with store.transaction() as session:
        row = await erasures.held(session, number)
        if row is not None and row.finished_at is None:
            row.tries, row.fault = row.tries + 1, fault
            session.add(row)


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
