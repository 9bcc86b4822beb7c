"""Calls that depend on the store's contents: they are settled before they are taken."""

from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadEvent
from sojourn.domain.made_ids import made_id
from sojourn.gateway.webhooks.calls import present
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
            if isinstance(call, Depending):
                found += await _settled(session, call)
            else:
                found.append(_read(call))
    return found


def _read(call: Call | Unreadable) -> Call | BadEvent:
    return Unread(call.path, call.reason) if isinstance(call, Unreadable) else call


async def _settled(session: AsyncSession, one: Depending) -> list[Call | BadEvent]:
    """Return the call, one for each part, or its fault; nothing if it does not count."""
    call = one.call
    if one.customer_of:
        event = await events.find(session, one.customer_of)
        if event is None:
            return [Untold(one.of, "nobody told of it here, so its customer is not known")]
        call = {**call, "userId": event.customer_id}
        return await _of_each_part(session, one, call) if one.parts_of else [call]
    customer_id = call["userId"]
    if one.if_itself and await people.resolve(session, customer_id) != customer_id:
        return []
    if one.if_said is not None:
        trait, value = one.if_said
        card = await cards.find(session, customer_id)
        if card is None or card.attributes.get(trait) != value:
            return []
    return [call]


async def _of_each_part(session: AsyncSession, one: Depending, call: Call) -> list[Call | BadEvent]:
    told = await events.with_ids_from(session, call["userId"], f"{one.parts_of}/")
    parts = dict.fromkeys(row.properties.get(one.part) for row in told)
    if not parts:
        return [Untold(one.thing, "nobody told of it here, so its parts are not known")]
    return [
        {
            **call,
            "messageId": made_id(one.parts_of, part or "", call["messageId"]),
            "properties": present({**call["properties"], one.part: part}),
        }
        for part in parts
    ]
