"""Twins: runs about one thing, under two ids that appear in one call. One of them goes on.

A shopper fills a cart as a guest, logs in, and adds one more product to it: the call has both ids.
The event starts a run for the account, and the guest's run about the same cart would write beside
it. Nobody has said that the two ids are one person for good, so they are not joined; but this cart
is one cart, and its reminders are one ladder. It goes on under the id that the event has, unless
only the other id has an address to write to.
"""

from collections.abc import Collection, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch import routing
from sojourn.domain.events import Event
from sojourn.domain.keys import plain
from sojourn.journeys.registry import Journeys
from sojourn.store import cards, stops
from sojourn.store.tables import EventRow, RunRow


async def of(
    session: AsyncSession, row: EventRow, event: Event, journeys: Journeys, also: Collection[str]
) -> list[RunRow]:
    """Return the runs of a call's other ids about the thing that the event starts a run of.

    Args:
        session: any session.
        row: the event.
        event: the same, typed.
        journeys: of the project; one that is switched off starts no run.
        also: the ids that the call has beside the customer's own.

    Returns:
        Runs that may be open, write, and began before the event. An id that was joined has none.
    """
    keys = {
        name: plain(routing.key_of(journey, event))
        for name, journey in journeys.heard_by(event.event_name).items()
        if journey.terms.key and name not in journeys.off and routing.starts(journey, event)
    }
    if not keys or not also:
        return []
    query = select(RunRow).where(
        col(RunRow.customer_id).in_(also),
        col(RunRow.customer_id) != row.customer_id,
        col(RunRow.journey).in_(keys),
        col(RunRow.closed_at).is_(None),
        col(RunRow.started_at) <= row.occurred_at,
        ~col(RunRow.shadow),  # nobody gets two ladders by it
    )
    found = await session.exec(query.order_by(col(RunRow.id)))
    return [run for run in found if plain(run.key) == keys[run.journey]]


async def end(
    session: AsyncSession, row: EventRow, event: Event, twins: Sequence[RunRow]
) -> tuple[list[str], list[str]]:
    """End the runs of other ids, except where only the other id has an address.

    Args:
        session: a writing transaction that holds no customer.
        row: the event.
        event: the same, typed.
        twins: as `of` returns them.

    Returns:
        The customers whose runs have ended, and those whose runs go on, and are to hear the event:
        only they have an address.
    """
    own = await cards.find(session, row.customer_id)
    ended: dict[str, None] = {}
    going_on: dict[str, None] = {}
    for run in sorted(twins, key=lambda run: run.customer_id):  # in the order of locks
        other = await cards.find(session, run.customer_id)
        if other and other.reachable and not (own and own.reachable):
            going_on[run.customer_id] = None
            continue
        await stops.note(
            session,
            run.customer_id,
            run.workflow_id,
            journey=run.journey,
            asked=f"{event.message_id} {run.workflow_id}",
            because=f"{row.name} came with two ids: the run goes on as {row.customer_id}'s",
            at=row.occurred_at,
        )
        ended[run.customer_id] = None
    return list(ended), list(going_on)
