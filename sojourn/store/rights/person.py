"""`Person`: every id and every address by which rows of one person are found."""

from dataclasses import dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import spellings
from sojourn.domain.messages import Channel
from sojourn.store import people
from sojourn.store.tables import (
    AddressRow,
    ContentRow,
    CustomerRow,
    DeviceRow,
    HandoverRow,
    LedgerRow,
)

CHANNELS_OF = {
    "email": (Channel.EMAIL,),
    "phone": (Channel.SMS, Channel.WHATSAPP),
    "phone2": (Channel.SMS, Channel.WHATSAPP),
    "push_token": (Channel.PUSH,),
}
"""The channels of each kind of address."""


@dataclass(frozen=True)
class Person:
    """The ids and addresses by which a person's rows are found.

    Args:
        ids: every id; the one that holds everything comes first.
        addresses: every address that the person ever had or was written to, by channel, in each
            spelling that a row may have.
    """

    ids: tuple[str, ...]
    addresses: frozenset[tuple[Channel, str]] = frozenset()

    @property
    def values(self) -> frozenset[str]:
        """The addresses, whatever the channel."""
        return frozenset(address for _, address in self.addresses)


async def person_of(session: AsyncSession, customer_id: str) -> Person:
    """Find a person by any of their ids.

    Args:
        session: any session.
        customer_id: any id of the person, even one that nobody ever named.

    Returns:
        The person.
    """
    ids = await people.ids(session, customer_id)
    found: set[tuple[Channel, str]] = set()
    for row in await session.exec(select(CustomerRow).where(col(CustomerRow.customer_id).in_(ids))):
        for kind, channels in CHANNELS_OF.items():
            found |= {(channel, getattr(row, kind)) for channel in channels}
    said = select(AddressRow.kind, AddressRow.value).where(col(AddressRow.customer_id).in_(ids))
    for kind, value in await session.exec(said.distinct()):
        found |= {(channel, value) for channel in CHANNELS_OF.get(kind, ())}
    tokens = select(DeviceRow.token).where(col(DeviceRow.customer_id).in_(ids))
    found |= {(Channel.PUSH, token) for token in await session.exec(tokens)}
    told = (
        select(HandoverRow.address)
        .join(LedgerRow, col(HandoverRow.ledger_id) == LedgerRow.id)
        .where(col(LedgerRow.customer_id).in_(ids))
        .distinct()
    )
    found |= {(Channel.PUSH, token) for token in await session.exec(told)}
    sent = (
        select(LedgerRow.channel, ContentRow.address)
        .join(ContentRow, col(ContentRow.ledger_id) == LedgerRow.id)
        .where(col(LedgerRow.customer_id).in_(ids))
        .distinct()
    )
    found |= {(Channel(channel), address) for channel, address in await session.exec(sent)}
    return Person(
        ids=tuple(ids),
        addresses=frozenset(
            (channel, same)
            for channel, address in found
            if address
            for same in (address, *spellings(channel, address))
        ),
    )
