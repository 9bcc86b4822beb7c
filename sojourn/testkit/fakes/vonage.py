"""A fake of Vonage's Messages API."""

import base64
import hashlib
import json
import uuid
from datetime import datetime
from functools import partial
from typing import Any

import jwt
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    InvalidRecipient,
    RateLimited,
    RecipientUnsubscribed,
    TransientError,
)
from sojourn.domain.messages import Channel
from sojourn.domain.reports import Kind
from sojourn.testkit.fakes import RETRY_AFTER, Fake, Happening, Malformed, Order, Refused, SentHook

KEY, SECRET = "a1b2c3d4", "an-api-secret"
SIGNATURE_SECRET = "a-signature-secret-that-is-long-enough-for-hs256"
SMS_FROM = "+15005550006"
ERRORS = "https://developer.vonage.com/api-errors"
KNOWN = {
    "message_type", "text", "to", "from", "channel", "client_ref", "webhook_url",
    "webhook_version", "ttl", "sms", "trusted_recipient", "failover",
}  # fmt: skip
STATUSES = {
    Kind.ACCEPTED: ("submitted", ""),
    Kind.DELIVERED: ("delivered", ""),
    Kind.BOUNCED: ("rejected", "1190"),
    Kind.FAILED: ("undeliverable", "1210"),
}
SAID = {Kind.REPLIED: "Is it still there? Żółty?", Kind.UNSUBSCRIBED: "Stop, please"}


