"""Calls that depend on the store's contents: they are settled before they are taken."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadEvent
from sojourn.gateway.webhooks.source import Call, Depending, Part, Unreadable
from sojourn.store import Store, cards, events, people


class Untold(BadEvent):
    """A call about something that was never reported here: no retry mends that."""


class Unread(BadEvent):
    """A part of a request that cannot be read, although the others can."""


async def settled(store: Store, calls: Sequence[Part]) -> list[Call | BadEvent]:
    """Return the calls that count, in their order.

    Args:
        store: the open store.
        calls: the calls as a source returns them.

    Returns:
        The calls; a fault in place of each that cannot be read, or whose customer is unknown.
    """
    if not any(isinstance(call, Depending) for call in calls):
        return [_read(call) for call in calls if not isinstance(call, Depending)]
    found: list[Call | BadEvent] = []
    async with store.reading() as session:
        for call in calls:
            one = await _settled(session, call) if isinstance(call, Depending) else _read(call)
            if one is not None:
                found.append(one)
    return found


def _read(call: Call | Unreadable) -> Call | BadEvent:
    return Unread(call.path, call.reason) if isinstance(call, Unreadable) else call


async def _settled(session: AsyncSession, one: Depending) -> Call | BadEvent | None:
    """Return the call, its fault, or None if it does not count."""
    call = one.call
    if one.customer_of:
        event = await events.find(session, one.customer_of)
        if event is None:
            return Untold(one.of, "nobody told of it here, so its customer is not known")
        return {**call, "userId": event.customer_id}
    customer_id = call["userId"]
    if one.if_itself and await people.resolve(session, customer_id) != customer_id:
        return None
    if one.if_said is not None:
        trait, value = one.if_said
        card = await cards.find(session, customer_id)
        if card is None or card.attributes.get(trait) != value:
            return None
    return call
