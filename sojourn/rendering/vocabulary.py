"""The words a template can use: who is written to, about what, and with which links."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from email.utils import parseaddr
from typing import Any, NoReturn
from urllib.parse import quote, unquote, urlsplit

from jinja2 import TemplateRuntimeError

from sojourn.domain.content import Wanted
from sojourn.domain.customer import Customer
from sojourn.domain.errors import NothingToSay
from sojourn.domain.events import Event
from sojourn.domain.history import History
from sojourn.domain.links import (
    Renew,
    Unsubscribe,
    offer_code,
    renew_token,
    unsubscribe_token,
    web_url,
)
from sojourn.domain.messages import Channel, MessageClass
from sojourn.rendering.cart import CartItem, cart_items, cart_total
from sojourn.rendering.formatting import Formats, formatting_locale
from sojourn.rendering.subscription import Subscription, subscription_after
from sojourn.settings import Settings

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_ADVERTISING = re.compile(r"://|@|\w\.\w{2,}")
_LONGEST_NAME = 60
_NOT_IN_FILE_NAMES = re.compile(r'[\\/:*?"<>|]+')
_LONGEST_FILE_NAME = 100


@dataclass(frozen=True)
class RenderContext:
    """What a message is about.

    Args:
        customer: whom it addresses.
        journey: ``abandoned-cart``.
        template: ``reminder``.
        message_id: the ledger's name for the message; offer codes grow from it.
        message_class: promotional messages show a way out.
        topic: what that way out leads out of.
        start: the event that enrolled the customer.
        key: the run's key.
        history: what else happened.
        now: the journey's clock, aware.
        timezone: IANA name of the customer's zone.
        reference: the message as its links name it (`domain.reports.reference`). Empty: nothing is
            measured, as in previews.
        given: values that the journey's steps give: ``send(self.offer, code="SAVE10")``.
    """

    customer: Customer
    journey: str
    template: str
    message_id: str
    message_class: MessageClass
    topic: str
    start: Event
    key: str
    history: History
    now: datetime
    timezone: str
    reference: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sender:
    """Whose messages these are."""

    name: str
    url: str
    address: str
    email: str
    public_url: str
    secret: str

    @classmethod
    def of(cls, settings: Settings, secret: str) -> "Sender":
        """The shop that ``settings`` describe."""
        return cls(
            name=settings.shop_name,
            url=settings.shop_url.rstrip("/"),
            address=settings.shop_address,
            email=parseaddr(settings.from_email)[1],
            public_url=settings.public_url.rstrip("/"),
            secret=secret,
        )


@dataclass(frozen=True)
class Shop:
    """The sender, as templates see it: without the secret."""

    name: str
    url: str
    address: str


@dataclass(frozen=True)
class Cart:
    """What is in the run's cart, as templates see it.

    Args:
        items: in the order in which they came in; their links are safe to print.
        total: None if a price is missing or currencies are mixed.
        currency: of the total.
        count: how many pieces.
    """

    items: tuple[CartItem, ...]
    total: Decimal | None
    currency: str | None
    count: int


class Links:
    """Where a message can lead."""

    def __init__(self, sender: Sender, context: RenderContext, channel: Channel) -> None:
        self._sender = sender
        self._customer_id = context.customer.customer_id
        # an SMS is paid by its length
        reference = context.reference if channel is Channel.EMAIL else ""
        self._wish = Unsubscribe(self._customer_id, channel, context.topic, reference)
        in_cart = context.key if hasattr(context.start, "cart_id") else ""
        self.cart = f"{sender.url}/cart" + (
            f"?cart_id={quote(in_cart, safe='')}" if in_cart else ""
        )
        self.account = f"{sender.url}/account"
        self.help = f"{sender.url}/help"

    def renew(self, subscription_id: str) -> str:
        """One click renews: the token names the customer and the subscription."""
        wish = Renew(self._customer_id, subscription_id)
        return f"{self._sender.url}/renew/{renew_token(self._sender.secret, wish)}"

    @property
    def unsubscribe(self) -> str:
        """Ends messages of this topic by this channel."""
        return f"{self._sender.public_url}/u/{self._token}"

    @property
    def unsubscribe_mailto(self) -> str:
        """The same by e-mail, for the List-Unsubscribe header."""
        return f"mailto:{self._sender.email}?subject=unsubscribe%20{self._token}"

    @property
    def _token(self) -> str:
        return unsubscribe_token(self._sender.secret, self._wish)


class Vocabulary:
    """The names of one message. `names` is what its templates see.

    Args:
        sender: the shop.
        context: what the message is about.
        channel: how it travels.
        lang: the language of its templates.
        locales: how amounts and dates are put, best first.
    """

    def __init__(
        self,
        sender: Sender,
        context: RenderContext,
        channel: Channel,
        lang: str,
        locales: tuple[str, ...],
    ) -> None:
        self._sender = sender
        self._context = context
        self._channel = channel
        # sets that keep their order
        self._codes: dict[str, None] = {}
        self._files: dict[Wanted, None] = {}
        self.links = Links(sender, context, channel)
        formats = Formats(formatting_locale(lang, locales), context.timezone)
        customer = context.customer
        self.names: dict[str, Any] = {
            "customer": replace(customer, first_name=spoken_name(customer.first_name)),
            "shop": Shop(sender.name, sender.url, sender.address),
            "journey": context.journey,
            "template": context.template,
            "topic": context.topic,
            "promotional": context.message_class is MessageClass.PROMOTIONAL,
            "start": context.start,
            "key": context.key,
            "history": context.history,
            "given": context.given,
            "now": context.now,
            "lang": lang,
            "dir": formats.locale.text_direction,
            "formats": formats,
            "plural": formats.plural,
            "links": self.links,
            "cart": self._cart(),
            "subscription": self._subscription(),
            "offer_code": self._offer_code,
            "attach": self._attach,
            "nothing_to_say": _nothing_to_say,
        }

    @property
    def codes(self) -> tuple[str, ...]:
        """The offer codes that the message hands out."""
        return tuple(self._codes)

    @property
    def files(self) -> tuple[Wanted, ...]:
        """The files that the message asks for."""
        return tuple(self._files)

    def _attach(self, url: str, name: str = "") -> str:
        if self._channel is not Channel.EMAIL:
            raise TemplateRuntimeError(
                f"attach: only an e-mail takes files along, no {self._channel}"
            )
        whole = web_url(url, self._sender.url)
        if not whole:
            raise TemplateRuntimeError("attach: wants the address of a file on the web")
        called = file_name(name or unquote(urlsplit(whole).path))
        self._files[Wanted(name=called, url=whole)] = None
        return ""

    def _offer_code(self, prefix: str) -> str:
        code = self._context.given.get("code") or offer_code(
            self._sender.secret, self._context.message_id, prefix
        )
        self._codes[code] = None
        return code

    def _events(self) -> Iterator[Event]:
        """The history, which the enrolling event is part of even if it was loaded without."""
        start = self._context.start
        if all(event.message_id != start.message_id for event in self._context.history):
            yield start
        yield from self._context.history

    def _cart(self) -> Cart:
        keyed = hasattr(self._context.start, "cart_id")

        def concerns(event: Event) -> bool:
            # an event without a cart reaches every cart, as it reaches every run
            cart = getattr(event, "cart_id", None)
            return not keyed or not cart or cart == self._context.key

        found = cart_items(event for event in self._events() if concerns(event))
        items = tuple(
            replace(
                item,
                name=clean(item.name or ""),
                url=web_url(item.url, self._sender.url),
                image_url=web_url(item.image_url, self._sender.url),
            )
            for item in found
        )
        return Cart(
            items=items,
            total=cart_total(items),
            currency=items[0].currency if items else None,
            count=sum(item.quantity for item in items),
        )

    def _subscription(self) -> Subscription | None:
        keyed = hasattr(self._context.start, "subscription_id")
        found = subscription_after(self._events(), self._context.key if keyed else "")
        return replace(found, plan=clean(found.plan or "")) if found else None


def clean(text: str) -> str:
    """One line of printable characters: no line breaks, no bidirectional overrides."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def spoken_name(name: str) -> str:
    """A first name to greet somebody by; empty if it is rather an advertisement.

    Sign-up forms are abused to have a shop mail "Visit evil.example" to strangers.
    """
    name = clean(name)
    return "" if len(name) > _LONGEST_NAME or _ADVERTISING.search(name) else name


def file_name(path: str) -> str:
    """The last part of ``path`` as a file can be called on any system; ``file`` if that is nothing.

    Args:
        path: of an address, or a mere name.
    """
    last = path.replace("\\", "/").rstrip("/").rpartition("/")[2]
    name = clean(_NOT_IN_FILE_NAMES.sub(" ", last)).strip(". ")
    stem, dot, kind = name.rpartition(".")
    return (stem[: _LONGEST_FILE_NAME - len(dot + kind)] + dot + kind)[
        -_LONGEST_FILE_NAME:
    ] or "file"


def _nothing_to_say() -> NoReturn:
    raise NothingToSay("nothing to say")
