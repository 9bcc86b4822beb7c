"""A fake of Mailgun."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.channels.provider import Hook
from sojourn.domain.errors import AccountError, ContentRejected, InvalidRecipient
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import Fake, Happening, Malformed, Order, Refused, SentHook

API_KEY = "key-fake"
WEBHOOK_KEY = "signing-key-fake"
DOMAIN = "mail.shop.example"
KNOWN = {
    "from", "to", "cc", "bcc", "subject", "text", "html", "amp-html", "attachment", "inline",
    "template", "o:tag", "o:dkim", "o:deliverytime", "o:testmode", "o:tracking",
    "o:tracking-clicks", "o:tracking-opens", "o:require-tls", "o:skip-verification",
    "recipient-variables",
}  # fmt: skip
AUTHORIZATION = "Basic " + base64.b64encode(f"api:{API_KEY}".encode()).decode()


class FakeMailgun(Fake):
    """Mailgun, with one sending domain."""

    name = "mailgun"
    channels = (Channel.EMAIL,)
    signed = False
    dated = True
    too_old = timedelta(hours=10)
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
        self.state = "active"
        """The state of the domain."""

    def environment(self) -> dict[str, str]:
        """Return the key and the domain."""
        return {
            "SOJOURN_MAILGUN_API_KEY": API_KEY,
            "SOJOURN_MAILGUN_DOMAIN": DOMAIN,
            "SOJOURN_MAILGUN_WEBHOOK_KEY": WEBHOOK_KEY,
            "SOJOURN_MAILGUN_BASE_URL": self.url,
        }

    def routes(self) -> list[Route]:
        """Return the domain's endpoints."""
        return [
            Route(f"/v3/{DOMAIN}/messages", self.take, methods=["POST"]),
            Route(f"/v3/{DOMAIN}/events", self._events),
            Route(f"/v4/domains/{DOMAIN}", self._described),
        ]

    def authorizes(self, request: Request) -> bool:
        """Check the Basic credentials."""
        return request.headers.get("authorization") == AUTHORIZATION

    async def order(self, request: Request) -> Order:
        """Check the form and its parameters."""
        if not request.headers["content-type"].startswith("multipart/form-data"):
            raise Malformed(_error(400, "send multipart/form-data"))
        async with request.form() as form:
            said: dict[str, Any] = {
                name: value for name, value in form.items() if isinstance(value, str)
            }
            files = [one for one in form.getlist("attachment") if isinstance(one, UploadFile)]
            said["attachment"] = [(f.filename, f.content_type, await f.read()) for f in files]
        unknown = {one for one in said.keys() - KNOWN if not one.startswith(("h:", "v:"))}
        if unknown:
            raise Malformed(_error(400, f"unknown parameters: {unknown}"))
        for name in ("from", "to"):
            if "@" not in said[name]:
                text = f"'{name}' parameter is not a valid address. please check documentation"
                raise Malformed(_error(400, text))
        if not (said.get("text") or said.get("html")):
            raise Malformed(_error(400, "Need at least one of 'text', 'html' or 'template'"))
        return Order(
            id=said["h:Message-Id"].strip("<>"),
            reference=said["v:reference"],
            address=said["to"],
            channel=Channel.EMAIL,
            text=said.get("text", ""),
            request=said,
        )

    def answer(self, order: Order) -> Response:
        """Return the Message-ID."""
        return JSONResponse({"id": f"<{order.id}>", "message": "Queued. Thank you."})

    def refusals(self) -> dict[str, Refused]:
        """Return refusals that differ in their text, since Mailgun has no codes."""
        told: dict[str, tuple[int, str, Any]] = {
            "invalid": (
                400,
                "'to' parameter is not a valid address. please check documentation",
                InvalidRecipient,
            ),
            "invalid-unquoted": (400, "to parameter is not a valid address", InvalidRecipient),
            "sender": (
                400,
                "'from' parameter is not a valid address. please check documentation",
                AccountError,
            ),
            "no-sender": (400, "from parameter is missing", AccountError),
            "unpaid": (402, "Payment Required", AccountError),
            "empty": (400, "Need at least one of 'text' or 'html' parameters", ContentRejected),
            "probation": (
                400,
                f"Domain {DOMAIN} is not allowed to send: The domain is unverified",
                AccountError,
            ),
            "sandbox": (
                403,
                "Sandbox subdomains are for test purposes only. Please add your own domain",
                AccountError,
            ),
            "free": (
                400,
                "Free accounts are for test purposes only. Please upgrade or add the address to "
                "authorized recipients in Account Settings.",
                AccountError,
            ),
            "region": (404, f"Domain not found: {DOMAIN}", AccountError),
            "too-large": (413, "Message is too large", ContentRejected),
        }
        return {
            name: Refused(partial(_error, status, text), error)
            for name, (status, text, error) in told.items()
        }

    def unauthorized(self) -> Response:
        """Answer in plain text, as Mailgun does."""
        return Response("Forbidden", 401)

    def webhook(self, happening: Happening) -> SentHook:
        """Describe the happening as an event."""
        order, kind = happening.order, happening.kind
        told: dict[Kind, dict[str, Any]] = {
            Kind.ACCEPTED: {"event": "accepted"},
            Kind.DEFERRED: {
                "event": "failed",
                "severity": "temporary",
                "reason": "generic",
                "delivery-status": {"code": 450, "message": "Greylisted", "attempt-no": 1},
            },
            Kind.DELIVERED: {
                "event": "delivered",
                "delivery-status": {"code": 250, "message": "OK", "description": ""},
            },
            Kind.FAILED: {
                "event": "failed",
                "severity": "permanent",
                "reason": "old",
                "delivery-status": {"code": 602, "message": "Too old"},
            },
            Kind.BOUNCED: {
                "event": "failed",
                "severity": "permanent",
                "reason": "bounce",
                "delivery-status": {
                    "code": 550,
                    "message": "5.1.1 The email account that you tried to reach does not exist",
                },
            },
            Kind.OPENED: {"event": "opened"},
            Kind.CLICKED: {"event": "clicked", "url": "https://shop.example/cart"},
            Kind.UNSUBSCRIBED: {"event": "unsubscribed"},
            Kind.COMPLAINED: {"event": "complained"},
        }
        when = happening.at
        event = {
            "id": "CCXMjJ7nQi2N3BPigGOdgQ",
            "timestamp": when.timestamp(),
            "recipient": order.address,
            "message": {"headers": {"message-id": order.id, "to": order.address}},
            "user-variables": {"reference": order.reference},
            **told[kind],
        }
        return signed(event, happening.id, happening.at)

    def unsigned(self, hook: Hook) -> Hook:
        """Remove the signature, which is in the body."""
        said = json.loads(hook.body)
        del said["signature"]
        return replace(hook, body=json.dumps(said).encode())

    async def _events(self, request: Request) -> Response:
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        asked = request.query_params
        if "end" not in asked and "ascending" not in asked:
            return _error(400, "ascending is needed where there is no end")
        found = [
            {
                "event": "accepted",
                "id": order.reference,
                "timestamp": order.at.timestamp(),
                "message": {"headers": {"message-id": order.id}},
            }
            for order in self.accepted
            if order.id == asked["message-id"] and order.at.timestamp() >= float(asked["begin"])
        ]
        pages = ("first", "last", "next", "previous")
        paging = {page: f"{self.url}/v3/{DOMAIN}/events/{page}" for page in pages}
        return JSONResponse({"items": found[: int(asked["limit"])], "paging": paging})

    async def _described(self, request: Request) -> Response:
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        said = {
            "id": "546cf3a7b1f31c2f",
            "name": DOMAIN,
            "state": self.state,
            "created_at": "Wed, 10 Jul 2013 19:26:52 GMT",
            "is_disabled": self.state == "disabled",
            "require_tls": False,
            "skip_verification": False,
            "spam_action": "disabled",
            "type": "custom",
            "wildcard": False,
        }
        return JSONResponse({"domain": said})


def signed(event: Any, token: str, at: datetime | None = None, name: str = "signature") -> SentHook:
    """Sign an event as Mailgun does: the moment and a token, not the event itself.

    Args:
        event: any JSON value.
        token: the token to sign.
        at: the moment to sign; None for now.
        name: the field of the signature.

    Returns:
        The webhook.
    """
    timestamp = str(int((at or datetime.now(UTC)).timestamp()))
    text = (timestamp + token).encode()
    signature = hmac.new(WEBHOOK_KEY.encode(), text, hashlib.sha256).hexdigest()
    said = {"timestamp": timestamp, "token": token, name: signature}
    body = json.dumps({"signature": said, "event-data": event}).encode()
    return SentHook(body, {"Content-Type": "application/json"})


def _error(status: int, message: str) -> Response:
    return JSONResponse({"message": message}, status)
