"""Links and codes that carry our signature, so that their holder need not log in.

A token names the customer and the purpose in readable form; it is signed, not secret. It has no
date: a link in an old e-mail works for as long as the key does. Each kind of token has a signature
of its own kind, so that no token can stand in for one of another kind.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urljoin, urlsplit

from itsdangerous import BadData, URLSafeSerializer

from sojourn.domain.errors import BadToken
from sojourn.domain.messages import Channel

# neither 0 and O, 1, I and L, nor U and V can be taken for one another
CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
CODE_LENGTH = 8

LONGEST_LINK = 2000
"""Characters of a tracked link: its token is longer still, and mailboxes cut longer links."""

# stricter than a browser: a URL in which two readers could see two hosts does not match
_LINK = re.compile(
    r"https?://([a-z\d.-]+)(?::\d{1,5})?(?:[/?#][^\s\\\x00-\x1f\x7f\ud800-\udfff]*)?",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True)
class Unsubscribe:
    """A customer wants no more messages of this topic by this channel.

    Args:
        customer_id: whose link it is.
        channel: of the messages.
        topic: of the messages.
        reference: the message with the link (`domain.reports.reference`); may be empty.
    """

    customer_id: str
    channel: Channel
    topic: str
    reference: str = ""


@dataclass(frozen=True)
class Confirm:
    """A customer agrees to what was asked for.

    Args:
        customer_id: whose link it is.
        request: the number of the request (`domain.opt_ins`).
        mailbox: the address that the link was sent to, as a digest of it (`mailbox_mark`).
    """

    customer_id: str
    request: int
    mailbox: str


@dataclass(frozen=True)
class Attend:
    """A customer comes to an appointment, or does not.

    Args:
        customer_id: whose link it is.
        appointment_id: the appointment, as the shop wrote it.
        starts_at: the hour that the message told, in seconds since 1970.
    """

    customer_id: str
    appointment_id: str
    starts_at: int


@dataclass(frozen=True)
class Renew:
    """A customer wants a subscription to go on.

    Args:
        customer_id: whose link it is.
        subscription_id: the subscription.
        until: the end of the period after which it goes on, in seconds since 1970: the link holds
            for that period alone. 0 in links from before the gateway had a page for them.
    """

    customer_id: str
    subscription_id: str
    until: int = 0


@dataclass(frozen=True)
class Score:
    """A customer answers a question in a message.

    Args:
        customer_id: whose link it is.
        survey: the campaign that asks, by its id.
        until: from this moment on it takes no answer, in seconds since 1970.
        score: the answer that the page shows as chosen; -1: none.
    """

    customer_id: str
    survey: str
    until: int
    score: int = -1


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
    """A message is opened, or a mailbox fetches its pixel without a reader.

    Args:
        reference: the message (`domain.reports.reference`).
    """

    reference: str


def unsubscribe_token(secret: str, wish: Unsubscribe) -> str:
    """Return a token for ``/u/{token}``; it never expires."""
    said = astuple(wish)
    return _sign(secret, "unsubscribe", said if wish.reference else said[:-1])


def read_unsubscribe(secret: "Secrets", token: str) -> Unsubscribe:
    """Read an unsubscribe token.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    # links without a reference came first, and they hold for ever
    customer_id, channel, topic, *reference = _read(secret, "unsubscribe", token, 3, 4)
    return Unsubscribe(customer_id, Channel(channel), topic, *reference)


def confirm_token(secret: str, wish: Confirm) -> str:
    """Return a token for ``/confirm/{token}``; the request that it names has an end."""
    return _sign(secret, "confirm", astuple(wish))


def read_confirm(secret: "Secrets", token: str) -> Confirm:
    """Read a confirmation token.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    customer_id, request, mailbox = _read(secret, "confirm", token, 3)
    return Confirm(customer_id, request, mailbox)


def mailbox_mark(secret: str, address: str) -> str:
    """Return a few characters that tell an address from others under the installation's key.

    Args:
        secret: the installation's key.
        address: in the spelling in which addresses are compared.
    """
    _require(secret)
    mark = hmac.digest(secret.encode(), f"mailbox\0{address}".encode(), hashlib.sha256)
    return mark.hex()[:12]


def attend_token(secret: str, wish: Attend) -> str:
    """Return a token for ``/appointment/{token}``; it holds for the hour that it names alone."""
    return _sign(secret, "attend", astuple(wish))


def read_attend(secret: "Secrets", token: str) -> Attend:
    """Read the token of an appointment's page.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    customer_id, appointment_id, starts_at = _read(secret, "attend", token, 3)
    return Attend(customer_id, appointment_id, starts_at)


def renew_token(secret: str, wish: Renew) -> str:
    """Return a token for ``/r/{token}``; the period that it names has an end."""
    return _sign(secret, "renew", astuple(wish))


def read_renew(secret: "Secrets", token: str) -> Renew:
    """Read a renewal token.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    customer_id, subscription_id, *until = _read(secret, "renew", token, 2, 3)
    return Renew(customer_id, subscription_id, *until)


def score_token(secret: str, wish: Score) -> str:
    """Return a token for ``/s/{token}``; it has an end."""
    return _sign(secret, "score", astuple(wish))


def read_score(secret: "Secrets", token: str) -> Score:
    """Read the token of a survey's page.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    customer_id, survey, until, score = _read(secret, "score", token, 4)
    return Score(customer_id, survey, until, score)


def click_token(secret: str, click: Click) -> str:
    """Return a token for ``/c/{token}``; it never expires."""
    return _sign(secret, "click", (click.reference, click.url))


