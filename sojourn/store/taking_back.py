"""START takes a stop back: as far as the stop went, and no further.

It lifts the refusal that came from the address by this channel. Customers with the address who had
agreed before they said stop agree again; for those who never had, START is no consent. A customer's
other number keeps its own stop.
"""

from datetime import datetime

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import spellings
from sojourn.domain.messages import Channel
from sojourn.store import consents, kin, people, refusals
from sojourn.store.card_addresses import addresses_of
from sojourn.store.tables import ConsentRow, CustomerRow


async def hold_holders(
    session: AsyncSession, channel: Channel, address: str, *, besides: str = ""
) -> list[CustomerRow]:
    """Hold everybody who has a phone number, in a fixed order, to avoid deadlocks.

    Args:
        session: a writing transaction that holds no customer, or all of these.
        channel: the channel that writes to the number.
        address: the number.
        besides: a further customer to hold.

    Returns:
        Those who have the number, each once.
    """
    query = select(CustomerRow.customer_id).where(kin.has_number(spellings(channel, address)))
    having = (await session.exec(query)).all()
    rows = await people.lock_all(session, [*having, *([besides] if besides else [])])
    return list({rows[one].customer_id: rows[one] for one in having}.values())


async def take_back(
    session: AsyncSession,
    channel: Channel,
    address: str,
    *,
    provider: str,
    source: str,
    received_at: datetime,
) -> bool:
    """Take back the stop of an address.

    Args:
        session: a writing transaction that holds no customer, or all with the address.
        channel: the channel by which the START came.
        address: the address that it came from.
        provider: the provider that brought the stop and the START.
        source: the report that brings the START.
        received_at: when it arrived, by the machine's clock.

    Returns:
        False if the address had not said stop by this channel, or said so later; or if another
        number of everybody who has it still says stop.
    """
    holders = await hold_holders(session, channel, address)
    said = [row for row in await refusals.against(session, [(channel, address)]) if not row.topic]
    if not said or said[-1].at > received_at:
        return False
    await refusals.lift(session, channel, address, "")
    free = [one for one in holders if not await _refuses_elsewhere(session, one, channel)]
    for person in free:
        words = [
            row
            for row in await consents.statements(session, person.customer_id)
            if (row.channel, row.topic, row.purpose) == (channel.value, "", None)
        ]
        if _had_agreed(words, provider):
            await consents.record(session, person, channel, granted=True, source=source)
    return bool(free) or not holders


async def _refuses_elsewhere(session: AsyncSession, person: CustomerRow, channel: Channel) -> bool:
    """Tell whether another number of the customer has said stop, which holds for both."""
    pairs = [(channel, one) for one in addresses_of(person, channel)]
    return any(not row.topic for row in await refusals.against(session, pairs))


def _had_agreed(words: list[ConsentRow], provider: str) -> bool:
    """Tell whether the last words are stops by this provider that follow a consent."""
    refused = False
    for row in reversed(words):
        if row.granted:
            return refused
        if not row.source.startswith(f"{provider}:"):
            return False  # another "no", which START does not take back
        refused = True
    return False
