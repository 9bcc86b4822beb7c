"""The protocols that the send activity and the gateway know a provider by.

Every provider is a `Provider`. One that takes several messages in one call is a `SupportsBatch`,
too; one that can be asked for a message is a `SupportsLookup`; one that posts webhooks is a
`SupportsWebhooks`. A class has the methods of the protocols that it supports, and no others:
nothing else declares what it supports.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from sojourn.domain.content import Content
from sojourn.domain.errors import ProviderError
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import Report, reference


@dataclass(frozen=True)
class Abilities:
    """The promises that a provider's documentation makes.

    Args:
        idempotent_for: the time within which the same parcel, handed over again, is delivered once.
        sandbox: a way to try the provider without reaching a customer; empty: there is no such way.
        fenced: every message leaves through `Http.send`, or through another client that asks the
            fence (`channels.fence`). A fault that comes before is then certain: not sent.
        batch_keyed: a parcel that left in a call with others is known by its own key, too, when it
            is handed over again alone. Usually a key is the whole call's.
    """

    idempotent_for: timedelta = timedelta(0)
    sandbox: str = ""
    fenced: bool = False
    batch_keyed: bool = False


@dataclass(frozen=True)
class Parcel:
    """A rendered message on its way to one address.

    Args:
        ledger_key: our own id of the message, the same in every attempt.
        address: an e-mail address, an E.164 number, a device token or a Web Push subscription as
            JSON: the kind belongs to the channel.
        content: the words, and the channel that carries them.
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
    """A provider's request to our webhook, as it came.

    Args:
        method: GET, HEAD or POST.
        url: the URL that the provider called, with its query: some providers sign it.
        headers: by name in lower case.
        body: the raw bytes, which signatures cover.
        received_at: the moment of arrival by our clock.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True)
class Reading:
    """The meaning of a hook.

    Args:
        reports: the fates of messages; empty: the hook is of no interest.
        answer: the text to answer with; most providers expect no text.
        media_type: the answer's.
    """

    reports: tuple[Report, ...] = ()
    answer: str = ""
    media_type: str = "text/plain"


class Provider(Protocol):
    """A company or server that carries messages of one or more channels.

    The class is called with the settings of the installation: ``Postmark(settings)``. It reads the
    rest from a `ProviderConfig` of its own. The three properties are constants of the class.
    """

    @property
    def name(self) -> str:
        """The name in settings, in the ledger and in the webhook's URL."""
        ...

    @property
    def channels(self) -> frozenset[Channel]:
        """The channels that it can carry."""
        ...

    @property
    def abilities(self) -> Abilities:
        """The promises of its documentation."""
        ...

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return the provider's id of it.

        Raises:
            TransientError: certainly not sent; another try may help.
            AmbiguousSend: perhaps sent.
            PermanentError: refused for good; raise one of its subclasses.
            AccountError: our account or our credentials are at fault.
        """
        ...

    async def probe(self) -> None:
        """Check that the provider accepts our credentials, without sending a message.

        Raises:
            TransientError: it does not answer, or answers with an error of its own.
            AccountError: it refuses us.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


@runtime_checkable
class SupportsBatch(Protocol):
    """A provider that takes several messages in one call, each with content of its own.

    `batch_of` is a constant of the class.
    """

    @property
    def batch_of(self) -> int:
        """The most parcels of one call."""
        ...

    def may_share(self, parcel: Parcel) -> bool:
        """Tell whether a parcel can leave in a call with others; else it goes by `send`."""
        ...

    async def send_many(self, parcels: Sequence[Parcel]) -> list[str | ProviderError]:
        """Hand several messages over in one call.

        Args:
            parcels: `batch_of` at most, all of one channel and one message class
                (`channels.batches` picks them).

        Returns:
            For each parcel, in their order, the provider's id of the message, or the error that
            `send` would have raised for it.

        Raises:
            TransientError: none is sent.
            AmbiguousSend: perhaps all are sent, perhaps none.
            PermanentError: none is sent, because of one of them or because the call is too large.
                It is made again in halves.
            AccountError: our account or our credentials are at fault; none is sent.
        """
        ...


@runtime_checkable
class SupportsLookup(Protocol):
    """A provider that can be asked whether it has taken a message.

    `looks_up_after` is a constant of the class: the time after which a message that was taken is
    certainly found.
    """

    @property
    def looks_up_after(self) -> timedelta:
        """The longest time from taking a message to finding it."""
        ...

    async def find(self, parcel: Parcel, since: datetime) -> str | None:
        """Return the provider's id of a message; None if the provider never took the message.

        Args:
            parcel: the message as it was handed over.
            since: the moment of the first attempt.

        Raises:
            TransientError: the provider cannot tell now.
            AccountError: it refuses us.
        """
        ...


@runtime_checkable
class SupportsWebhooks(Protocol):
    """A provider that reports by webhooks, naming our reference or its own id of a message."""

    async def read(self, hook: Hook) -> Reading:
        """Verify a webhook's signature, then read it.

        Raises:
            BadSignature: it is not signed with our secret, was changed on its way, or is too old.
            BadInput: it is signed, and does not follow the provider's documentation.
            TransientError: the signature cannot be verified now; the provider sends it again.
        """
        ...


Providers = Mapping[Channel, Provider]
