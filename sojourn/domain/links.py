"""Links and codes that carry our signature, so that whoever holds one need not log in.

A token says who and what in readable form and is signed, not secret. It has no date: a link in an
old e-mail works for as long as the key does. Each kind of token is signed apart, so that one cannot
stand in for another.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

from itsdangerous import BadData, URLSafeSerializer

from sojourn.domain.errors import BadToken
from sojourn.domain.messages import Channel

# neither 0 and O, 1, I and L, nor U and V can be taken for one another
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 8

LONGEST_LINK = 2000
"""Characters of a link that is tracked: its token is longer still, and mailboxes cut what is."""

# stricter than a browser: where two readers could see two hosts, there is none
_LINK = re.compile(
    r"https?://([a-z\d.-]+)(?::\d{1,5})?(?:[/?#][^\s\\\x00-\x1f\x7f\ud800-\udfff]*)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Unsubscribe:
    """A customer wants no more messages of this topic by this channel.

    Args:
        customer_id: who.
        channel: of the messages.
        topic: of the messages.
        reference: the message that bore the link (`domain.reports.reference`); may be empty.
    """

    customer_id: str
    channel: Channel
    topic: str
    reference: str = ""


@dataclass(frozen=True)
class Renew:
    """A customer wants a subscription to go on."""

    customer_id: str
    subscription_id: str


@dataclass(frozen=True)
class Click:
    """A link in a message is followed.

    Args:
        reference: the message (`domain.reports.reference`).
        url: where the link leads.
    """

    reference: str
    url: str


@dataclass(frozen=True)
class Open:
    """A message is opened, or fetched by a mailbox that wants to seem so.

    Args:
        reference: the message (`domain.reports.reference`).
    """

    reference: str


def unsubscribe_token(secret: str, wish: Unsubscribe) -> str:
    """A token for ``/u/{token}``; never expires."""
    said = astuple(wish)
    return _sign(secret, "unsubscribe", said if wish.reference else said[:-1])


def read_unsubscribe(secret: str, token: str) -> Unsubscribe:
    """What an unsubscribe token says.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    # links without a reference came first, and they hold for ever
    customer_id, channel, topic, *reference = _read(secret, "unsubscribe", token, 3, 4)
    return Unsubscribe(customer_id, Channel(channel), topic, *reference)


def renew_token(secret: str, wish: Renew) -> str:
    """A token for the shop's renewal page."""
    return _sign(secret, "renew", astuple(wish))


def read_renew(secret: str, token: str) -> Renew:
    """What a renewal token says.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    customer_id, subscription_id = _read(secret, "renew", token, 2)
    return Renew(customer_id, subscription_id)


def click_token(secret: str, click: Click) -> str:
    """A token for ``/c/{token}``; never expires."""
    return _sign(secret, "click", astuple(click))


def read_click(secret: str, token: str) -> Click:
    """What a click token says. Whether its URL may be led to, `link_host` tells.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    reference, url = _read(secret, "click", token, 2)
    return Click(reference, url)


def open_token(secret: str, opened: Open) -> str:
    """A token for ``/o/{token}``; never expires."""
    return _sign(secret, "open", astuple(opened))


def read_open(secret: str, token: str) -> Open:
    """What an open pixel's token says.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    (reference,) = _read(secret, "open", token, 1)
    return Open(reference)


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


def link_host(url: str) -> str:
    """The host, in lower case, to which a browser would go; empty if there could be a doubt.

    User names, backslashes, control characters, hosts in other letters than ASCII's and what is
    longer than `LONGEST_LINK` leave a doubt: no redirect must depend on who reads a URL how.
    """
    found = _LINK.fullmatch(url) if len(url) <= LONGEST_LINK else None
    return found[1].lower() if found else ""


def link_hosts(shop_url: str, more: Iterable[str] = ()) -> frozenset[str]:
    """The hosts to which tracked links may lead: the shop's, and ``more``."""
    return frozenset({link_host(shop_url), *more} - {""})


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


def _sign(secret: str, kind: str, said: tuple[str, ...]) -> str:
    return _serializer(secret, kind).dumps(said)


def _read(secret: str, kind: str, token: str, *lengths: int) -> list[Any]:
    try:
        said = _serializer(secret, kind).loads(token.strip())
    except (BadData, ValueError):
        raise BadToken(f"this {kind} link is damaged or was not made here") from None
    assert isinstance(said, list)
    assert len(said) in lengths, "signed by us, so it has our shape"
    return said
