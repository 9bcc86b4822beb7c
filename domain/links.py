"""Links and codes that carry our signature, so that whoever holds one need not log in.

A token says who and what in readable form and is signed, not secret. It has no date: a link in an
old e-mail works for as long as the key does. Each kind of token is signed apart, so that one cannot
stand in for another.
"""

import hashlib
import hmac
from dataclasses import astuple, dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from itsdangerous import BadData, URLSafeSerializer

from domain.errors import BadToken
from domain.messages import Channel

# neither 0 and O, 1, I and L, nor U and V can be taken for one another
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 8


@dataclass(frozen=True)
class Unsubscribe:
    """A customer wants no more messages of this topic by this channel."""

    customer_id: str
    channel: Channel
    topic: str


@dataclass(frozen=True)
class Renew:
    """A customer wants a subscription to go on."""

    customer_id: str
    subscription_id: str


def unsubscribe_token(secret: str, wish: Unsubscribe) -> str:
    """A token for ``/u/{token}``; never expires."""
    return _sign(secret, "unsubscribe", wish)


def read_unsubscribe(secret: str, token: str) -> Unsubscribe:
    """What an unsubscribe token says.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    customer_id, channel, topic = _read(secret, "unsubscribe", token, 3)
    return Unsubscribe(customer_id, Channel(channel), topic)


def renew_token(secret: str, wish: Renew) -> str:
    """A token for the shop's renewal page."""
    return _sign(secret, "renew", wish)


def read_renew(secret: str, token: str) -> Renew:
    """What a renewal token says.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    customer_id, subscription_id = _read(secret, "renew", token, 2)
    return Renew(customer_id, subscription_id)


def offer_code(secret: str, message_id: str, prefix: str) -> str:
    """``BACK10-7KQ2MX9R``: the same for every try at a message, another for every message."""
    _require(secret)
    named = f"offer-code\0{message_id}\0{prefix}".encode()
    number = int.from_bytes(hmac.digest(secret.encode(), named, hashlib.sha256))
    letters = []
    for _ in range(CODE_LENGTH):
        number, place = divmod(number, len(CODE_ALPHABET))
        letters.append(CODE_ALPHABET[place])
    return f"{prefix}-{''.join(letters)}"


def web_url(url: str | None, base: str) -> str:
    """``url`` if it can stand in a message, else empty.

    Only http and https can: ``javascript:`` and the like come from forged events. A path is taken
    to be on ``base``.
    """
    if not url:
        return ""
    try:
        whole = urljoin(base.rstrip("/") + "/", url.strip())
        parts = urlsplit(whole)
    except ValueError:
        return ""
    return whole if parts.scheme in {"http", "https"} and parts.netloc else ""


def _require(secret: str) -> None:
    if not secret:
        raise ValueError("signing needs a secret key")


def _serializer(secret: str, kind: str) -> URLSafeSerializer:
    _require(secret)
    return URLSafeSerializer(
        secret,
        salt=f"sojourn.{kind}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _sign(secret: str, kind: str, wish: Unsubscribe | Renew) -> str:
    return _serializer(secret, kind).dumps(astuple(wish))


def _read(secret: str, kind: str, token: str, length: int) -> list[Any]:
    try:
        said = _serializer(secret, kind).loads(token.strip())
    except (BadData, ValueError):
        raise BadToken(f"this {kind} link is damaged or was not made here") from None
    assert isinstance(said, list)
    assert len(said) == length, "signed by us, so it has our shape"
    return said
