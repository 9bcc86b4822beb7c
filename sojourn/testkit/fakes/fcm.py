"""A fake of Firebase Cloud Messaging, and of Google's token endpoint."""

import json
import secrets
from collections.abc import Mapping
from functools import cache, partial
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    EndpointGone,
    InvalidRecipient,
    RateLimited,
)
from sojourn.domain.messages import Channel
from sojourn.testkit.fakes import Fake, Malformed, Order, Refused

PROJECT = "shop-1"
EMAIL = "sojourn@shop-1.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"

SHAPE: dict[str, Any] = {
    "token": str,
    "notification": {"title": str, "body": str, "image": str},
    "data": {"url": str, "reference": str},
    "android": {"collapse_key": str, "notification": {"tag": str}},
    "apns": {"headers": {"apns-collapse-id": str}},
    "webpush": {"fcm_options": {"link": str}},
}
"""The part of Google's message format that our provider class uses."""


class FakeFcm(Fake):
    """Firebase and Google's authorisation server, with one project."""

    name = "fcm"
    channels = (Channel.PUSH,)

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[str] = []
        """The issued access tokens."""
        self.lasts = 3600
        """The life of an access token, in seconds."""

    def environment(self) -> dict[str, str]:
        """Return a service account whose token endpoint is this fake."""
        return {"SOJOURN_FCM_CREDENTIALS": json.dumps(self.key()), "SOJOURN_FCM_BASE_URL": self.url}

    def key(self) -> dict[str, str]:
        """Return the key of a service account, as Google's console provides it."""
        pem = _private_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "key-1",
            "private_key": pem.decode(),
            "client_email": EMAIL,
            "token_uri": f"{self.url}/token",
        }

    def routes(self) -> list[Route]:
        """Return the two endpoints that we use, and one for unknown projects."""
        return [
            Route("/token", self._token, methods=["POST"]),
            Route(f"/v1/projects/{PROJECT}/messages:send", self._send, methods=["POST"]),
            Route("/v1/projects/{other}/messages:send", self._no_project, methods=["POST"]),
        ]

    def authorizes(self, request: Request) -> bool:
        """Check that the token was issued here."""
        return request.headers.get("authorization", "").removeprefix("Bearer ") in self.tokens

    async def order(self, request: Request) -> Order:
        """Check the message's shape and Firebase's limits."""
        body = await request.body()
        said = json.loads(body)["message"]
        if fault := _misshapen(said, SHAPE, "message"):
            raise Malformed(invalid_field(fault))
        if len(body) > 4096:
            raise Malformed(invalid("Android message is too big"))
        link = said.get("webpush", {}).get("fcm_options", {}).get("link", "https://")
        if not link.startswith("https://"):
            raise Malformed(invalid_field("message.webpush.fcm_options.link"))
        if len(said["apns"]["headers"]["apns-collapse-id"].encode()) > 64:
            raise Malformed(invalid("The apns-collapse-id is too long"))
        if "token" not in said["token"]:
            raise Malformed(invalid("The registration token is not a valid FCM registration token"))
        return Order(
            id=f"projects/{PROJECT}/messages/{self.order_id()}",
            reference=said["data"]["reference"],
            address=said["token"],
            channel=Channel.PUSH,
            text="\n".join(said["notification"].values()),
            request=said,
        )

    def answer(self, order: Order) -> Response:
        """Name the message."""
        return JSONResponse({"name": order.id})

    def refusals(self) -> dict[str, Refused]:
        """Return the errors of Firebase's reference, and Google's own."""
        bad_token = "The registration token is not a valid FCM registration token"
        return {
            "unregistered": Refused(partial(error, 404, "NOT_FOUND", "UNREGISTERED"), EndpointGone),
            "bad-token": Refused(partial(invalid, bad_token), InvalidRecipient),
            "bad-token-field": Refused(partial(invalid_field, "message.token"), InvalidRecipient),
            "bad-field": Refused(partial(invalid_field, "message.data[0].value"), ContentRejected),
            "too-big": Refused(partial(invalid, "Android message is too big"), ContentRejected),
            "sender": Refused(
                partial(error, 403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), AccountError
            ),
            "third-party": Refused(
                partial(error, 401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), AccountError
            ),
            "denied": Refused(partial(error, 403, "PERMISSION_DENIED"), AccountError),
            "quota": Refused(
                partial(error, 429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), RateLimited
            ),
            "no-project": Refused(partial(error, 404, "NOT_FOUND"), AccountError),
            "unavailable": Refused(
                partial(error, 503, "UNAVAILABLE", "UNAVAILABLE"), AmbiguousSend
            ),
            "internal": Refused(partial(error, 500, "INTERNAL", "INTERNAL"), AmbiguousSend),
        }

    def unauthorized(self) -> Response:
        """Answer as Google does to a bad token."""
        return error(401, "UNAUTHENTICATED")

    async def _token(self, request: Request) -> Response:
        form = parse_qs((await request.body()).decode())
        try:
            claims = jwt.decode(
                form["assertion"][0],
                _private_key().public_key(),
                algorithms=["RS256"],
                audience=f"{self.url}/token",
                issuer=EMAIL,
            )
        except jwt.InvalidTokenError as fault:
            return JSONResponse({"error": "invalid_grant", "error_description": str(fault)}, 400)
        lasts = claims["exp"] - claims["iat"]
        if not self.authorized or claims["scope"] != SCOPE or lasts > 3600:
            return JSONResponse({"error": "invalid_grant"}, 400)
        if form["grant_type"] != ["urn:ietf:params:oauth:grant-type:jwt-bearer"]:
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        self.tokens.append(f"ya29.{secrets.token_hex(8)}")
        said = {"access_token": self.tokens[-1], "expires_in": self.lasts, "token_type": "Bearer"}
        return JSONResponse(said)

    async def _send(self, request: Request) -> Response:
        said = json.loads(await request.body())
        if not said.get("validate_only"):
            return await self.take(request)
        if not self.authorized or not self.authorizes(request):
            return self.unauthorized()
        return JSONResponse({"name": f"projects/{PROJECT}/messages/fake_message_id"})

    async def _no_project(self, request: Request) -> Response:
        return error(404, "NOT_FOUND")


