"""The mailbox of ``sojourn outbox``, in the store: the default provider of all four channels."""

from collections.abc import Sequence
from datetime import timedelta

from sojourn.channels.provider import Abilities, Parcel
from sojourn.domain.errors import ProviderError
from sojourn.domain.messages import Channel
from sojourn.settings import Settings


class Outbox:
    """A provider that accepts everything: the ledger keeps the content of every message."""

    name = "outbox"
    channels = frozenset(Channel)
    abilities = Abilities(idempotent_for=timedelta.max, fenced=True, batch_keyed=True)
    batch_of = 10_000

    def __init__(self, settings: Settings | None = None) -> None:
        pass

    async def send(self, parcel: Parcel) -> str:
        """Accept the message, whose content the ledger already has."""
        return f"outbox:{parcel.ledger_key}"

    def may_share(self, parcel: Parcel) -> bool:
        """Return True."""
        return True

    async def send_many(self, parcels: Sequence[Parcel]) -> list[str | ProviderError]:
        """Accept the messages, whose content the ledger already has."""
        return [await self.send(parcel) for parcel in parcels]

    async def probe(self) -> None:
        """Do nothing: there are no credentials."""

    async def close(self) -> None:
        """Do nothing: there are no connections."""
