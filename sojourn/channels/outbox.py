"""Keeps messages in the store, for ``sojourn outbox``: the default for all four channels."""

from datetime import timedelta

from sojourn.channels.provider import Abilities, Parcel
from sojourn.domain.messages import Channel
from sojourn.settings import Settings


class Outbox:
    """Accepts everything. The archive that every message goes into is the mailbox."""

    name = "outbox"
    channels = frozenset(Channel)
    abilities = Abilities(idempotent_for=timedelta.max)

    def __init__(self, settings: Settings | None = None) -> None:
        pass

    async def send(self, parcel: Parcel) -> str:
        """Accept the message; its text is in the archive already."""
        return f"outbox:{parcel.ledger_key}"

    async def probe(self) -> None:
        """There is nothing that could be wrong."""

    async def close(self) -> None:
        """Nothing to give back."""
