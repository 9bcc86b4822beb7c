"""The subject matter of a message, and its sender."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from typing import Any

from sojourn.domain.coupons import Coupon
from sojourn.domain.customer import Customer
from sojourn.domain.events import Event
from sojourn.domain.feed import Articles
from sojourn.domain.history import History
from sojourn.domain.messages import MessageClass
from sojourn.domain.opt_ins import OptIn
from sojourn.domain.value_class import value_class
from sojourn.settings import Settings


@value_class
class RenderContext:
    """The subject matter of one message.

    Args:
        customer: the person it addresses.
        journey: ``abandoned-cart``.
        template: ``reminder``.
        message_id: the ledger's name for the message; offer codes are made from it.
        message_class: promotional messages show an unsubscribe link.
        topic: that this link unsubscribes from.
        start: the event that enrolled the customer.
        key: the run's key, without its part.
        history: what else happened.
        elsewhere: orders that name another key: products of a cart may be bought with these.
        now: the journey's clock, aware.
        timezone: IANA name of the customer's zone.
        reference: the message as its links name it (`domain.reports.reference`). Empty: nothing is
            measured, as in previews.
        given: values that the journey's steps give: ``send(self.offer, code="SAVE10")``.
        moves: the events that have restarted the steps since, oldest first.
        opens: the customer's word on being measured when the e-mail is opened; None: never said.
        opt_in: the request for confirmation that it is about; None: what the start tells of one.
        coupon: the code that it hands out; None: it hands out none of a pool.
        articles: of a feed, that it tells of.
        step: of the journey, or of the campaign.
        variant: of an experiment, that the customer has; empty: there is none.
        part: of what the key names, that the run is about; empty: it is about the whole.
        arrived: of a journey that knows parts, all events about what the key names, whichever part
            they are about, in the order of their arrival.
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
    moves: tuple[Event, ...] = ()
    opens: bool | None = None
    opt_in: OptIn | None = None
    elsewhere: tuple[Event, ...] = ()
    coupon: Coupon | None = None
    articles: Articles = field(default_factory=Articles)
    step: str = ""
    variant: str = ""
    part: str = ""
    arrived: tuple[Event, ...] = ()


@dataclass(frozen=True)
class Sender:
    """The shop, with what signs its links.

    Args:
        name: as customers know it.
        url: of the shop.
        address: where it is, for the foot of e-mails.
        email: that it writes from.
        public_url: where customers reach the gateway.
        secret: signs links and offer codes.
    """

    name: str
    url: str
    address: str
    email: str
    public_url: str
    secret: str

    @classmethod
    def of(cls, settings: Settings, secret: str) -> "Sender":
        """Make the sender that ``settings`` describe."""
        return cls(
            name=settings.shop_name,
            url=settings.shop_url.rstrip("/"),
            address=settings.shop_address,
            email=parseaddr(settings.from_email)[1],
            public_url=settings.public_url.rstrip("/"),
            secret=secret,
        )