def error(status: int, word: str, code: str = "", message: str = "Not sent.") -> Response:
    """Return an error in Google's form, with Firebase's code in its details.

    Args:
        status: the HTTP status.
        word: Google's canonical code.
        code: Firebase's code; empty if there is none.
        message: the error in words.

    Returns:
        The answer.
    """
    said: dict[str, Any] = {"code": status, "message": message, "status": word}
    if code:
        said["details"] = [{"@type": FCM_ERROR, "errorCode": code}]
    return JSONResponse({"error": said}, status)


def invalid(message: str) -> Response:
    """Return Firebase's error for a bad value."""
    return error(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", message)


def invalid_field(name: str) -> Response:
    """Return Google's own error for a field of the wrong form."""
    message = f"Invalid value at '{name}'"
    detail = {"@type": BAD_REQUEST, "fieldViolations": [{"field": name, "description": message}]}
    said = {"code": 400, "message": message, "status": "INVALID_ARGUMENT", "details": [detail]}
    return JSONResponse({"error": said}, 400)


def _misshapen(said: Any, shape: Any, place: str) -> str:
    """Return the first place that differs from the shape; empty if there is none."""
    if not isinstance(shape, Mapping):
        return "" if isinstance(said, shape) else place
    if not isinstance(said, dict):
        return place
    for name, value in said.items():
        if name not in shape:
            return f"{place}.{name}"
        if fault := _misshapen(value, shape[name], f"{place}.{name}"):
            return fault
    return ""


@cache
def _private_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)
