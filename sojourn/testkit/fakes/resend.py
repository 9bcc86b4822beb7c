"""A fake of Resend."""

import base64
import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from standardwebhooks import Webhook
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.domain.errors import AccountError, AmbiguousSend, ContentRejected, InvalidRecipient
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import RETRY_AFTER, Fake, Happening, Malformed, Order, Refused, SentHook

KEY = "re_fake_123"
SECRET = "whsec_" + base64.b64encode(b"what resend signs with").decode()
MOST = 100
"""The most messages in a batch."""
KNOWN = {
    "from", "to", "subject", "bcc", "cc", "reply_to", "html", "text", "template", "headers",
    "scheduled_at", "attachments", "tags", "topic_id",
}  # fmt: skip
OF_ATTACHMENTS = {"content", "filename", "path", "content_type", "content_id"}
FRIENDLY = re.compile(r'("([^"\\]|\\.)*"|[^"<>]*) <[^@\s]+@[^@\s]+>')
TAG = re.compile(r"[A-Za-z0-9_-]{1,256}")

EVENTS = {
    Kind.ACCEPTED: "email.sent",
    Kind.DELIVERED: "email.delivered",
    Kind.DEFERRED: "email.delivery_delayed",
    Kind.BOUNCED: "email.bounced",
    Kind.FAILED: "email.failed",
    Kind.COMPLAINED: "email.complained",
    Kind.OPENED: "email.opened",
    Kind.CLICKED: "email.clicked",
}


class FakeResend(Fake):
    """Resend, which accepts only one message for each idempotency key."""

    name = "resend"
    channels = (Channel.EMAIL,)
    dated = True
    kinds = {Channel.EMAIL: tuple(EVENTS)}

    def __init__(self) -> None:
        super().__init__()
        self.only_sends = False
        """True if our key may only send."""
        self._bodies: dict[str, bytes] = {}
        self._taken: dict[str, Order] = {}
        self._batches: dict[str, Sequence[Order | Response]] = {}

    def environment(self) -> dict[str, str]:
        """Return the API key and the webhooks' secret."""
        return {
            "SOJOURN_RESEND_API_KEY": KEY,
            "SOJOURN_RESEND_WEBHOOK_SECRET": SECRET,
            "SOJOURN_RESEND_BASE_URL": self.url,
        }

    def routes(self) -> list[Route]:
        """Return the endpoints that we use."""
        return [
            Route("/emails", self.take, methods=["POST"]),
            Route("/emails/batch", self.take_many, methods=["POST"]),
            Route("/domains", self._domains),
        ]

    def authorizes(self, request: Request) -> bool:
        """Check the API key."""
        return request.headers.get("authorization") == f"Bearer {KEY}"

    async def order(self, request: Request) -> Order:
        """Check the idempotency key and the fields."""
        body = await request.body()
        key = self._key(request, body)
        order = self._order(json.loads(body))
        if isinstance(order, Response):
            raise Malformed(order)
        self._bodies[key] = body
        self._taken.setdefault(key, order)
        return order

    async def orders(self, request: Request) -> list[Order | Response]:
        """Check the idempotency key and the messages, strictly or permissively."""
        body = await request.body()
        key = self._key(request, body)
        said = json.loads(body)
        if not 1 <= len(said) <= MOST:
            raise Malformed(_error(422, "validation_error", f"1 to {MOST} emails"))
        orders = [
            _error(422, "validation_error", "Attachments are not supported in batches")
            if "attachments" in one
            else self._order(one)
            for one in said
        ]
        if request.headers.get("x-batch-validation", "strict") == "strict":
            for order in orders:
                if isinstance(order, Response):
                    raise Malformed(order)
        self._bodies[key] = body
        return orders

    def same_many(
        self, request: Request, taken: Sequence[Order | Response]
    ) -> Sequence[Order | Response] | None:
        """Return the batch under the same idempotency key."""
        key = request.headers["idempotency-key"]
        first = self._batches.setdefault(key, taken)
        return first if first is not taken else None

    def answer_many(self, taken: Sequence[Order | Response]) -> Response:
        """Return the ids of the accepted messages, and the errors of the others by index."""
        said: dict[str, Any] = {
            "data": [{"id": one.id} for one in taken if isinstance(one, Order)],
            "errors": [
                {"index": index, "message": json.loads(bytes(one.body))["message"]}
                for index, one in enumerate(taken)
                if isinstance(one, Response)
            ],
        }
        return JSONResponse(said)

    def _key(self, request: Request, body: bytes) -> str:
        key = request.headers.get("idempotency-key", "")
        if not 1 <= len(key) <= 256:
            raise Malformed(_error(400, "invalid_idempotency_key", "1-256 characters"))
        if self._bodies.get(key, body) != body:
            raise Malformed(_error(409, "invalid_idempotent_request", "another payload"))
        return key

    def _order(self, said: Mapping[str, Any]) -> Order | Response:
        if fault := _fault_in(said):
            return _error(422, "validation_error", fault)
        order = Order(
            id=self.order_id(),
            reference={tag["name"]: tag["value"] for tag in said["tags"]}["reference"],
            address=said["to"][0],
            channel=Channel.EMAIL,
            text=said["text"],
            request=said,
        )
        return self.of_address(order) or order

    def same(self, request: Request, order: Order) -> Order | None:
        """Return the order under the same idempotency key."""
        first = self._taken[request.headers["idempotency-key"]]
        return first if first is not order else None

    def answer(self, order: Order) -> Response:
        """Return the id."""
        return JSONResponse({"id": order.id})

    def refusals(self) -> dict[str, Refused]:
        """Return Resend's errors by name."""
        told: dict[str, tuple[int, str, str, Any]] = {
            "malformed": (
                422,
                "missing_required_field",
                "Missing `subject` field.",
                ContentRejected,
            ),
            "recipient": (
                422,
                "validation_error",
                "Invalid `to` field. The email address needs to follow the `email@example.com` "
                "or `Name <email@example.com>` format.",
                InvalidRecipient,
            ),
            "attachment": (422, "invalid_attachment", "It needs content or path", ContentRejected),
            "security": (451, "security_error", "A security issue", ContentRejected),
            "path": (404, "not_found", "The requested endpoint does not exist", AccountError),
            "sender": (422, "invalid_from_address", "Invalid `from` field", AccountError),
            "sender-form": (
                422,
                "validation_error",
                "Invalid `from` field. The email address needs to follow the `email@example.com` "
                "or `Name <email@example.com>` format.",
                AccountError,
            ),
            "domain": (403, "validation_error", "The domain is not verified", AccountError),
            "key": (400, "validation_error", "API key is invalid", AccountError),
            "restricted": (401, "restricted_api_key", "It can only send", AccountError),
            "today": (429, "daily_quota_exceeded", "The daily quota is used up", AccountError),
            "month": (429, "monthly_quota_exceeded", "The monthly quota is", AccountError),
            "changed": (409, "invalid_idempotent_request", "Another payload", AmbiguousSend),
            "meanwhile": (409, "concurrent_idempotent_requests", "In progress", AmbiguousSend),
            "broken": (500, "application_error", "Something unexpected", AmbiguousSend),
        }
        return {
            name: Refused(partial(_error, status, code, text), error)
            for name, (status, code, text, error) in told.items()
        }

    def unauthorized(self) -> Response:
        """Answer with the error of a bad key."""
        return _error(403, "invalid_api_key", "API key is invalid")

    def rate_limited(self) -> Response:
        """Answer with the error of too many requests."""
        answer = _error(429, "rate_limit_exceeded", "Too many requests")
        answer.headers["retry-after"] = str(int(RETRY_AFTER.total_seconds()))
        return answer

    def webhook(self, happening: Happening) -> SentHook:
        """Write the event, signed by Svix."""
        order, kind = happening.order, happening.kind
        when = happening.at
        told: dict[Kind, dict[str, Any]] = {
            Kind.BOUNCED: {
                "bounce": {
                    "diagnosticCode": ["smtp; 550 5.1.1 user unknown"],
                    "message": "The recipient's mail server rejected the email",
                    "subType": "General",
                    "type": "Permanent",
                }
            },
            Kind.FAILED: {"failed": {"reason": "reached_daily_quota"}},
            Kind.CLICKED: {
                "click": {
                    "ipAddress": "192.0.2.1",
                    "link": "https://shop.example/cart",
                    "timestamp": when.isoformat(),
                    "userAgent": "Mozilla/5.0",
                }
            },
        }
        data = {
            "email_id": order.id,
            "created_at": order.at.isoformat(),
            "from": "Shop <hello@shop.example>",
            "to": [order.address],
            "subject": "Your cart",
            "tags": {"reference": order.reference},
        }
        event = {
            "type": EVENTS[kind],
            "created_at": when.isoformat().replace("+00:00", "Z"),
            "data": data | told.get(kind, {}),
        }
        return signed(event, happening.id, when)

    async def _domains(self, request: Request) -> Response:
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        if self.only_sends:
            return _error(401, "restricted_api_key", "This API key can only send emails")
        return JSONResponse({"object": "list", "has_more": False, "data": []})


