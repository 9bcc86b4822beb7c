"""`Source`: one sender of webhooks, as a program that turns its requests into calls.

A source verifies that a request comes from its sender, and gives back the calls of the tracking API
that the request amounts to. The gateway does the rest: it reads the body within its limits, takes
the calls as if a service had sent them, and answers. A source knows no web framework and keeps no
state, so a test calls it with bytes and looks at the calls. `webhooks.calls` has helpers that write
calls.

A minimal source::

    class Bookings:
        name = "bookings"

        def calls(self, request: SignedRequest) -> list[Call] | Nothing:
            check_hmac(self.secrets, request.headers.get("x-signature"), request.body)
            booking = json.loads(request.body)
            if booking["state"] != "paid":
                return Nothing("only paid bookings are orders")
            return [track("Order Completed", user=booking["guest"], ...)]
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

Call: TypeAlias = dict[str, Any]
"""One call of the tracking API: ``{"type": "track", "event": "Order Completed", ...}``."""


@dataclass(frozen=True)
class SignedRequest:
    """The request of a webhook. Its signature is not verified yet.

    Args:
        headers: by lower-case name.
        body: as it arrived, not a byte changed: signatures are made over bytes.
        received_at: when it arrived, by our clock.
    """

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


@dataclass(frozen=True)
class Nothing:
    """A request that amounts to no call. It is answered as taken, or shops would stop sending.

    Args:
        reason: why; the answer shows it.
    """

    reason: str


class Source(Protocol):
    """One sender of webhooks."""

    @property
    def name(self) -> str:
        """The name that stands in the address, in message ids, in logs and in quarantine."""

    def calls(self, request: SignedRequest) -> Sequence[Call] | Nothing:
        """Verify a request and give back the calls that it amounts to.

        The calls are taken in their order. Each has a ``messageId`` that is made of the thing that
        it is about, because senders repeat requests; the same id twice is the same call twice.

        Raises:
            BadSignature: it was not signed with the secret. Nothing of the body was read.
            BadEvent: the body lacks a field, or has a wrong one; the path names it.
        """
