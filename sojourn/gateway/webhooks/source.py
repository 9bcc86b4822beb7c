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
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeAlias

Call: TypeAlias = dict[str, Any]
"""One call of the tracking API: ``{"type": "track", "event": "Order Completed", ...}``."""


@dataclass(frozen=True)
class Depending:
    """A call that hangs on what the store knows when the request arrives.

    A source keeps no state, and some requests leave out what their sender told earlier. The gateway
    looks it up before it takes the calls.

    Args:
        call: without a ``userId`` if `customer_of` is to find it.
        customer_of: the message id of an earlier event, whose customer did this, too.
        of: the field of the request that names that event's thing: it is at fault if nobody knows
            it.
        if_said: a trait and its value: the call counts only if the customer's card has them.
        if_itself: the call counts only if its customer was not joined to another one.
    """

    call: Call
    customer_of: str = ""
    of: str = "userId"
    if_said: tuple[str, Any] | None = None
    if_itself: bool = False


@dataclass(frozen=True)
class SignedRequest:
    """The request of a webhook. Its signature is not verified yet.

    Args:
        headers: by lower-case name.
        body: as it arrived, not a byte changed: signatures are made over bytes.
        received_at: when it arrived, by our clock.
        notes: what the source wants to say about parts that it took otherwise than they were sent:
            the part's path, and a reason that never quotes it. The answer and the metrics have it.
    """

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    notes: list[tuple[str, str]] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class Nothing:
    """A request that amounts to no call. It is answered as taken, or shops would stop sending.

    Args:
        reason: why; the answer shows it.
    """

    reason: str


@dataclass(frozen=True)
class Unreadable:
    """A part of a request that would be a call, if it could be read. It spoils no other part.

    Args:
        path: the field at fault.
        reason: what is wrong with it.
    """

    path: str
    reason: str


Part: TypeAlias = Call | Depending | Unreadable
"""One part of what a request amounts to."""


class Source(Protocol):
    """One sender of webhooks."""

    @property
    def name(self) -> str:
        """The name that stands in the address, in message ids, in logs and in quarantine."""

    def calls(self, request: SignedRequest) -> Sequence[Part] | Nothing:
        """Verify a request and give back the calls that it amounts to.

        The calls are taken in their order. Each has a ``messageId`` that is made of the thing that
        it is about, because senders repeat requests; the same id twice is the same call twice.
        An `Unreadable` stands in the place of one that cannot be made; the others are taken.

        Raises:
            BadSignature: it was not signed with the secret. Nothing of the body was read.
            Unserved: a person has to do what it asks for.
            BadEvent: the body lacks a field, or has a wrong one; the path names it.
        """
