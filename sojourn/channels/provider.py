"""What every provider is to the send activity and to the gateway.

To add one, write one file here with a class that has this Protocol's members and a `Config`
(`channels.config`); its presence registers it. CONTRIBUTING walks through it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sojourn.domain.content import Content
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import Report, reference


@dataclass(frozen=True)
class Abilities:
    """What a provider can do, as its documentation says.

    Args:
        idempotent_for: handing over the same parcel again within this long delivers it once.
        looks_up_after: `Provider.find` knows of a message this long after it was taken at the
            latest; None: the provider cannot be asked.
        reports: it sends webhooks that name our reference or its id of a message.
        largest_body: bytes of a request that it takes.
        sandbox: how to try it without sending; empty: there is no way.
    """

    idempotent_for: timedelta = timedelta(0)
    looks_up_after: timedelta | None = None
    reports: bool = False
    largest_body: int = 10_000_000
    sandbox: str = ""


@dataclass(frozen=True)
class Parcel:
    """A rendered message on its way to one address.

    Args:
        ledger_key: our own id, the same in every attempt.
        address: of the channel's kind: e-mail address, E.164 number, device token or Web Push
            subscription as JSON.
        content: what to say, and by which channel.
        message_class: some providers keep promotional and transactional mail apart.
    """

    ledger_key: str
    address: str
    content: Content
    message_class: MessageClass = MessageClass.TRANSACTIONAL

    @property
    def reference(self) -> str:
        """The ledger key as providers get it: metadata, client reference, idempotency key."""
        return reference(self.ledger_key)


@dataclass(frozen=True)
class Hook:
    """A request of a provider to our webhook, as it came.

    Args:
        method: GET, HEAD or POST.
        url: as the provider called it, with the query: some sign it.
        headers: names in lower case.
        body: raw: signatures are made over it.
        received_at: by our clock.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True)
class Reading:
    """What a hook says.

    Args:
        reports: what happened to which messages; empty: nothing that concerns us.
        answer: the text to answer with; most providers want none.
        media_type: of the answer.
    """

    reports: tuple[Report, ...] = ()
    answer: str = ""
    media_type: str = "text/plain"


class Provider(Protocol):
    """Carries messages of one or more channels. The properties are constants of its class."""

    @property
    def name(self) -> str:
        """As settings and the ledger call it: that of its file."""
        ...

    @property
    def channels(self) -> frozenset[Channel]:
        """Which it can carry."""
        ...

    @property
    def abilities(self) -> Abilities:
        """What it can do."""
        ...

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over; give back the provider's id for it.

        Raises:
            TransientError: certainly not sent; worth another try.
            AmbiguousSend: perhaps sent.
            PermanentError: refused for good; one of its kinds.
            AccountError: our account's fault.
        """
        ...

    async def find(self, parcel: Parcel, since: datetime) -> str | None:
        """The provider's id of a message that it took; None if it never did.

        Only asked where `Abilities.looks_up_after` is set.

        Args:
            parcel: as it was handed over.
            since: the moment of the first try.

        Raises:
            TransientError, AccountError: it cannot be told now.
        """
        ...

    async def probe(self) -> None:
        """See that the provider takes our credentials, without sending anything.

        Raises:
            TransientError: it does not answer, or not well.
            AccountError: it does not let us.
        """
        ...

    async def read(self, hook: Hook) -> Reading:
        """What a webhook says, its signature verified first.

        Only asked where `Abilities.reports` is set.

        Raises:
            BadSignature: not signed with our secret, changed on its way, or too old.
            BadInput: signed, and not what the provider's documentation says.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...


Providers = Mapping[Channel, Provider]
