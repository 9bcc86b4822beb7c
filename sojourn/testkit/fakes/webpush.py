"""A fake of a push service, and of the browser behind it, which decrypts the messages."""

import base64
import dataclasses
import json
import time
from functools import cache, partial
from typing import Any

import http_ece
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sojourn.channels.provider import Parcel
from sojourn.domain.errors import (
    AccountError,
    AmbiguousSend,
    ContentRejected,
    EndpointGone,
    RateLimited,
)
from sojourn.domain.messages import Channel
from sojourn.testkit.fakes import Fake, Malformed, Order, Refused

SUBJECT = "mailto:hello@shop.example"
SECRET = b"sixteen  bytes.."
KNOWN = {"title", "body", "url", "image", "tag", "reference"}


class FakeWebPush(Fake):
    """A push service with one subscription."""

    name = "webpush"
    channels = (Channel.PUSH,)
    probed = False

    def environment(self) -> dict[str, str]:
        """Return the sender's key, with this service as an additional allowed host."""
        return {
            "SOJOURN_WEBPUSH_VAPID_PRIVATE_KEY": raw_private_key(),
            "SOJOURN_WEBPUSH_SUBJECT": SUBJECT,
            "SOJOURN_WEBPUSH_EXTRA_HOSTS": self.url,
        }

    def parcel(self, channel: Channel, ledger_key: str) -> Parcel:
        """Return a message to the browser's subscription."""
        return dataclasses.replace(super().parcel(channel, ledger_key), address=self.subscription())

    def subscription(self, **changed: Any) -> str:
        """Return the subscription as the browser's ``JSON.stringify`` writes it."""
        keys = {"p256dh": encoded(_point(_browser())), "auth": encoded(SECRET)}
        said = {"endpoint": f"{self.url}/push/device-1", "expirationTime": None, "keys": keys}
        return json.dumps(said | changed)

    def routes(self) -> list[Route]:
        """Return the endpoint of each device."""
        return [Route("/push/{device}", self.take, methods=["POST"])]

    def authorizes(self, request: Request) -> bool:
        """Check the signature with the sender's key (RFC 8292, 3 and 4.2)."""
        scheme, _, rest = request.headers.get("authorization", "").partition(" ")
        parts = dict(part.strip().partition("=")[::2] for part in rest.split(","))
        if scheme != "vapid" or parts.get("k") != encoded(_point(_sender())):
            return False
        try:
            claims = jwt.decode(
                parts["t"], _sender().public_key(), algorithms=["ES256"], audience=self.url
            )
        except jwt.InvalidTokenError:
            return False
        return bool(claims["sub"] == SUBJECT and claims["exp"] - time.time() <= 24 * 3600)

    async def order(self, request: Request) -> Order:
        """Check the headers, and decrypt the payload as the browser does."""
        headers = request.headers
        if not headers.get("ttl", "").isdigit():
            raise Malformed(Response("TTL is missing", 400))
        if headers.get("content-encoding") != "aes128gcm":
            raise Malformed(Response("not encrypted", 415))
        topic = headers.get("topic", "")
        if len(topic) > 32 or encoded(base64.urlsafe_b64decode(topic)) != topic:
            raise Malformed(Response("BadWebPushTopic", 400))
        if headers.get("urgency") not in ("very-low", "low", "normal", "high"):
            raise Malformed(Response("Urgency", 400))
        body = await request.body()
        if len(body) > 4096:
            raise Malformed(Response("too large", 413))
        text = http_ece.decrypt(
            body, private_key=_browser(), auth_secret=SECRET, version="aes128gcm"
        )
        said = json.loads(text)
        if unknown := said.keys() - KNOWN:
            raise AssertionError(f"the service worker does not know {unknown}")
        return Order(
            id=f"{self.url}/message/{self.order_id()}",
            reference=said["reference"],
            address=request.path_params["device"],
            channel=Channel.PUSH,
            text="\n".join(said.get(part, "") for part in ("title", "body")),
            request={"payload": said, "headers": dict(headers), "size": len(body)},
        )

    def answer(self, order: Order) -> Response:
        """Return the URL of the message."""
        return Response(status_code=201, headers={"Location": order.id})

    def refusals(self) -> dict[str, Refused]:
        """Return the refusals of the browsers' push services."""
        told = {
            "expired": (410, "push subscription has unsubscribed or expired.", EndpointGone),
            "unknown": (404, "", EndpointGone),
            "too-large": (413, "", ContentRejected),
            "bad-request": (400, "UnsupportedContentEncoding", ContentRejected),
            "key-mismatch": (400, '{"reason":"VapidPkHashMismatch"}', AccountError),
            "key-mismatch-mozilla": (
                401,
                '{"code":401,"errno":109,"error":"Unauthorized",'
                '"message":"VAPID public key mismatch"}',
                AccountError,
            ),
            "key-mismatch-google": (
                403,
                "the key in the authorization header does not correspond to the sender ID used "
                "to subscribe this user.",
                AccountError,
            ),
            "bad-claim": (403, '{"reason":"BadJwtToken"}', AccountError),
            "unsigned": (401, "missing", AccountError),
            "quota": (429, "", RateLimited),
            "broken": (502, "", AmbiguousSend),
        }
        return {
            name: Refused(partial(Response, text, status), error)
            for name, (status, text, error) in told.items()
        }

    def unauthorized(self) -> Response:
        """Answer as Google's push service does."""
        words = (
            "the VAPID credentials in the authorization header do not correspond to the "
            "credentials used to create the subscriptions.\n"
        )
        return Response(words, 403)


def raw_private_key() -> str:
    """Return the sender's private key in base64url, as most tools print it."""
    return encoded(_sender().private_numbers().private_value.to_bytes(32))


def pem_private_key() -> str:
    """Return the same key in PEM, as openssl writes it."""
    return (
        _sender()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def encoded(data: bytes) -> str:
    """Encode in base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _point(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )


@cache
def _sender() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def _browser() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())
