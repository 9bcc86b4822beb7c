"""Facts about customers, named after Segment's e-commerce and B2B SaaS specifications.

https://segment.com/docs/connections/spec/ecommerce/v2/ and .../spec/b2b-saas/ name the events and
their properties. An event here is one class; its wire name is Segment's. To add one, write a class:
nothing else registers it.

A field marked `Personal` (a name, an address, free text by a customer) is kept in the store and
never reaches a Temporal payload: `Event.public` leaves it out.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar
from uuid import uuid4

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)

from sojourn.domain.errors import BadEvent, UnknownName

ENVELOPE = ("message_id", "customer_id", "occurred_at")
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
LONGEST_ID = 200
LARGEST = 100_000
"""Bytes of an event's properties; Segment takes 32 kB, Temporal some 2 MB in one payload."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class _Personal:
    """Marks a field that must stay out of workflow histories."""


Personal = Annotated[str | None, _Personal()]
"""Optional text that is somebody's own: kept in the store, never in a workflow's history."""


def _iso(value: object) -> object:
    # pydantic would read "20240104" or 1704369938 as seconds since 1970: a guess nobody asked for
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and _DATE.match(value):
        return value
    raise ValueError('write a moment as ISO 8601 with its zone: "2024-01-04T11:45:38Z"')


def _in_range(value: datetime) -> datetime:
    try:
        value = value.astimezone(UTC)
    except OverflowError:
        value = EARLIEST.replace(year=1)
    if not EARLIEST <= value < LATEST:
        raise ValueError(f"is outside {EARLIEST.year} to {LATEST.year - 1}")
    return value


