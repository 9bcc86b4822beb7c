"""The names that a template can use."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, TypeVar
from urllib.parse import unquote, urlsplit

from jinja2 import TemplateRuntimeError

from sojourn.domain.appointments import FOLDED as OF_APPOINTMENTS
from sojourn.domain.appointments import Appointment, appointment_after
from sojourn.domain.content import Wanted
from sojourn.domain.customer import Customer
from sojourn.domain.errors import NothingLeft, NothingToSay
from sojourn.domain.events import Event, Events, MessageReplied, ProductWatched
from sojourn.domain.invoices import FOLDED as OF_INVOICES
from sojourn.domain.invoices import Invoice, invoice_after
from sojourn.domain.keys import plain
from sojourn.domain.links import offer_code, web_url
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.opt_ins import OptIn
from sojourn.domain.topics import Topics
from sojourn.rendering.cart import FOLDED as OF_CARTS
from sojourn.rendering.cart import OF_ANY_CART, CartItem, cart_items, cart_total
from sojourn.rendering.context import RenderContext, Sender
from sojourn.rendering.coupon import as_shown as coupon_as_shown
from sojourn.rendering.destinations import Links
from sojourn.rendering.environment import ON_DEMAND, OnDemand
from sojourn.rendering.folders import LAST_RESORT
from sojourn.rendering.formatting import Formats, formatting_locale
from sojourn.rendering.last_order import LastOrder, last_order
from sojourn.rendering.opt_in import as_shown, asked_by
from sojourn.rendering.order import Order, OrderItem, order_after
from sojourn.rendering.parcel import Parcel, parcel_after
from sojourn.rendering.points import FOLDED as OF_POINTS
from sojourn.rendering.points import points_after
from sojourn.rendering.start import Start
from sojourn.rendering.subscription import FOLDED as OF_SUBSCRIPTIONS
from sojourn.rendering.subscription import Subscription, subscription_after
from sojourn.rendering.viewed import viewed_items
from sojourn.rendering.watched import FOLDED as OF_WATCHES
from sojourn.rendering.watched import Watched, watched_after
from sojourn.rendering.words import clean, file_name, file_word, spoken_name

Item = TypeVar("Item", CartItem, OrderItem, Watched)

_FOLDED = (*OF_CARTS, *OF_SUBSCRIPTIONS, *OF_POINTS, *OF_APPOINTMENTS, *OF_WATCHES, *OF_INVOICES)

DECLINING = frozenset({"nothing_to_say", "nothing_left"})
"""The names by which a template declines: its message is not sent."""


def folded(known: Events) -> frozenset[str]:
    """Return the wire names of events that templates see folded into one thing, such as a cart."""
    return known.of_kinds(_FOLDED)


def of_any_key(known: Events) -> frozenset[str]:
    """Return the wire names of events that count for a message although they name another key."""
    return known.of_kinds(tuple(OF_ANY_CART))


@dataclass(frozen=True)
class Shop:
    """The sender, as templates see it: without the secret."""

    name: str
    url: str
    address: str
    email: str = ""


@dataclass(frozen=True)
class Cart:
    """The run's cart, as templates see it.

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


