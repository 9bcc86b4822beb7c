"""Copies: an event that ends runs counts for the other ids of the person who did it.

A shopper fills a cart as a guest, logs in, and buys: the order has the account's id, and the
cart's run is the guest's. Nobody has said that the two ids are one person, and joining them for
good is another matter: a household shares a browser and a mailbox. So the event is stored once
more for each of them whose run it ends, as the shops' own webhooks do, and acknowledged after.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.events import Event
from sojourn.domain.events.base import value_of
from sojourn.domain.keys import Reach
from sojourn.domain.made_ids import made_id
from sojourn.journeys.registry import Journeys
from sojourn.store import events, kin
from sojourn.store.tables import CustomerRow, EventRow


def may_end(event: Event, journeys: Journeys) -> Sequence[Reach]:
    """Return the reaches of the journeys whose runs an event ends.

    One that also starts runs, such as a renewal, is not copied: the copy would start runs. The gate
    finds it.
    """
    return journeys.reaches_ended_by(event.event_name)


def may_have_others(holder: CustomerRow, event: Event, also: Collection[str]) -> bool:
    """Tell whether the person who did an event may have other ids: their call or an address does.

    Args:
        holder: the row of the id that holds everything of the event's customer.
        event: typed.
        also: the ids that the call has beside the customer's own.

    Returns:
        False: nothing can lead to another id.
    """
    return bool(also or _email(event) or holder.email or holder.phone or holder.phone2)


async def copies(
    session: AsyncSession,
    row: EventRow,
    event: Event,
    holder: CustomerRow,
    reaches: Sequence[Reach],
    *,
    also: Collection[str],
) -> list[EventRow]:
    """Return copies of an event for the other ids of the person whose runs it may end.

    An id that the call itself has is the person's. One that shares an address is most likely
    the person's: there the event ends the runs of what it names, or may name, and no other runs.

    Args:
        session: any session.
        row: the event.
        event: the same, typed.
        holder: the row of the id that holds everything of its customer.
        reaches: of the journeys whose runs it ends (`may_end`).
        also: the ids that the call has beside the customer's own.

    Returns:
        The copies, not stored yet.
    """
    own = holder.customer_id
    told = await kin.known(session, also)
    sharing = await kin.of(session, own, holder, email=_email(event))
    found: list[EventRow] = []
    for other in dict.fromkeys([*told, *sharing]):
        asked = reaches if other in told else [reach for reach in reaches if reach.field]
        if other != own and [r for r in asked if await _ends(session, event, r, own, other)]:
            found.append(copy(row, event, other))
    return found


def _email(event: Event) -> str:
    return value_of(event, "email") or ""


async def _ends(session: AsyncSession, event: Event, reach: Reach, own: str, other: str) -> bool:
    """Tell whether an event of one id ends runs of another one."""
    if event.event_name in reach.whole and value_of(event, "products"):
        return False
    had = await events.keys_had(session, [other], reach)
    if not had:
        return False  # nothing that could have started a run
    key = reach.thing(reach.said(event.event_name, vars(event).get))
    if not key or key in had or event.event_name in reach.any_key:
        return True
    # if the person had this key under the first id, the event is about that
    return key not in await events.keys_had(session, [own], reach)


def copy(row: EventRow, event: Event, customer_id: str) -> EventRow:
    """Return a copy of an event for another id, without the first one's personal fields.

    Args:
        row: the event.
        event: the same, typed.
        customer_id: the other id.

    Returns:
        The copy, not stored yet.
    """
    return EventRow(
        # by the id that was sent: the row may get another while it is stored
        message_id=made_id(event.message_id, "as", customer_id),
        copy_of=event.message_id,
        customer_id=customer_id,
        name=row.name,
        occurred_at=row.occurred_at,
        received_at=datetime.now(UTC),
        properties=event.public(),
    )
