"""Push to browsers through their own push services: Web Push.

RFC 8030 (protocol), RFC 8291 (encryption), RFC 8292 (VAPID, the sender). pywebpush encrypts,
py_vapid signs, and our own connections carry the request.
"""

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02, VapidException
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from pywebpush import WebPusher

from sojourn.channels.config import ProviderConfig
from sojourn.channels.http import Http, fault_of
from sojourn.channels.provider import Abilities, Parcel
from sojourn.domain.errors import (
    AccountError,
    BadSetting,
    ContentRejected,
    EndpointGone,
    InvalidRecipient,
    ProviderError,
    WrongSender,
)
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import reference
from sojourn.settings import Settings

HOSTS = (
    "fcm.googleapis.com",
    "*.push.services.mozilla.com",
    "*.notify.windows.com",
    "*.push.apple.com",
)
"""The push services of Chrome, Firefox, Edge and Safari. A browser, or somebody else, names the
endpoint: without this list, we would post to any address."""
LARGEST_BODY = 4_096
"""The size in bytes that every push service takes, encrypted (RFC 8030, 7.2)."""
OVERHEAD = 16 + 4 + 1 + 65 + 1 + 16
"""Salt, record size, key length and key; then the padding's delimiter and the tag (RFC 8188, 2)."""
CLAIM_SECONDS = 12 * 3600
"""Push services refuse a claim that lasts more than 24 hours (RFC 8292, 2)."""
LONGEST_TTL = 28 * 24 * 3600
_RAW_KEY = re.compile(r"[\w-]{43}=?", re.ASCII)
_OF_ANOTHER_KEY = (
    "vapidpkhashmismatch",  # Apple, with 400
    "vapid public key mismatch",  # Mozilla, with 401: autopush-rs, VapidError::KeyMismatch
    "credentials used to create the subscription",  # Google, with 403
    "sender id used to subscribe this user",  # Google, with 403, to older subscriptions
)
"""The texts of push services about a subscription that belongs to another key; their statuses can
also mean other faults (RFC 8292, 2). Microsoft documents no such text."""
_OF_VAPID = ("vapid", "jwt", "authorization", "authentication", "credential")


class Config(ProviderConfig):
    """The settings ``SOJOURN_WEBPUSH_*``."""

    model_config = SettingsConfigDict(env_prefix="SOJOURN_WEBPUSH_")

    vapid_private_key: SecretStr
    """The P-256 key of the subscriptions: 32 bytes in base64url, PEM, or the path of a PEM file."""
    subject: str = ""
    """The contact for push services, ``mailto:`` or ``https:``. Empty for the sender's address."""
    ttl_seconds: Annotated[int, Field(ge=0, le=LONGEST_TTL)] = 86_400
    """The seconds for which a push service keeps a message for an unreachable device."""
    extra_hosts: str = ""
    """Additional push services, separated by commas: ``push.example.com``, ``*.example.com``, or a
    whole origin, ``http://127.0.0.1:8090``."""


class WebPush:
    """The push service that each browser names.

    A duplicate replaces the first message: by its topic while the device is unreachable, by its tag
    on the screen.
    """

    name = "webpush"
    channels = frozenset({Channel.PUSH})
    abilities = Abilities(fenced=True)

    def __init__(self, settings: Settings) -> None:
        self._config = Config.load()
        self._vapid = Vapid02(_private_key(self._config.vapid_private_key.get_secret_value()))
        self._subject = self._config.subject or f"mailto:{settings.from_email}"
        try:
            self._claim("https://push.example")
        except VapidException:
            raise BadSetting(
                "SOJOURN_WEBPUSH_SUBJECT is neither mailto: nor https: with a host"
            ) from None
        extra = (one.strip().lower().rstrip("/") for one in self._config.extra_hosts.split(","))
        self._hosts = (*HOSTS, *(one for one in extra if one))
        self._http = Http("", self._config.timeout_seconds)
        self._proven = False
        """True once a message was accepted, which shows that our key has subscriptions."""

    async def send(self, parcel: Parcel) -> str:
        """Hand a message over and return the push service's URL or id of it, or else our reference.

        Raises:
            InvalidRecipient: the push service refuses the address, or it is not a subscription, or
                its push service is not on the list.
        """
        subscription = _subscription(parcel.address)
        origin = self._origin(subscription.endpoint)
        content = _payload(parcel)
        if len(content) > LARGEST_BODY - OVERHEAD:
            raise ContentRejected(
                f"{len(content)} bytes of payload: a push service takes {LARGEST_BODY - OVERHEAD}"
            )
        answer = await self._http.send(
            "POST",
            str(subscription.endpoint),
            content=subscription.encrypt(content),
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Encoding": "aes128gcm",
                "TTL": str(self._config.ttl_seconds),
                "Topic": _topic(parcel),
                "Urgency": _urgency(parcel),
                **self._claim(origin),
            },
        )
        if not answer.is_success:
            raise _fault(answer, proven=self._proven).coded(f"HTTP {answer.status_code}")
        self._proven = True
        # Apple and Microsoft return no URL; 201 still means accepted (RFC 8030, 5)
        said = answer.headers.get("location") or answer.headers.get("apns-id")
        return said or parcel.reference

    async def probe(self) -> None:
        """Check that the key signs. There is no push service to ask without a message."""
        try:
            self._claim("https://push.example")
        except VapidException as error:
            raise AccountError(f"cannot sign: {error}") from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def _claim(self, origin: str) -> dict[str, str]:
        """Return the headers that identify the sender."""
        expires = int(time.time()) + CLAIM_SECONDS
        claims = {"aud": origin, "exp": expires, "sub": self._subject}
        header: dict[str, str] = self._vapid.sign(claims)
        return header

    def _origin(self, endpoint: httpx.URL) -> str:
        origin = f"{endpoint.scheme}://{endpoint.netloc.decode()}"
        usual = endpoint.scheme == "https" and endpoint.port is None
        for allowed in self._hosts:
            if allowed == origin or (usual and _matches(endpoint.host, allowed)):
                return origin
        raise InvalidRecipient("the endpoint's host is not a push service on the list")