def signed(said: object, event_id: str = "msg_1", at: datetime | None = None) -> SentHook:
    """Sign any JSON value as Svix does.

    Args:
        said: the value.
        event_id: the id of the webhook.
        at: the moment to sign; None for now.

    Returns:
        The webhook.
    """
    body = json.dumps(said)
    when = at or datetime.now(UTC)
    headers = {
        "svix-id": event_id,
        "svix-timestamp": str(int(when.timestamp())),
        "svix-signature": Webhook(SECRET).sign(event_id, when, body),
    }
    return SentHook(body.encode(), headers)


def _fault_in(said: Mapping[str, Any]) -> str:
    unknown = said.keys() - KNOWN
    for attachment in said.get("attachments", []):
        unknown |= attachment.keys() - OF_ATTACHMENTS
    words = [word for tag in said["tags"] for word in (tag["name"], tag["value"])]
    faults = {
        f"Unknown fields {unknown}": bool(unknown),
        "Invalid `from` field": not FRIENDLY.fullmatch(said["from"]),
        "Invalid `to` field": not all("@" in to for to in said["to"]),
        "Missing `subject`, `html` or `text`": not all(
            said.get(name) for name in ("subject", "html", "text")
        ),
        "Invalid `tags`": not all(TAG.fullmatch(word) for word in words),
    }
    return next((text for text, so in faults.items() if so), "")


def _error(status: int, name: str, message: str) -> Response:
    said = {"statusCode": status, "name": name, "message": message}
    return JSONResponse(said, status)
