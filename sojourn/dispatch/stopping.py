"""Stopping a run: the store notes it first, so that nothing leaves while the run is being told."""

from collections.abc import Iterable
from datetime import datetime
from uuid import uuid4

from sojourn.domain.errors import BadInput
from sojourn.store import Store, runs, stops
from sojourn.store.tables import EventRow


async def check(store: Store, workflow_ids: Iterable[str]) -> None:
    """Check that runs of these ids were started.

    Raises:
        BadInput: one of them never was.
    """
    async with store.reading() as session:
        for workflow_id in workflow_ids:
            if await runs.newest(session, workflow_id) is None:
                raise _no_run(workflow_id)


async def note(
    store: Store, workflow_id: str, *, because: str, at: datetime, by: str = ""
) -> EventRow:
    """Note that a run is stopped. From now on the gate lets none of its messages pass.

    The run still has to be told: `Sojourn.route` tells it, or the sweep of any worker.

    Args:
        store: open.
        workflow_id: the run's: ``abandoned-cart:c42:cart7``.
        because: why; kept, and shown to the next reader.
        at: the moment, by the journeys' clock.
        by: the operator's name.

    Returns:
        The stop, an event of the run's customer.

    Raises:
        BadInput: the reason is empty, or no run of this id was ever started.
    """
    if not because.strip():
        raise BadInput("say why the run is stopped: the next reader will want to know")
    async with store.transaction() as session:
        run = await runs.newest(session, workflow_id)
        if run is None:
            raise _no_run(workflow_id)
        return await stops.note(
            session,
            run.customer_id,
            workflow_id,
            journey=run.journey,
            asked=str(uuid4()),
            because=because,
            by=by,
            at=at,
        )


def _no_run(workflow_id: str) -> BadInput:
    return BadInput(f'no run "{workflow_id}" was ever started: `sojourn runs` lists them')
