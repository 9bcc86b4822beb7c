"""The sweep: routes events that were stored and whose runs were never told.

It goes through all customers that have any, the one with the oldest event first. No event holds it
up: one that Temporal refuses for an hour is set aside.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import DBAPIError
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch.aside import set_oldest_aside
from sojourn.domain.errors import SojournError, StoreUnavailable, TemporalUnavailable
from sojourn.store import Store, events

log = logging.getLogger("sojourn.dispatch")

AT_ONCE = 50
"""Customers that one sweep works on at a time."""
PATIENCE = timedelta(hours=1)
"""The time for which an event that is refused is tried again before it is set aside."""
_OF_THE_EVENT = (
    RPCStatusCode.INVALID_ARGUMENT,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.OUT_OF_RANGE,
)
PROBE_TIME = timedelta(seconds=5)


class Untellable(SojournError):
    """An event that no run can be told of, as the quarantine shows it."""


async def sweep(
    store: Store,
    client: Client,
    wake: Callable[[str], Awaitable[int]],
    *,
    after: timedelta,
    page: int,
) -> int:
    """Route the events that were left unrouted, oldest first.

    Args:
        store: open.
        client: of the namespace, asked whether it is there when a run cannot be told.
        wake: routes the events of a customer, and returns how many it routed.
        after: how old an event must be: younger ones are under way.
        page: how many customers to read from the store at a time.

    Returns:
        The number of events that were routed.

    Raises:
        TemporalUnavailable: Temporal does not answer; the next sweep tries again.
        StoreUnavailable: the database does not answer.
    """
    routed, seen = 0, 0
    before = datetime.now(UTC) - after
    places = asyncio.Semaphore(AT_ONCE)

    async def one(customer_id: str) -> int:
        async with places:
            return await _route(store, client, wake, customer_id)

    while True:
        async with store.reading() as session:
            left = await events.left_unrouted(session, before=before, after=seen, limit=page)
        if not left:
            return routed
        seen = left[-1].oldest
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(each.customer_id)) for each in left]
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None
        routed += sum(task.result() for task in tasks)


async def _route(
    store: Store, client: Client, wake: Callable[[str], Awaitable[int]], customer_id: str
) -> int:
    """Route the events of one customer; a failure of these alone is logged, and ends nothing."""
    try:
        return await wake(customer_id)
    except TemporalUnavailable as error:
        if not await _is_there(client):
            raise
        log.warning("events of %s wait for the next sweep: %s", customer_id, error)
        return 0
    except (StoreUnavailable, DBAPIError, OSError):
        raise
    except Exception as error:  # of this customer alone: on to the next
        log.error("an event of %s cannot be routed: %s", customer_id, error)
        if _is_ours(error):
            return 0
        fault = Untellable(f"no run can be told: {_words(error)}")
        await set_oldest_aside(store, customer_id, fault, before=datetime.now(UTC) - PATIENCE)
        return 0


def _is_ours(error: Exception) -> bool:
    """Tell a refusal of everything (a lost right, a missing set-up) from one of this event."""
    if not isinstance(error, RPCError):
        return False
    return error.status not in _OF_THE_EVENT or "search attribute" in error.message


def _words(error: Exception) -> str:
    if isinstance(error, RPCError):
        return f"Temporal refuses it ({error.status.name.lower()}: {error.message})"
    return f"{type(error).__name__}: {error}"


async def _is_there(client: Client) -> bool:
    """Tell whether Temporal answers, and has the namespace."""
    try:
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=PROBE_TIME
        )
    except RPCError as error:
        # a managed Temporal may keep its namespaces from workers: it is there
        return error.status is RPCStatusCode.PERMISSION_DENIED
    except RuntimeError:  # no connection could be made
        return False
    return True
