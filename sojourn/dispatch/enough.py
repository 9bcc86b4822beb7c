"""Plans that read no more of a customer's later events than they rest on.

A broken SDK sends thousands of purchases under one id. Most starts among them are settled by one of
the first events that follow: it ends the run. Only a start that none of these ends needs the rest.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import knowing
from sojourn.dispatch.entering import Pair
from sojourn.dispatch.knowing import Since, had_of
from sojourn.dispatch.planning import Known, Planned, names_since, next_plan, place_of
from sojourn.journeys.registry import Journeys
from sojourn.store import events
from sojourn.store.tables import EventRow

MORE = 4
"""The number of times by which what is read grows, each time that it was not enough."""


async def plan(
    session: AsyncSession,
    known: Known,
    pairs: Sequence[Pair],
    since: Since | None,
    journeys: Journeys,
    *,
    timezone: str,
    clock: timedelta,
    within: timedelta,
) -> Planned:
    """Plan the next of a customer's waiting events, as `next_plan` does.

    Args:
        session: any session.
        known: of the customer; what follows from later events is left to this function.
        pairs: the waiting events that can be read.
        since: the first of the later events; None: no waiting event starts a run.
        journeys: of the project.
        timezone: the zone of customers whose own is unknown, an IANA name.
        clock: the journeys' clock minus Temporal's.
        within: how far senders' clocks may differ.

    Returns:
        The plan.
    """
    rows: Sequence[EventRow] = since.rows if since else ()
    limit, whole = knowing.PAGE, frozenset[str]()
    while True:
        planned = next_plan(
            replace(
                known,
                since=rows,
                had=await had_of(session, pairs, known.open_runs, rows, journeys),
            ),
            pairs,
            journeys,
            timezone=timezone,
            clock=clock,
            within=within,
        )
        if since is None or not since.is_cut:
            return planned
        missing = names_since((journeys[name] for name in planned.rests_on), journeys) - whole
        if not missing:
            return planned
        customer_id = known.customer.customer_id
        found = await events.oldest_newer(
            session, [customer_id], missing, than=since.place, within=within, each=limit
        )
        page = found.get(customer_id, [])
        if len(page) < limit:
            whole |= missing
        limit *= MORE
        rows = sorted({row.seq: row for row in (*rows, *page)}.values(), key=place_of)