def _identifier(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("has a control character")
    if not value.isascii() and value != value.encode(errors="ignore").decode():
        raise ValueError("is not valid Unicode")
    return value


def _cents(value: Decimal) -> Decimal:
    return Decimal(f"{value:.6f}").normalize() + 0


Moment = Annotated[AwareDatetime, BeforeValidator(_iso), AfterValidator(_in_range)]
"""An instant; kept in UTC."""
Identifier = Annotated[str, Field(min_length=1, max_length=LONGEST_ID), AfterValidator(_identifier)]
"""An opaque id: 1 to 200 characters, none of them a control character."""
_IDENTIFIER = TypeAdapter(Identifier)
Key = Annotated[str, Field(max_length=LONGEST_ID), AfterValidator(_identifier)]
"""An id that may be empty, as carts sometimes are in the wild; empty counts as absent."""
Money = Annotated[
    Decimal, Field(ge=-(10**12), le=10**12, allow_inf_nan=False), AfterValidator(_cents)
]
"""An amount; binary noise from senders' floats (59.900000000000006) is rounded away."""
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class Event(BaseModel):
    """A fact about a customer. Subclasses give its name: ``class X(Event, name="X Happened")``."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", populate_by_name=True, coerce_numbers_to_str=True
    )

    event_name: ClassVar[str] = ""
    """The name on the wire: "Order Completed"."""

    message_id: Identifier = Field(default_factory=lambda: str(uuid4()))
    """Unique: the same id twice is the same event twice."""
    customer_id: Identifier
    occurred_at: Moment = Field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def __pydantic_init_subclass__(cls, name: str | None = None, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)  # pydantic hands the keyword to both hooks

    def __init_subclass__(cls, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if name is None:
            raise TypeError(
                f'{cls.__name__} needs its name: class {cls.__name__}(Event, name="...")'
            )
        if not name:
            return
        if name in _BY_NAME:
            raise TypeError(f'"{name}" is {_BY_NAME[name].__name__} already')
        cls.event_name = name
        _BY_NAME[name] = cls

    def properties(self) -> dict[str, Any]:
        """The event's own fields, personal ones included, as JSON values."""
        return self.model_dump(mode="json", exclude=set(ENVELOPE), exclude_none=True)

    def public(self) -> dict[str, Any]:
        """The event's own fields that may stand in a workflow's history, as JSON values.

        Personal fields stay out, and so do lists: a long order has no business in a history, and
        no journey asks for it.
        """
        shown = self.model_dump(
            mode="json", exclude={*ENVELOPE, *personal_fields(type(self))}, exclude_none=True
        )
        return {name: value for name, value in shown.items() if not isinstance(value, list | dict)}


_BY_NAME: dict[str, type[Event]] = {}


def personal_fields(event: type[Event]) -> frozenset[str]:
    """The fields of ``event`` that never reach a Temporal payload."""
    return frozenset(
        name
        for name, field in event.model_fields.items()
        if any(isinstance(mark, _Personal) for mark in field.metadata)
    )


def event_named(name: str) -> type[Event]:
    """The class whose wire name is ``name``.

    Raises:
        UnknownName: there is none; the message offers the nearest.
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        raise UnknownName("event", name, _BY_NAME) from None


def known_events() -> dict[str, type[Event]]:
    """Every event class by its wire name."""
    return dict(_BY_NAME)


def read_event(
    event: type[Event],
    properties: Mapping[str, Any],
    *,
    message_id: str,
    customer_id: str,
    at: datetime | str,
) -> Event:
    """Make an event from a tracking call.

    Raises:
        BadEvent: a field does not validate; its path is ``properties.price`` or ``userId``.
    """
    envelope = {"message_id": message_id, "customer_id": customer_id, "occurred_at": at}
    try:
        return event.model_validate({**properties, **envelope})
    except ValidationError as error:
        raise bad_event(error) from None


def check_track(name: str, properties: Mapping[str, Any]) -> None:
    """See that a tracking call can be kept by every database and travel through Temporal.

    Raises:
        BadEvent: its name or its properties cannot.
    """
    try:
        _IDENTIFIER.validate_python(name)
    except ValidationError as error:
        raise BadEvent("event", bad_event(error).reason) from None
    check_json("properties", properties)


def check_json(path: str, value: object) -> None:
    """See that a value is JSON that can be written as UTF-8, and not too much of it.

    Raises:
        BadEvent: it is not.
    """
    try:
        size = len(json.dumps(value, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise BadEvent(path, f"is no JSON: {error}") from None
    if size > LARGEST:
        raise BadEvent(path, f"is {size} bytes of JSON; at most {LARGEST} are taken")


_WIRE = {"message_id": "messageId", "customer_id": "userId", "occurred_at": "timestamp"}


def bad_event(error: ValidationError, *, prefix: str = "properties") -> BadEvent:
    """The first fault pydantic found, with the path the sender knows it by."""
    fault = error.errors(include_url=False)[0]
    head, *rest = (str(part) for part in fault["loc"] or ("",))
    path = [_WIRE[head]] if head in _WIRE else [prefix, head]
    reason = fault["msg"].removeprefix("Value error, ")
    return BadEvent(".".join([*path, *rest]), reason[:1].lower() + reason[1:])


class UnknownEvent(Event, name=""):
    """An event that no class here describes: stored, and ignored."""


class SignedUp(Event, name="Signed Up"):
    """Somebody opened an account."""

    plan: str | None = None
    email: Personal = None
    first_name: Personal = None


class AccountActivated(Event, name="Account Activated"):
    """The account is in use: the first meaningful thing was done with it."""


class FeatureUsed(Event, name="Feature Used"):
    """A feature of the product was used."""

    feature: Identifier


class MessageEvent(Event, name=""):
    """Something became of a message of ours. Providers' webhooks and our own links tell it.

    Only the run that sent the message hears it.
    """

    journey: str | None = None
    run: str | None = None
    """The workflow id of the run that sent it."""
    step: str | None = None
    channel: str | None = None


class EmailLinkClicked(MessageEvent, name="Email Link Clicked"):
    """A link in one of our e-mails was clicked, as another program tells it."""

    url: Personal = None


class MessageDelivered(MessageEvent, name="Message Delivered"):
    """A message of ours arrived."""


class MessageDeferred(MessageEvent, name="Message Deferred"):
    """A message of ours is not taken yet where it goes; the provider goes on trying."""


class MessageFailed(MessageEvent, name="Message Failed"):
    """The provider gave a message of ours up, for no fault of the address."""


class MessageBounced(MessageEvent, name="Message Bounced"):
    """A message of ours was refused where it went; `hard` says that the address is dead."""

    hard: bool = False


class MessageOpened(MessageEvent, name="Message Opened"):
    """A message of ours was opened, or prefetched: do not branch on it."""


class MessageRead(MessageEvent, name="Message Read"):
    """A message of ours was read."""


class MessageClicked(MessageEvent, name="Message Clicked"):
    """A link in a message of ours was followed."""

    url: Personal = None


class MessageUnsubscribed(MessageEvent, name="Message Unsubscribed"):
    """The customer asked by a message of ours to get no more of its kind."""

    topic: str | None = None


class MessageComplained(MessageEvent, name="Message Complained"):
    """The customer called a message of ours spam."""


class MessageReplied(MessageEvent, name="Message Replied"):
    """The customer answered a message of ours."""

    text: Personal = None


class Product(BaseModel):
    """A line of a cart or an order, as Segment shapes it."""

    model_config = ConfigDict(frozen=True, extra="ignore", coerce_numbers_to_str=True)

    product_id: Identifier
    name: str | None = None
    image_url: str | None = None
    url: str | None = None
    price: Money | None = None
    quantity: Annotated[int, Field(ge=0, le=1_000_000)] = 1
    currency: Currency | None = None


class ProductAdded(Event, Product, name="Product Added"):
    """A product was put into a cart."""

    cart_id: Key | None = None


class ProductRemoved(Event, Product, name="Product Removed"):
    """A product was taken out of a cart."""

    cart_id: Key | None = None


class CartViewed(Event, name="Cart Viewed"):
    """The cart was seen as a whole: ``products`` is all that is in it."""

    cart_id: Key | None = None
    products: tuple[Product, ...] | None = None


class CheckoutStarted(Event, name="Checkout Started"):
    """The customer went to the till."""

    cart_id: Key | None = None
    value: Money | None = None
    currency: Currency | None = None


class OrderCompleted(Event, name="Order Completed"):
    """An order was placed."""

    order_id: Identifier
    cart_id: Key | None = None
    total: Money | None = None
    currency: Currency | None = None
    products: tuple[Product, ...] = ()
    email: Personal = None


class SubscriptionStarted(Event, name="Subscription Started"):
    """A subscription began."""

    subscription_id: Identifier
    expires_at: Moment
    plan: str | None = None
    price: Money | None = None
    currency: Currency | None = None


class SubscriptionRenewed(SubscriptionStarted, name="Subscription Renewed"):
    """A subscription was paid for another period, which ends at ``expires_at``."""


class SubscriptionChanged(Event, name="Subscription Changed"):
    """A subscription's plan, price or end changed."""

    subscription_id: Identifier
    expires_at: Moment | None = None
    plan: str | None = None
    price: Money | None = None
    currency: Currency | None = None


class SubscriptionCancelled(Event, name="Subscription Cancelled"):
    """A subscription will not be renewed."""

    subscription_id: Identifier
    reason: Personal = None
