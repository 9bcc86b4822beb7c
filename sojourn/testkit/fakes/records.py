"""The values that fakes and tests exchange: accepted messages, refusals, webhooks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from sojourn.channels.provider import Hook
from sojourn.domain.errors import ProviderError
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind


@dataclass(frozen=True)
class Order:
    """A message that a fake accepted.

    Args:
        id: the provider's id.
        reference: our reference, as received.
        address: the recipient.
        channel: the channel that carries it.
        text: the text that the customer reads.
        promotional: whether it uses the provider's stream for promotional mail; None if the
            provider has no such stream.
        request: the parsed body.
        at: the moment of acceptance.
    """

    id: str
    reference: str
    address: str
    channel: Channel
    text: str
    promotional: bool | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Refused:
    """A permanent refusal of a message.

    Args:
        answer: builds the provider's answer.
        error: the error that our provider class must raise.
    """

    answer: Callable[[], Response]
    error: type[ProviderError]


@dataclass(frozen=True)
class Happening:
    """Something that happens to an accepted message, which the provider reports.

    Args:
        order: the message.
        kind: the kind of report.
        id: the provider's id of the report.
        at: the moment of sending the webhook.
    """

    order: Order
    kind: Kind
    id: str
    at: datetime


@dataclass(frozen=True)
class SentHook:
    """A webhook as the provider sends it."""

    body: bytes
    headers: Mapping[str, str]
    query: str = ""
    method: str = "POST"

    def received(self, url: str = "http://fake.example/webhooks/x") -> Hook:
        """Return the webhook as the gateway passes it to the provider class."""
        return Hook(
            method=self.method,
            url=url + (f"?{self.query}" if self.query else ""),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.body,
            received_at=datetime.now(UTC),
        )


class Malformed(Exception):
    """A request that the provider refuses as malformed.

    Args:
        answer: the provider's answer.
    """

    def __init__(self, answer: Response) -> None:
        self.answer = answer
        super().__init__("malformed")