class FakeVonage(Fake):
    """Vonage, with one account."""

    name = "vonage"
    channels = (Channel.SMS,)
    kinds = {Channel.SMS: (*STATUSES, *SAID)}
    dated = True
    once = True

    def environment(self) -> dict[str, str]:
        """Return the account's credentials, the sender and the webhooks' secret."""
        return {
            "SOJOURN_VONAGE_API_KEY": KEY,
            "SOJOURN_VONAGE_API_SECRET": SECRET,
            "SOJOURN_VONAGE_SMS_FROM": SMS_FROM,
            "SOJOURN_VONAGE_SIGNATURE_SECRET": SIGNATURE_SECRET,
            "SOJOURN_VONAGE_BASE_URL": self.url,
        }

    def routes(self) -> list[Route]:
        """Return the endpoints that we use."""
        return [
            Route("/v1/messages", self.take, methods=["POST"]),
            Route("/v2/applications", partial(self._ours, "applications"), methods=["GET"]),
            Route("/v1/users", partial(self._ours, "users"), methods=["GET"]),
        ]

    def authorizes(self, request: Request) -> bool:
        """Check the Basic credentials."""
        basic = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
        return request.headers.get("authorization") == f"Basic {basic}"

    async def order(self, request: Request) -> Order:
        """Check the parameters."""
        said = json.loads(await request.body())
        if unknown := said.keys() - KNOWN:
            raise Malformed(_problem("1020", f"Invalid params: {unknown}"))
        if any(not isinstance(value, str) for value in said.values()):
            raise Malformed(_problem("1020", "Invalid params"))
        if not said["to"].isdecimal():
            raise Malformed(_problem("1430", "The `to` parameter is invalid"))
        if said["from"].startswith("+"):
            raise Malformed(_problem("1420", "The `from` parameter is invalid"))
        if (said["channel"], said["message_type"]) != ("sms", "text"):
            raise Malformed(_problem("1440", "Invalid message type"))
        if not 0 < len(said["text"]) <= 1000 or len(said["client_ref"]) > 100:
            raise Malformed(_problem("1020", "Invalid params"))
        return Order(
            id=str(uuid.uuid5(uuid.NAMESPACE_URL, self.order_id())),
            reference=said["client_ref"],
            address="+" + said["to"],
            channel=Channel.SMS,
            text=said["text"],
            request=said,
        )

    def answer(self, order: Order) -> Response:
        """Return the message_uuid."""
        return JSONResponse({"message_uuid": order.id}, 202)

    def refusals(self) -> dict[str, Refused]:
        """Return Vonage's error codes by name."""
        told: dict[str, tuple[str, str, Any]] = {
            "recipient": ("1430", "The `to` parameter is invalid", InvalidRecipient),
            "missing-number": ("1170", "Invalid or missing msisdn", InvalidRecipient),
            "stopped": ("1240", "The user has already sent a STOP", RecipientUnsubscribed),
            "sender-of-a-country": ("1120", "Illegal sender address", ContentRejected),
            "sender": ("1420", "Invalid sender", AccountError),
            "barred": ("1060", "Partner account barred", AccountError),
            "unlisted": ("1160", "Non white-listed destination", AccountError),
            "params": ("1020", "Invalid params", ContentRejected),
            "spam": ("1210", "Anti-spam rejection", ContentRejected),
            "too-many": ("1241", "Too many send requests", RateLimited),
            "communication": ("1100", "Communication failed", TransientError),
            "inside": ("1030", "Internal error", AmbiguousSend),
        }
        refusals = {
            name: Refused(partial(_problem, code, text), error)
            for name, (code, text, error) in told.items()
        }
        balance = partial(_problem, "low-balance", "Your account balance is low", 402)
        return refusals | {"balance": Refused(balance, AccountError)}

    def rate_limited(self) -> Response:
        """Answer with the error of too many requests."""
        seconds = str(int(RETRY_AFTER.total_seconds()))
        return _problem("throttled", "Rate limit hit", 429, {"Retry-After": seconds})

    def unauthorized(self) -> Response:
        """Answer with the error of bad credentials."""
        return _problem("unauthorized", "You did not provide correct credentials.", 401)

    def webhook(self, happening: Happening) -> SentHook:
        """Write a status, or a customer's message."""
        order, kind = happening.order, happening.kind
        when = happening.at
        us, them = order.request["from"], order.request["to"]
        said: dict[str, Any] = {
            "channel": "sms",
            "timestamp": when.isoformat().replace("+00:00", "Z"),
        }
        if kind in SAID:
            own = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{order.id}{happening.id}"))
            said |= {"message_uuid": own, "from": them, "to": us, "message_type": "text"}
            said |= {"text": SAID[kind], "sms": {"num_messages": "1", "keyword": "STOP"}}
            return signed(said, when)
        status, code = STATUSES[kind]
        said |= {"message_uuid": order.id, "from": us, "to": them, "status": status}
        said |= {"client_ref": order.reference, "usage": {"currency": "EUR", "price": "0.0333"}}
        if code:
            said["error"] = problem(code, "What the documentation says.")
        return signed(said, when)

    async def _ours(self, what: str, request: Request) -> Response:
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        return JSONResponse({"page_size": 1, "_embedded": {what: []}})


def signed(said: object, at: datetime, secret: str = SIGNATURE_SECRET, **claims: Any) -> SentHook:
    """Sign a webhook with a JWT that contains the hash of the body.

    Args:
        said: any JSON value.
        at: the moment to sign.
        secret: the signature secret.
        claims: changes to the claims of the JWT.

    Returns:
        The webhook.
    """
    body = json.dumps(said).encode()
    told = {
        "iss": "Vonage",
        "iat": int(at.timestamp()),
        "jti": str(uuid.uuid4()),
        "api_key": KEY,
        "payload_hash": hashlib.sha256(body).hexdigest(),
    } | claims
    token = jwt.encode(told, secret, algorithm="HS256")
    return SentHook(body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})


def problem(code: str, detail: str) -> dict[str, Any]:
    """Return an error in the form of RFC 7807."""
    place = "/messages" if code.isdecimal() else "/"
    return {"type": f"{ERRORS}{place}#{code}", "title": code, "detail": detail, "instance": "bf0c"}


def _problem(
    code: str, detail: str, status: int = 422, headers: dict[str, str] | None = None
) -> Response:
    return JSONResponse(problem(code, detail), status, headers, "application/problem+json")
