"""Digests of addresses: a "no" and a suppression outlive the address that an erasure takes away.

A digest is of the channel and the address as it is compared, under the database's key
(`store.salts`): it does not change with the installation's secrets, and a backup has the key that
its digests need.
"""

from collections.abc import Iterable
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import normalised
from sojourn.domain.messages import Channel
from sojourn.store.dialects import insert
from sojourn.store.salts import hashed, salt_of
from sojourn.store.tables import ErasedAddressRow

PREFIX = "digest:"
"""The beginning of a digest, in a column of addresses."""
_AT_ONCE = 500


async def digest(session: AsyncSession, channel: Channel, address: str) -> str:
    """Return the digest of an address.

    Args:
        session: any session.
        channel: tells the kind of the address.
        address: in any spelling.

    Returns:
        What stands in the place of the address.
    """
    salt = await salt_of(session)
    return PREFIX + hashed(salt, f"address {channel.value}", normalised(channel, address))


def is_digest(address: str) -> bool:
    """Tell whether a column of addresses holds a digest: the address is of somebody erased."""
    return address.startswith(PREFIX)


async def remember_erased(
    session: AsyncSession, addresses: Iterable[tuple[Channel, str]], at: datetime
) -> None:
    """Remember addresses of somebody erased: what comes from them later is kept hashed.

    Args:
        session: a writing transaction.
        addresses: in any spelling.
        at: the moment of the erasure.
    """
    for channel, address in addresses:
        if normalised(channel, address):
            row = ErasedAddressRow(digest=await digest(session, channel, address), at=at)
            await session.exec(
                insert(session, ErasedAddressRow).values(row.model_dump()).on_conflict_do_nothing()
            )


async def erased_among(
    session: AsyncSession, addresses: Iterable[tuple[Channel, str]]
) -> set[tuple[Channel, str]]:
    """Return those of the addresses that belonged to somebody who was erased.

    Args:
        session: any session.
        addresses: in any spelling.
    """
    asked = {
        await digest(session, channel, address): (channel, address)
        for channel, address in addresses
        if normalised(channel, address)
    }
    found: set[tuple[Channel, str]] = set()
    digests = list(asked)
    for begin in range(0, len(digests), _AT_ONCE):
        page = digests[begin : begin + _AT_ONCE]
        query = select(ErasedAddressRow.digest).where(col(ErasedAddressRow.digest).in_(page))
        found |= {asked[one] for one in (await session.exec(query)).all()}
    return found