@dataclass(frozen=True)
class _Subscription:
    """A browser's subscription from ``PushSubscription.toJSON()``, checked.

    Args:
        endpoint: the push service's URL of this browser.
        keys: the browser's public key ``p256dh`` and its secret ``auth``, in base64url.
    """

    endpoint: httpx.URL
    keys: Mapping[str, str]

    def encrypt(self, payload: bytes) -> bytes:
        """Encrypt a payload for this browser."""
        pusher = WebPusher({"endpoint": str(self.endpoint), "keys": dict(self.keys)})
        body: bytes = pusher.encode(payload)["body"]
        return body


def _subscription(address: str) -> _Subscription:
    try:
        said: Any = json.loads(address)
        endpoint = httpx.URL(said["endpoint"])
        point, secret = _decoded(said["keys"]["p256dh"]), _decoded(said["keys"]["auth"])
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, httpx.InvalidURL):
        raise InvalidRecipient(
            "not a subscription: JSON with endpoint, keys.p256dh, keys.auth"
        ) from None
    if len(point) != 65 or len(secret) != 16 or endpoint.userinfo:
        raise InvalidRecipient("a subscription whose keys have another length, or with a password")
    return _Subscription(endpoint, {"p256dh": _encoded(point), "auth": _encoded(secret)})


def _payload(parcel: Parcel) -> bytes:
    """Write the JSON that examples/service/service-worker.js reads."""
    content = parcel.content
    said = {
        "title": content.title,
        "body": content.body,
        "url": content.url,
        "image": content.image,
        "tag": _collapse_key(parcel),
        "reference": parcel.reference,
    }
    filled = {name: value for name, value in said.items() if value}
    return json.dumps(filled, ensure_ascii=False, separators=(",", ":")).encode()


def _collapse_key(parcel: Parcel) -> str:
    return parcel.content.collapse_key or parcel.reference


def _topic(parcel: Parcel) -> str:
    """Return 32 characters of base64url (RFC 8030, 5.4), which Apple also decodes."""
    return reference(_collapse_key(parcel))


def _urgency(parcel: Parcel) -> str:
    """Return ``high`` only for a sign-in code, which may wake a device (RFC 8030, 5.3)."""
    return "high" if parcel.message_class is MessageClass.AUTHENTICATION else "normal"


def _fault(answer: httpx.Response, *, proven: bool) -> ProviderError:
    """Return the error that an answer means.

    Only the text says that a subscription belongs to another key, but not which of the two is
    wrong: until a message has been accepted, our key may be wrong, for every subscription.
    """
    said = answer.text.lower()
    if answer.status_code in (400, 401, 403) and any(words in said for words in _OF_ANOTHER_KEY):
        detail = str(fault_of(answer))
        return WrongSender(detail) if proven else AccountError(detail)
    match answer.status_code:
        case 404 | 410:
            return EndpointGone(f"HTTP {answer.status_code}: the subscription has ended")
        case 413:
            return ContentRejected("HTTP 413: the payload is too large")
        case 301 | 307 | 308 | 402 | 405 | 407:
            # the browser named the URL: its fault must not pause the channel for others
            return ContentRejected(f"HTTP {answer.status_code}: no push service lives there")
        case 400 if any(word in said for word in _OF_VAPID):
            return AccountError(f"HTTP 400: {answer.text.strip()}")
    return fault_of(answer)


def _matches(host: str, allowed: str) -> bool:
    if allowed.startswith("*."):
        return host.endswith(allowed.removeprefix("*"))
    return host == allowed


def _private_key(given: str) -> ec.EllipticCurvePrivateKey:
    """Read the key that signs, in any of its three forms.

    Raises:
        BadSetting: it is not a P-256 key, or the file cannot be read.
    """
    try:
        if _RAW_KEY.fullmatch(given):
            number = int.from_bytes(_decoded(given))
            return ec.derive_private_key(number, ec.SECP256R1())
        pem = given if given.startswith("-----BEGIN") else Path(given).read_text()
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except OSError as error:
        raise BadSetting(
            "SOJOURN_WEBPUSH_VAPID_PRIVATE_KEY is neither a key nor a file that can be read: "
            f"{error.strerror}"
        ) from None
    except (ValueError, TypeError):
        raise BadSetting("SOJOURN_WEBPUSH_VAPID_PRIVATE_KEY is not a private key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadSetting("SOJOURN_WEBPUSH_VAPID_PRIVATE_KEY is a key of another kind than P-256")
    return key


def _decoded(text: str) -> bytes:
    """Decode base64url with or without padding, which browsers leave out."""
    bare = text.rstrip("=")
    return base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
