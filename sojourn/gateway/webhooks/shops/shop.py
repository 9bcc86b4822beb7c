"""`Shop`: a shop as a source of webhooks, with one function for each topic.

A shop's own file names the headers of the signature and the topic, and the function that reads each
topic. Everything else is the same for all shops, and stands here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sojourn.gateway.webhooks.bodies import read_json
from sojourn.gateway.webhooks.shops.bodies import read_noted
from sojourn.gateway.webhooks.signatures import check_hmac
from sojourn.gateway.webhooks.source import Call, Depending, Nothing, SignedRequest

Calls = list[Call] | list[Call | Depending]
"""The calls that a request amounts to."""
Topic = Callable[[Any, datetime], Calls | Nothing]
"""Reads a body that arrived at a moment."""


@dataclass(frozen=True)
class Shop:
    """A shop that signs its requests, and names the topic of each in a header.

    Args:
        secrets: any of them may have signed a request.
        name: the name of the source.
    """

    signature_header: ClassVar[str]
    """The header of the signature, in lower case."""
    topic_header: ClassVar[str]
    """The header of the topic, in lower case."""
    topics: ClassVar[Mapping[str, Topic]]
    """The function that reads each topic."""

    secrets: Sequence[str]
    name: str

    def calls(self, request: SignedRequest) -> Calls | Nothing:
        """Verify a request, and return its calls.

        Raises:
            BadSignature, BadEvent: as `Source.calls`.
        """
        check_hmac(self.secrets, request.headers.get(self.signature_header), request.body)
        topic = self.about(request)
        if topic not in self.topics:
            return Nothing("nothing here listens to this topic")
        return read_noted(
            lambda body: self.read(body, topic, request.received_at),
            read_json(request.body),
            request.notes,
        )

    def about(self, request: SignedRequest) -> str:
        """Return the topic of a request."""
        return request.headers.get(self.topic_header, "")

    def read(self, body: Any, about: str, at: datetime) -> Calls | Nothing:
        """Return the calls of a body.

        Args:
            body: parsed JSON.
            about: its topic.
            at: when it arrived.

        Returns:
            The calls, or `Nothing`.

        Raises:
            BadEvent: it lacks a field, or has a wrong one.
        """
        return self.topics[about](body, at)
