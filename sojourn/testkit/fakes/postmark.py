"""A fake of Postmark."""

import base64
import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.domain.errors import (
    AccountError,
    ContentRejected,
    InvalidRecipient,
    RecipientUnsubscribed,
    TransientError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import Fake, Happening, Malformed, Order, Refused, SentHook

TOKEN = "f3b0a5c2-fake"
PASSWORD = "let-me-in"
MOST, MOST_BYTES = 500, 50_000_000
"""The most messages in a batch, and its most bytes, including attachments."""
KNOWN = {
    "From", "To", "Cc", "Bcc", "Subject", "Tag", "HtmlBody", "TextBody", "ReplyTo", "Headers",
    "TrackOpens", "TrackLinks", "Metadata", "Attachments", "MessageStream",
}  # fmt: skip


class FakePostmark(Fake):
    """Postmark, with one server and two message streams."""

    name = "postmark"
    channels = (Channel.EMAIL,)
    signed = False
    kinds = {
        Channel.EMAIL: (
            Kind.DELIVERED,
            Kind.DEFERRED,
            Kind.BOUNCED,
            Kind.OPENED,
            Kind.CLICKED,
            Kind.COMPLAINED,
            Kind.UNSUBSCRIBED,
        )
    }

    def environment(self) -> dict[str, str]:
        """Return the server's token and the webhooks' password."""
        return {
            "SOJOURN_POSTMARK_TOKEN": TOKEN,
            "SOJOURN_POSTMARK_WEBHOOK_PASSWORD": PASSWORD,
            "SOJOURN_POSTMARK_BASE_URL": self.url,
        }

    def routes(self) -> list[Route]:
        """Return the endpoints that we use."""
        return [
            Route("/email", self.take, methods=["POST"]),
            Route("/email/batch", self.take_many, methods=["POST"]),
            Route("/messages/outbound", self._search),
            Route("/server", self._server),
        ]

    def authorizes(self, request: Request) -> bool:
        """Check the server's token."""
        return request.headers.get("x-postmark-server-token") == TOKEN

    async def order(self, request: Request) -> Order:
        """Check the keys and the required fields."""
        if not _accepts_json(request):
            raise Malformed(Response(status_code=406))
        return self._order(json.loads(await request.body()))

    async def orders(self, request: Request) -> list[Order | Response]:
        """Check the number of messages, and each message."""
        if not _accepts_json(request):
            raise Malformed(Response(status_code=406))
        body = await request.body()
        said = json.loads(body)
        if len(said) > MOST:
            raise Malformed(_error(410, "Too many batch messages"))
        if len(body) > MOST_BYTES:
            raise Malformed(Response(status_code=413))
        orders: list[Order | Response] = []
        for one in said:
            try:
                orders.append(self._order(one))
            except Malformed as fault:
                orders.append(fault.answer)
        return orders

    def _order(self, said: dict[str, Any]) -> Order:
        if unknown := said.keys() - KNOWN:
            raise Malformed(_error(402, f"Invalid JSON: {unknown}"))
        if "@" not in said["To"]:
            raise Malformed(_error(300, "Invalid 'To' address"))
        for part in ("From", "Subject", "HtmlBody", "TextBody"):
            if not said.get(part):
                raise Malformed(_error(300, f"Invalid '{part}'"))
        return Order(
            id=self.order_id(),
            reference=said["Metadata"]["reference"],
            address=said["To"],
            channel=Channel.EMAIL,
            text=said["TextBody"],
            promotional=said["MessageStream"] == "broadcast",
            request=said,
        )

    def answer(self, order: Order) -> Response:
        """Return the MessageID."""
        return JSONResponse(self._taken(order))

    def answer_many(self, taken: Sequence[Order | Response]) -> Response:
        """Return each MessageID or error; the status is 200 in any case."""
        return JSONResponse(
            [
                self._taken(one) if isinstance(one, Order) else json.loads(bytes(one.body))
                for one in taken
            ]
        )

    def _taken(self, order: Order) -> dict[str, Any]:
        return {
            "To": order.address,
            "SubmittedAt": order.at.isoformat(),
            "MessageID": order.id,
            "ErrorCode": 0,
            "Message": "OK",
        }

    def refusals(self) -> dict[str, Refused]:
        """Return Postmark's error codes, all of which come with 422."""
        told: dict[str, tuple[int, str, Any]] = {
            "invalid": (300, "Invalid 'To' address: 'x'.", InvalidRecipient),
            "inactive": (
                406,
                "You tried to send to recipient(s) that have been marked as inactive. Inactive "
                "recipients are ones that have generated a hard bounce or a spam complaint.",
                InvalidRecipient,
            ),
            "unsubscribed": (
                406,
                "Inactive recipient: it has unsubscribed.",
                RecipientUnsubscribed,
            ),
            "malformed": (402, "Invalid JSON", AccountError),
            "too-large": (300, "Attachments are too large", ContentRejected),
            "from": (300, "Invalid 'From' address: 'shop.example'.", AccountError),
            "stream": (1235, "The stream provided: 'x' does not exist.", AccountError),
            "sender": (400, "Sender signature not found", AccountError),
            "credits": (405, "Not allowed to send: no credits", AccountError),
            "maintenance": (100, "Offline for maintenance", TransientError),
        }
        return {
            name: Refused(partial(_error, code, text), error)
            for name, (code, text, error) in told.items()
        }

    def unauthorized(self) -> Response:
        """Answer with error code 10."""
        return JSONResponse({"ErrorCode": 10, "Message": "Bad or missing server token"}, 401)

    def webhook(self, happening: Happening) -> SentHook:
        """Write the record of the event, with the password as Basic credentials."""
        order, kind = happening.order, happening.kind
        when = happening.at.isoformat().replace("+00:00", "Z")
        body: dict[str, Any] = {
            "MessageID": order.id,
            "Metadata": {"reference": order.reference},
            "ServerID": 1,
            "MessageStream": "outbound",
        }
        told: dict[Kind, dict[str, Any]] = {
            Kind.DELIVERED: {"RecordType": "Delivery", "DeliveredAt": when, "Details": "250 OK"},
            Kind.DEFERRED: {"RecordType": "Bounce", "Type": "Transient", "BouncedAt": when},
            Kind.BOUNCED: {
                "RecordType": "Bounce",
                "Type": "HardBounce",
                "ID": zlib.crc32(happening.id.encode()),
                "Description": "The server was unable to deliver your message",
                "BouncedAt": when,
            },
            Kind.OPENED: {"RecordType": "Open", "ReceivedAt": when},
            Kind.CLICKED: {
                "RecordType": "Click",
                "ReceivedAt": when,
                "OriginalLink": "https://shop.example/cart",
            },
            Kind.COMPLAINED: {
                "RecordType": "SpamComplaint",
                "BouncedAt": when,
                "ID": zlib.crc32(happening.id.encode()),
            },
            Kind.UNSUBSCRIBED: {
                "RecordType": "SubscriptionChange",
                "ChangedAt": when,
                "Origin": "Recipient",
                "SuppressSending": True,
                "SuppressionReason": "ManualSuppression",
            },
        }
        who = "Email" if kind in (Kind.BOUNCED, Kind.COMPLAINED, Kind.DEFERRED) else "Recipient"
        body |= told[kind] | {who: order.address}
        basic = base64.b64encode(f"postmark:{PASSWORD}".encode()).decode()
        return SentHook(json.dumps(body).encode(), {"Authorization": f"Basic {basic}"})

    async def _search(self, request: Request) -> Response:
        if not self.authorizes(request):
            return self.unauthorized()
        if not _accepts_json(request):
            return Response(status_code=406)
        asked = request.query_params
        found = [
            _listed(order)
            for order in self.accepted
            if order.address == asked["recipient"]
            and order.reference == asked["metadata_reference"]
            and order.at > datetime.now(UTC) - timedelta(days=45)
        ]
        return JSONResponse({"TotalCount": len(found), "Messages": found[: int(asked["count"])]})

    async def _server(self, request: Request) -> Response:
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        if not _accepts_json(request):
            return Response(status_code=406)
        return JSONResponse({"ID": 1, "Name": "shop"})


def _accepts_json(request: Request) -> bool:
    """Check the Accept header, which Postmark requires; 406 without it is our guess."""
    return request.headers.get("accept") == "application/json"


def _listed(order: Order) -> dict[str, Any]:
    """Describe a message as the search does."""
    said = order.request
    return {
        "MessageID": order.id,
        "MessageStream": said["MessageStream"],
        "From": said["From"],
        "To": [{"Email": order.address, "Name": None}],
        "Cc": [],
        "Bcc": [],
        "Recipients": [order.address],
        "Subject": said["Subject"],
        "Tag": said.get("Tag", ""),
        "Metadata": said["Metadata"],
        "Attachments": [attached["Name"] for attached in said.get("Attachments", [])],
        "ReceivedAt": order.at.isoformat(),
        "Status": "Sent",
        "TrackOpens": said.get("TrackOpens", False),
        "TrackLinks": said.get("TrackLinks", "None"),
    }


def _error(code: int, message: str) -> Response:
    return JSONResponse({"ErrorCode": code, "Message": message}, 422)
