"""The protocols by which the send activity and the gateway use a provider.

Every provider is a `Provider`. One that takes several messages in one call is also a
`SupportsBatch`; one that can be asked for a message is a `SupportsLookup`; one that posts webhooks
is a `SupportsWebhooks`. A class has exactly the methods of the protocols that it supports: nothing
else declares this.
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
        idempotent_for: the time within which a parcel that is handed over again is delivered once.
        sandbox: a way to try the provider without reaching a customer; empty if there is none.
        fenced: every message leaves through `Http.send`, or through another client that checks the
            fence (`channels.fence`). After a fault before that, it was certainly not sent.
        batch_keyed: a parcel of a batch is recognised by its own key if it is handed over again
            alone. Usually the key belongs to the whole call.
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
            JSON, depending on the channel.
        content: the content, and the channel that carries it.
        message_class: the class; some providers separate promotional and transactional mail.
    """

    ledger_key: str
    address: str
    content: Content
    message_class: MessageClass = MessageClass.TRANSACTIONAL

    @property
    def reference(self) -> str:
        """The id that providers get as metadata, client reference or idempotency key."""
        return reference(self.ledger_key)


@dataclass(frozen=True)
class Hook:
    """A provider's request to our webhook, as received.

    Args:
        method: GET, HEAD or POST.
        url: the URL that the provider called, with its query: some providers sign it.
        headers: the headers, by name in lower case.
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
        reports: the reports on messages; empty if the hook is of no interest.
        answer: the text to answer with; most providers expect none.
        media_type: the media type of the answer.
    """

    reports: tuple[Report, ...] = ()
    answer: str = ""
    media_type: str = "text/plain"


class Provider(Protocol):
    """A company or server that carries messages of one or more channels.

    The class is called with the settings of the installation: ``Postmark(settings)``. It reads its
    other settings from its own `ProviderConfig`. The three properties are constants of the class.
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
            PermanentError: refused permanently; raise one of its subclasses.
            AccountError: our account or our credentials are at fault.
        """
        ...

    async def probe(self) -> None:
        """Check that the provider accepts our credentials, without sending a message.

        Raises:
            TransientError: the provider does not answer, or has an internal error.
            AccountError: it refuses our credentials.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


@runtime_checkable
class SupportsBatch(Protocol):
    """A provider that takes several messages in one call, each with its own content.

    `batch_of` is a constant of the class.
    """

    @property
    def batch_of(self) -> int:
        """The most parcels in one call."""
        ...

    def may_share(self, parcel: Parcel) -> bool:
        """Return whether a parcel can share a call with others; otherwise it is sent by `send`."""
        ...

    async def send_many(self, parcels: Sequence[Parcel]) -> list[str | ProviderError]:
        """Hand several messages over in one call.

        Args:
            parcels: at most `batch_of`, all with the same channel and message class
                (see `channels.batches`).

        Returns:
            For each parcel, in order, the provider's id of the message, or the error that `send`
                would have raised for it.

        Raises:
            TransientError: none is sent.
            AmbiguousSend: perhaps all are sent, perhaps none.
            PermanentError: none is sent, because of one of them or because the call is too large.
                The call is repeated in halves.
            AccountError: our account or our credentials are at fault; none is sent.
        """
        ...


@runtime_checkable
class SupportsLookup(Protocol):
    """A provider that can be asked whether it accepted a message.

    `looks_up_after` is a constant of the class: the time after which an accepted message is
    certainly found.
    """

    @property
    def looks_up_after(self) -> timedelta:
        """The longest time until an accepted message can be found."""
        ...

    async def find(self, parcel: Parcel, since: datetime) -> str | None:
        """Return the provider's id of a message; None if the provider never accepted it.

        Args:
            parcel: the message as it was handed over.
            since: the moment of the first attempt.

        Raises:
            TransientError: the provider cannot answer now.
            AccountError: it refuses our credentials.
        """
        ...


@runtime_checkable
class SupportsWebhooks(Protocol):
    """A provider that reports by webhooks, with our reference or its own id of a message."""

    async def read(self, hook: Hook) -> Reading:
        """Verify a webhook's signature, then read it.

        Raises:
            BadSignature: the webhook is not signed with our secret, was changed, or is too old.
            BadInput: it is signed, but does not follow the provider's documentation.
            TransientError: the signature cannot be verified now; the provider sends it again.
        """
        ...


Providers = Mapping[Channel, Provider]
