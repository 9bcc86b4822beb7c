"""`Source`: one sender of webhooks, as a program that turns its requests into calls.

A source verifies that a request comes from its sender, and returns the calls of the tracking API
that the request amounts to. The gateway does the rest: it reads the body within its limits, takes
the calls as if a service had sent them, and answers. A source knows no web framework and keeps no
state, so a test calls it with bytes and checks the calls. `webhooks.calls` has helpers that build
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
    """A call that depends on the store's contents when the request arrives.

    A source keeps no state, and some requests leave out facts that their sender reported earlier.
    The gateway looks them up before it takes the calls.

    Args:
        call: the call, without a ``userId`` if `customer_of` is to find it.
        customer_of: the message id of an earlier event of the same customer.
        of: the field of the request that names the subject of that event: it is at fault if the
            event is unknown.
        if_said: a trait and its value: the call counts only if the customer's card has them.
        if_itself: the call counts only if its customer was not joined to another one.
        parts_of: the beginning of the message ids of the customer's earlier events that told of
            the parts of a thing; there is one call for each part. The part's name and the call's
            own id complete its message id.
        part: the property that names the part; one without a name is the thing as a whole.
        thing: the field of the request that names the thing: it is at fault if no part is known.
    """

    call: Call
    customer_of: str = ""
    of: str = "userId"
    if_said: tuple[str, Any] | None = None
    if_itself: bool = False
    parts_of: str = ""
    part: str = ""
    thing: str = ""


@dataclass(frozen=True)
class SignedRequest:
    """The request of a webhook, whose signature is not verified yet.

    Args:
        headers: the headers, by lower-case name.
        body: the body byte for byte, since signatures are made over bytes.
        received_at: when it arrived, by our clock.
        notes: the source's notes on parts that it left out or changed: the part's path, and a
            reason that never quotes it. The answer and the metrics have them.
    """

    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    notes: list[tuple[str, str]] = field(default_factory=list, compare=False)


@dataclass(frozen=True)
class Nothing:
    """A request that amounts to no call. It is answered as taken, since shops might stop sending.

    Args:
        reason: why; the answer shows it.
    """

    reason: str


@dataclass(frozen=True)
class Unreadable:
    """A part of a request that would be a call if it could be read. Other parts are not affected.

    Args:
        path: the field at fault.
        reason: what is wrong with it.
    """

    path: str
    reason: str


Part: TypeAlias = Call | Depending | Unreadable
"""One of the calls that a request amounts to, or a fault in its place."""


class Source(Protocol):
    """One sender of webhooks."""

    @property
    def name(self) -> str:
        """The name used in the address, in message ids, in logs and in the quarantine."""

    def calls(self, request: SignedRequest) -> Sequence[Part] | Nothing:
        """Verify a request and return the calls that it amounts to.

        The calls are taken in their order. Each has a ``messageId`` that is made of its subject,
        because senders repeat requests; the same id twice is the same call twice. An `Unreadable`
        stands in place of a call that cannot be built; the others are taken.

        Raises:
            BadSignature: it was not signed with the secret. Nothing of the body was read.
            Unserved: a person has to do what it asks for.
            BadEvent: the body lacks a field, or has a wrong one; the path names it.
        """