class Vocabulary:
    """The names of one message. `names` is what its templates see.

    Args:
        sender: the shop.
        context: what the message is about.
        channel: how it travels.
        lang: the language of its templates.
        locales: the customer's and those that stand in for it, best first. They decide how amounts
            and dates are put, and which words of the layout stand in for missing ones.
        topics: what the project calls its topics.
        exists: tells whether there is a template of a name.
    """

    def __init__(
        self,
        sender: Sender,
        context: RenderContext,
        channel: Channel,
        lang: str,
        locales: Sequence[str],
        *,
        topics: Topics | None = None,
        exists: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._exists = exists
        self._lang = lang
        self._locales = locales
        self._sender = sender
        self._context = context
        self._channel = channel
        self._topics = topics or Topics()
        self._languages = tuple(dict.fromkeys((lang, *locales, LAST_RESORT)))
        # sets that keep their order
        self._codes: dict[str, None] = {context.coupon.code: None} if context.coupon else {}
        self._files: dict[Wanted, None] = {}

    _WAYS: ClassVar[Mapping[str, Callable[["Vocabulary"], Any]]] = MappingProxyType(
        {
            "customer": lambda self: self._customer(),
            "shop": lambda self: self._shop(),
            "journey": lambda self: self._context.journey,
            "template": lambda self: self._context.template,
            "topic": lambda self: self._context.topic,
            "promotional": lambda self: self._context.message_class is MessageClass.PROMOTIONAL,
            "start": lambda self: Start(self._context.start, self._context.moves),
            "first": lambda self: self._context.start,
            "key": lambda self: self._context.key,
            "part": lambda self: self._context.part,
            "history": lambda self: self._context.history,
            "given": lambda self: self._context.given,
            "articles": lambda self: self._context.articles.of(self._lang),
            "now": lambda self: self._context.now,
            "lang": lambda self: self._lang,
            "dir": lambda self: self._formats.locale.text_direction,
            "formats": lambda self: self._formats,
            "plural": lambda self: self._formats.plural,
            "in_language": lambda self: self._in_language,
            "links": lambda self: self.links,
            "cart": lambda self: self._cart(),
            "viewed": lambda self: self._shown(viewed_items(self._events, self._context.now)),
            "subscription": lambda self: self._subscription,
            "order": lambda self: self._order(),
            "points": lambda self: points_after(self._events),
            "appointment": lambda self: self._appointment,
            "invoice": lambda self: self._invoice(),
            "parcel": lambda self: self._parcel(),
            "last_order": lambda self: self._last_order(),
            "watched": lambda self: self._watched(),
            "by_product": lambda self: self._by_product,
            "opt_in": lambda self: self._shown_opt_in(),
            "coupon": lambda self: self._shown_coupon(),
            "offer_code": lambda self: self._offer_code,
            "attach": lambda self: self._attach,
            "nothing_to_say": lambda _: _nothing_to_say,
            "nothing_left": lambda _: _nothing_left,
        }
    )
    """The ways to come to what each name stands for. Some of them take their time."""

    @property
    def names(self) -> dict[str, Any]:
        """Every name, for a context of `rendering.environment`."""
        return {ON_DEMAND: OnDemand(self._WAYS, self)}

    @cached_property
    def links(self) -> Links:
        """Return the links of the message."""
        return Links(
            self._sender,
            self._context,
            self._channel,
            opt_in=self._opt_in,
            appointment=self._appointment,
            subscription=self._subscription,
        )

    @cached_property
    def _formats(self) -> Formats:
        return Formats(formatting_locale(self._lang, self._locales), self._context.timezone)

    @cached_property
    def _opt_in(self) -> OptIn | None:
        context = self._context
        return context.opt_in or asked_by(context.start, context.moves)

    def _customer(self) -> Customer:
        customer = self._context.customer
        return replace(customer, first_name=spoken_name(customer.first_name))

    def _shop(self) -> Shop:
        sender = self._sender
        return Shop(sender.name, sender.url, sender.address, sender.email)

    def _shown_opt_in(self) -> Any:
        return as_shown(self._opt_in, self._topics, self._languages) if self._opt_in else None

    def _shown_coupon(self) -> Any:
        coupon = self._context.coupon
        return coupon_as_shown(coupon, self._languages) if coupon else None

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes that the message hands out."""
        return tuple(self._codes)

    @property
    def files(self) -> tuple[Wanted, ...]:
        """The files that the message asks for."""
        return tuple(self._files)

    def _attach(self, url: str, name: str = "") -> str:
        if self._channel is not Channel.EMAIL:
            raise TemplateRuntimeError(
                f"attach: only an e-mail takes files along, not {self._channel}"
            )
        whole = web_url(url, self._sender.url)
        if not whole:
            raise TemplateRuntimeError("attach: wants the address of a file on the web")
        called = file_name(name or unquote(urlsplit(whole).path))
        self._files[Wanted(name=called, url=whole)] = None
        return ""

    def _in_language(self, name: str) -> list[str]:
        """List the files that say the same in one language each, for Jinja to take the first."""
        stem, dot, kind = name.rpartition(".")
        return [f"{stem}.{language}{dot}{kind}" for language in self._languages]

    def _offer_code(self, prefix: str) -> str:
        code = self._context.given.get("code") or offer_code(
            self._sender.secret, self._context.message_id, prefix
        )
        self._codes[code] = None
        return code

    @cached_property
    def _events(self) -> tuple[Event, ...]:
        """The history, with the enrolling event even if it was loaded without it."""
        start, history = self._context.start, self._context.history
        is_in = any(event.message_id == start.message_id for event in history)
        return (*history,) if is_in else (start, *history)

    def _cart(self) -> Cart:
        keyed = hasattr(self._context.start, "cart_id")

        def concerns(event: Event) -> bool:
            # an event without a cart reaches every cart, as it reaches every run
            cart = plain(getattr(event, "cart_id", None))
            return not keyed or not cart or cart == plain(self._context.key)

        told = [*self._events, *self._context.elsewhere]
        if self._context.elsewhere:
            told.sort(key=lambda event: event.occurred_at)
        items = self._shown(cart_items(told, concerns))
        return Cart(
            items=items,
            total=cart_total(items),
            currency=items[0].currency if items else None,
            count=sum(item.quantity for item in items),
        )

    def _shown(self, items: Iterable[Item]) -> tuple[Item, ...]:
        """Return products whose names and links are safe to print."""
        return tuple(
            replace(
                item,
                name=clean(item.name or ""),
                url=web_url(item.url, self._sender.url),
                image_url=web_url(item.image_url, self._sender.url),
            )
            for item in items
        )

    @cached_property
    def _appointment(self) -> Appointment | None:
        if not hasattr(self._context.start, "appointment_id"):
            return None
        found = appointment_after(self._events, self._context.key)
        if found is None:
            return None
        return replace(found, name=clean(found.name), place=clean(found.place))

    def _watched(self) -> Watched | None:
        if not isinstance(self._context.start, ProductWatched):
            return None
        found = watched_after(self._events, self._context.key)
        return self._shown([found])[0] if found else None

    @cached_property
    def _subscription(self) -> Subscription | None:
        keyed = hasattr(self._context.start, "subscription_id")
        found = subscription_after(self._events, self._context.key if keyed else "")
        return replace(found, plan=clean(found.plan or "")) if found else None

    def _order(self) -> Order | None:
        order_id = getattr(self._context.start, "order_id", None)
        if not order_id:
            return None
        found = order_after(self._events, order_id, self._context.elsewhere)
        return replace(found, items=self._shown(found.items), address=clean(found.address))

    def _invoice(self) -> Invoice | None:
        invoice_id = getattr(self._context.start, "invoice_id", None)
        if not invoice_id:
            return None
        found = invoice_after(self._events, invoice_id)
        pay_url = web_url(found.pay_url, self._sender.url) or self.links.account
        return replace(found, number=clean(found.number or ""), pay_url=pay_url)

    def _parcel(self) -> Parcel | None:
        context = self._context
        order_id = getattr(context.start, "order_id", None)
        if not order_id:
            return None
        told = [*self._events, *context.moves]
        newest = (context.start, *context.moves)[-1]
        found = parcel_after(told, order_id, newest, part=context.part, arrived=context.arrived)
        return found.safe(self._sender.url)

    def _last_order(self) -> LastOrder | None:
        if not isinstance(self._context.start, MessageReplied):
            return None
        found = last_order(self._events, self._context.now)
        return found.safe(self._sender.url) if found else None

    def _by_product(self, folder: str, items: Iterable[OrderItem]) -> list[tuple[OrderItem, str]]:
        """List the files of a folder that are about products, or about their categories.

        For a product ``P1`` of the category ``Lamps`` it is ``p1.en.html``, else ``lamps.en.html``,
        in the language of the message. Each file is listed once.
        """
        found: dict[str, OrderItem] = {}
        for item in items:
            names = (file_word(plain(item.product_id)), file_word(item.category or ""))
            files = [f"{folder}/{name}.{self._lang}.html" for name in names if name]
            if file := next(filter(self._exists, files), None):
                found.setdefault(file, item)
        return [(item, file) for file, item in found.items()]


def _nothing_to_say(why: str = "") -> NoReturn:
    raise NothingToSay(clean(why))


def _nothing_left() -> NoReturn:
    raise NothingLeft
