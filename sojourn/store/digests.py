"""Digests of addresses: a "no" and a suppression outlive the address that an erasure takes away.

A digest is of the channel and the address as it is compared, under the database's key
(`store.salts`): it is exchanged with no secret of the installation, and a backup has the key that
its digests need.
"""

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import normalised
from sojourn.domain.messages import Channel
from sojourn.store.salts import hashed, salt_of

PREFIX = "digest:"
"""The beginning of a digest, in a column of addresses."""


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