def read_click(secret: "Secrets", token: str) -> Click:
    """Read a click token; `link_host` tells whether a redirect may lead to its URL.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    reference, url = _read(secret, "click", token, 2)
    return Click(reference, url)


def open_token(secret: str, opened: Open) -> str:
    """Return a token for ``/o/{token}``; it never expires."""
    return _sign(secret, "open", (opened.reference,))


def read_open(secret: "Secrets", token: str) -> Open:
    """Read an open pixel's token.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    (reference,) = _read(secret, "open", token, 1)
    return Open(reference)


def view_token(secret: str, reference: str) -> str:
    """Return a token for ``/m/{token}``, which shows the message of this reference."""
    return _sign(secret, "view", (reference,))


def read_view(secret: "Secrets", token: str) -> str:
    """Read the reference of the message that a token shows.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    (reference,) = _read(secret, "view", token, 1)
    return str(reference)


@dataclass(frozen=True)
class Preferences:
    """A customer wants to see and change what they get.

    Args:
        customer_id: whose link it is.
        reference: the message with the link (`domain.reports.reference`); may be empty.
    """

    customer_id: str
    reference: str = ""


def preferences_token(secret: str, link: Preferences) -> str:
    """Return a token for ``/preferences/{token}``; it never expires."""
    return _sign(secret, "preferences", astuple(link))


def read_preferences(secret: "Secrets", token: str) -> Preferences:
    """Read the token of a preference page.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    customer_id, reference = _read(secret, "preferences", token, 2)
    return Preferences(customer_id, reference)


@dataclass(frozen=True)
class Task:
    """A person of the shop is asked something about a customer.

    Args:
        customer_id: the customer that it is about.
        number: of the task.
    """

    customer_id: str
    number: int


def task_token(secret: str, link: Task) -> str:
    """Return a token for ``/t/{token}``; the task that it names has an end."""
    return _sign(secret, "task", astuple(link))


def read_task(secret: "Secrets", token: str) -> Task:
    """Read the token of a task.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    customer_id, number = _read(secret, "task", token, 2)
    return Task(customer_id, number)


def form_token(secret: str, customer_id: str, written: str) -> str:
    """Return the token of a form of a customer: only such a form changes anything.

    Args:
        secret: the installation's key.
        customer_id: the customer whose page shows the form.
        written: what the form was made of (`domain.preferences.Form`).

    Returns:
        The token.
    """
    return _sign(secret, "form", (customer_id, written))


def read_form(secret: "Secrets", token: str) -> tuple[str, str]:
    """Read the customer of a form, and what it was made of.

    Raises:
        BadToken: it was not made here, or is damaged.
    """
    customer_id, written = _read(secret, "form", token, 2)
    return customer_id, written


def offer_code(secret: str, message_id: str, prefix: str) -> str:
    """Return an offer code: ``BACK10-7KQ2MX9R``.

    Args:
        secret: the installation's key.
        message_id: the message that hands it out: every try at it gets the same code.
        prefix: the code's first part.

    Returns:
        The code; no two messages share one.
    """
    _require(secret)
    named = f"offer-code\0{message_id}\0{prefix}".encode()
    number = int.from_bytes(hmac.digest(secret.encode(), named, hashlib.sha256))
    letters = []
    for _ in range(CODE_LENGTH):
        number, place = divmod(number, len(CODE_ALPHABET))
        letters.append(CODE_ALPHABET[place])
    return f"{prefix}-{''.join(letters)}"


def web_url(url: str | None, base: str) -> str:
    """Return ``url`` if it can stand in a message, else an empty text.

    Only http and https can: ``javascript:`` and the like come from forged events. A path counts as
    one on ``base``.
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
    """Return the host, in lower case, to which a browser would go; empty if there is a doubt.

    User names, backslashes, control characters, hosts in letters beyond ASCII and links longer than
    `LONGEST_LINK` leave a doubt: readers differ on such URLs, and no redirect may depend on that.
    """
    found = _LINK.fullmatch(url) if len(url) <= LONGEST_LINK else None
    return found[1].lower() if found else ""


def link_hosts(shop_url: str, more: Iterable[str] = ()) -> frozenset[str]:
    """Return the hosts to which tracked links may lead: the shop's, and ``more``."""
    return frozenset({link_host(shop_url), *more} - {""})


Secrets = str | Sequence[str]
"""A secret, or several: the first signs, and tokens signed by any of them hold."""


def _require(secret: Secrets) -> None:
    if not secret:
        raise ValueError("signing needs a secret key")


def _serializer(secret: Secrets, kind: str) -> URLSafeSerializer:
    _require(secret)
    if isinstance(secret, str):
        return _of_one(secret, kind)
    return _made((*reversed(secret),), kind)  # there the last one signs


@lru_cache(maxsize=64)  # a message signs many links of few kinds
def _of_one(secret: str, kind: str) -> URLSafeSerializer:
    return _made(secret, kind)


def _made(secret: Secrets, kind: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        secret,
        salt=f"sojourn.{kind}",
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )


def _sign(secret: str, kind: str, said: tuple[str | int, ...]) -> str:
    return _serializer(secret, kind).dumps(said)


def _read(secret: "Secrets", kind: str, token: str, *lengths: int) -> list[Any]:
    try:
        said = _serializer(secret, kind).loads(token.strip())
    except (BadData, ValueError):
        raise BadToken(f"this {kind} link is damaged or was not made here") from None
    assert isinstance(said, list)
    assert len(said) in lengths, "signed by us, so it has our shape"
    return said
