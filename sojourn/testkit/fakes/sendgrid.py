"""A fake of SendGrid."""

import base64
import json
import math
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.domain.errors import AccountError, ContentRejected, InvalidRecipient
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import RETRY_AFTER, Fake, Happening, Malformed, Order, Refused, SentHook

API_KEY = "SG.fake.key"
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = base64.b64encode(
    KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
).decode()
KNOWN = {
    "personalizations", "from", "reply_to", "reply_to_list", "subject", "content", "attachments",
    "template_id", "headers", "categories", "send_at", "batch_id", "asm",
    "ip_pool_name", "mail_settings", "tracking_settings",
}  # fmt: skip
RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-transfer-encoding",
    "content-type", "to", "from", "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
QUERY = re.compile(r'to_email = "([^"\\]+)" AND sg_message_id_created_at >= TIMESTAMP "([^"]+)"')


class FakeSendGrid(Fake):
    """SendGrid, with one API key."""

    name = "sendgrid"
    channels = (Channel.EMAIL,)
    dated = True
    too_old = timedelta(hours=26)
    kinds = {
        Channel.EMAIL: (
            Kind.ACCEPTED,
            Kind.DEFERRED,
            Kind.DELIVERED,
            Kind.FAILED,
            Kind.BOUNCED,
            Kind.OPENED,
            Kind.CLICKED,
            Kind.UNSUBSCRIBED,
            Kind.COMPLAINED,
        )
    }

    def __init__(self) -> None:
        super().__init__()
        self.scopes = ["mail.send", "messages.read"]
        """The scopes of the API key."""

    def environment(self) -> dict[str, str]:
        """Return the API key and the webhooks' verification key."""
        return {
            "SOJOURN_SENDGRID_API_KEY": API_KEY,
            "SOJOURN_SENDGRID_WEBHOOK_KEY": PUBLIC_KEY,
            "SOJOURN_SENDGRID_BASE_URL": self.url,
        }

    def routes(self) -> list[Route]:
        """Return the endpoints that we use."""
        return [
            Route("/v3/mail/send", self.take, methods=["POST"]),
            Route("/v3/logs", self._search, methods=["POST"]),
            Route("/v3/logs/{id}", self._logged),
            Route("/v3/scopes", self._scopes),
        ]

    def authorizes(self, request: Request) -> bool:
        """Check the API key."""
        return request.headers.get("authorization") == f"Bearer {API_KEY}"

    async def order(self, request: Request) -> Order:
        """Check the fields, the headers and the order of the parts."""
        said = json.loads(await request.body())
        if unknown := said.keys() - KNOWN:
            raise Malformed(_error(400, min(unknown), "Additional property is not allowed"))
        if reserved := {name for name in said["headers"] if name.lower() in RESERVED}:
            raise Malformed(_error(400, "headers", f"reserved: {reserved}"))
        types = [part["type"] for part in said["content"]]
        if types not in (["text/plain", "text/html"], ["text/plain"], ["text/html"]):
            raise Malformed(_error(400, "content", "text/plain comes first, then text/html"))
        if not all(part["value"] for part in said["content"]):
            raise Malformed(_error(400, "content.0.value", "must be at least one character"))
        (person,) = said["personalizations"]
        (recipient,) = person["to"]
        if "@" not in recipient["email"]:
            field = "personalizations.0.to.0.email"
            raise Malformed(_error(400, field, "Does not contain a valid address."))
        return Order(
            id=self.order_id(),
            reference=person["custom_args"]["reference"],
            address=recipient["email"],
            channel=Channel.EMAIL,
            text=said["content"][0]["value"],
            request=said,
        )

    def answer(self, order: Order) -> Response:
        """Return the X-Message-Id, except in the sandbox."""
        settings = order.request.get("mail_settings", {})
        if settings.get("sandbox_mode", {}).get("enable"):
            return Response(status_code=200)
        return Response(status_code=202, headers={"X-Message-Id": order.id})

    def refusals(self) -> dict[str, Refused]:
        """Return refusals that differ in their field, since SendGrid has no codes."""
        to = "personalizations.0.to.0.email"
        told: dict[str, tuple[int, str | None, str, Any]] = {
            "invalid": (400, to, "Does not contain a valid address.", InvalidRecipient),
            "content": (400, "content.0.value", "must be a string", ContentRejected),
            "recipients": (400, "personalizations", "At least one is needed", ContentRejected),
            "sender": (400, "from.email", "Does not contain a valid address.", AccountError),
            "identity": (
                403,
                "from",
                "The from address does not match a verified Sender Identity.",
                AccountError,
            ),
            "credits": (401, None, "Maximum credits exceeded", AccountError),
            "address": (404, None, "not found", AccountError),
            "too-large": (413, None, "content too large", ContentRejected),
        }
        return {
            name: Refused(partial(_error, status, field, text), error)
            for name, (status, field, text, error) in told.items()
        }

    def unauthorized(self) -> Response:
        """Answer with the error of a bad key."""
        return _error(401, None, "The provided authorization grant is invalid")

    def rate_limited(self) -> Response:
        """Answer with X-RateLimit-Reset instead of Retry-After."""
        answer = _error(429, None, "too many requests")
        reset = math.ceil(time.time() + RETRY_AFTER.total_seconds())
        answer.headers["X-RateLimit-Reset"] = str(reset)
        return answer

    def webhook(self, happening: Happening) -> SentHook:
        """Write a batch of one event."""
        return signed([self.event(happening)], happening.at)

    def event(self, happening: Happening) -> dict[str, Any]:
        """Return SendGrid's event for a happening."""
        order, kind = happening.order, happening.kind
        told: dict[Kind, dict[str, Any]] = {
            Kind.ACCEPTED: {"event": "processed"},
            Kind.DEFERRED: {"event": "deferred", "response": "400 try again", "attempt": "5"},
            Kind.DELIVERED: {"event": "delivered", "response": "250 OK"},
            Kind.FAILED: {"event": "dropped", "reason": "Spam Content"},
            Kind.BOUNCED: {
                "event": "bounce",
                "type": "bounce",
                "status": "5.1.1",
                "reason": "550 5.1.1 no such user",
                "bounce_classification": "Invalid Address",
            },
            Kind.OPENED: {"event": "open", "sg_machine_open": False},
            Kind.CLICKED: {"event": "click", "url": "https://shop.example/cart"},
            Kind.UNSUBSCRIBED: {"event": "unsubscribe"},
            Kind.COMPLAINED: {"event": "spamreport"},
        }
        return {
            "email": order.address,
            "timestamp": int(happening.at.timestamp()),
            "smtp-id": f"<{order.reference}@shop.example>",
            "sg_event_id": happening.id,
            "sg_message_id": _logged_id(order),
            "reference": order.reference,
            **told[kind],
        }

    def _asked(self, answer: Callable[[], Response], request: Request) -> Response:
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        return answer()

    async def _search(self, request: Request) -> Response:
        said = json.loads(await request.body())
        asked = QUERY.fullmatch(said["query"])
        if asked is None or not said.keys() <= {"query", "limit", "subusers"}:
            return _error(400, "query", "invalid query")
        start = datetime.fromisoformat(asked[2])
        found = [
            _summary(order)
            for order in self.accepted
            if order.address == asked[1] and order.at >= start
        ]
        return self._asked(lambda: JSONResponse({"messages": found[: said["limit"]]}), request)

    async def _logged(self, request: Request) -> Response:
        wanted = request.path_params["id"]
        for order in self.accepted:
            if _logged_id(order) == wanted:
                logged = {
                    **_summary(order),
                    "custom_args": order.request["personalizations"][0]["custom_args"],
                    "api_key_id": "fake",
                    "client_ip": "192.0.2.1",
                    "events": [],
                }
                del logged["sg_message_id_created_at"]
                return self._asked(partial(JSONResponse, logged), request)
        return _error(404, None, "not found")

    async def _scopes(self, request: Request) -> Response:
        return self._asked(lambda: JSONResponse({"scopes": self.scopes}), request)


def signed(body: Any, at: datetime | None = None) -> SentHook:
    """Sign any JSON value as SendGrid does."""
    text = json.dumps(body, separators=(",", ":")).encode() + b"\r\n"
    timestamp = str(int((at or datetime.now(UTC)).timestamp()))
    signature = KEY.sign(timestamp.encode() + text, ec.ECDSA(SHA256()))
    headers = {
        "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
        "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
    }
    return SentHook(text, headers)


def _summary(order: Order) -> dict[str, Any]:
    return {
        "from_email": order.request["from"]["email"],
        "sg_message_id": _logged_id(order),
        "subject": order.request["subject"],
        "to_email": order.address,
        "status": "processed",
        "sg_message_id_created_at": order.at.isoformat(),
    }


def _logged_id(order: Order) -> str:
    return f"{order.id}.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0"


def _error(status: int, field: str | None, message: str) -> Response:
    error = {"message": message, "field": field, "help": None}
    return JSONResponse({"errors": [error]}, status)
