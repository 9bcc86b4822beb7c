"""What every provider is to the send activity."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from domain.content import Content
from domain.messages import Channel


@dataclass(frozen=True)
class Parcel:
    """A rendered message on its way to one address.

    Args:
        ledger_key: our own id, the same in every attempt; a provider that takes an idempotency
            key or metadata gets it.
        address: of the channel's kind: e-mail address, E.164 number, push token.
        content: what to say.
    """

    ledger_key: str
    address: str
    content: Content


class Provider(Protocol):
    """Carries messages of one or more channels.

    Attributes:
        name: stands in the ledger.
        idempotent: handing over the same parcel twice delivers it once.
    """

    name: str
    idempotent: bool

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over; give back the provider's id for it.

        Raises:
            TransientError: not sent; worth another try.
            AmbiguousSend: perhaps sent.
            PermanentError: refused for good.
            AccountError: our account's fault.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


Providers = Mapping[Channel, Provider]
