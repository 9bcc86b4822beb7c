"""The shop's own invariants: they hold whichever journey writes, in whatever order things happen.

`sojourn fuzz` looks for stories that break them; `journey.breaches()` asks them in a test.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import cast

from sojourn import Breach, Said, Story, always, days, hours, message_after, never, two
from sojourn.events import (
    AccountActivated,
    AppointmentCancelled,
    ComplaintReceived,
    ComplaintResolved,
    InvoiceSettled,
    InvoiceVoided,
    LoginSucceeded,
    OptInConfirmed,
    OptInWithdrawn,
    OrderCancelled,
    OrderCompleted,
    OrderRefunded,
    PointsSpent,
    ProductAdded,
    SubscriptionCancelled,
    SubscriptionStarted,
    TrialCancelled,
)

ADVERTISING = (
    "abandoned-cart", "browse-abandonment", "after-purchase", "win-back", "loyalty", "loyalty-tier",
    "product-watch",
)  # fmt: skip

bought = never(message_after(OrderCompleted, of=("abandoned-cart", "browse-abandonment")))
in_a_cart = never(message_after(ProductAdded, of="browse-abandonment"))
shopping = never(message_after(ProductAdded, of="abandoned-cart", within=hours(23.9)))
ladder = never(two("abandoned-cart", within=hours(11), in_one_run=True))

of_no_order = ("after-purchase", "order-confirmed", "delivery")
went_back = never(message_after(OrderRefunded, OrderCancelled, of=of_no_order))
discontent = never(message_after(ComplaintReceived, of="after-purchase"))
settled = never(message_after(ComplaintResolved, of="service-recovery"))

active = never(message_after(AccountActivated, of="onboarding"))
confirmed = never(message_after(OptInConfirmed, OptInWithdrawn, of="double-opt-in"))
subscribed = never(message_after(SubscriptionStarted, TrialCancelled, of="trial"))
unsubscribed = never(message_after(SubscriptionCancelled, of="renewal"))
paid = never(message_after(InvoiceSettled, InvoiceVoided, of="payment-due"))
spent = never(message_after(PointsSpent, of="points-expiring"))
signed_in = never(message_after(LoginSucceeded, of="login-code"))
called_off = never(
    message_after(AppointmentCancelled, of=("appointment/tomorrow", "appointment/soon"))
)


def code_that_is_still_taken(story: Story, message: Said) -> bool:
    """Tell whether a login code leaves while the shop takes it."""
    ends = _moment(story, message, "expires_at")
    return message.journey != "login-code" or ends is None or message.at < ends


def reminder_near_the_end(story: Story, message: Said) -> bool:
    """Tell whether word of a renewal comes at most eight days before the end, or five after it.

    The last word falls due at ten on the day after the end, and is of use for three days.
    """
    ends = _moment(story, message, "expires_at")
    if message.journey != "renewal" or ends is None:
        return True
    return ends - days(8) <= message.at <= ends + days(5)


def word_while_it_is_news(story: Story, message: Said) -> bool:
    """Tell whether word of a cart, a look or a parcel comes within three days of its moment."""
    if message.journey not in ("abandoned-cart", "browse-abandonment", "delivery"):
        return True
    return message.at - message.due <= days(2)


def advertising_with_consent(story: Story, message: Said) -> bool:
    """Tell whether a message that the shop wants sent, whatever its class, is agreed to."""
    card = story.card(message.at)
    if card is None or message.journey not in ADVERTISING:
        return True
    return message.channel in card.agreed or (message.channel, message.topic) in card.wanted


def word_of_the_end_after_it(story: Story, message: Said) -> bool:
    """Tell whether "your trial is over" is said of one that is over, as it was told last."""
    told = [one for one in story.events if one.name in ("Trial Started", "Trial Extended")]
    heard = [one.fields["ends_at"] for one in told if one.arrived < message.at]
    if message.name != "trial/over" or not heard:
        return True
    return min(map(_read, heard)) <= message.at


def order_confirmed_twice(story: Story) -> Iterator[Breach]:
    """Find two summaries of one order, whichever runs they are of."""
    first: dict[str, Said] = {}
    for message in story.left:
        cause = story.cause(message)
        order = str(cause.fields.get("order_id") or "") if cause else ""
        if message.name != "order-confirmed/summary" or not order:
            continue
        if (before := first.setdefault(order, message)) is not message:
            both = f"{story.told(before.at)} and {story.told(message.at)}"
            yield Breach(f"two summaries of {order}, on {both}", (before.at, message.at))


fresh_code = always(code_that_is_still_taken)
renewal_in_time = always(reminder_near_the_end)
news = always(word_while_it_is_news)
agreed = always(advertising_with_consent)
over = always(word_of_the_end_after_it)
one_summary = never(order_confirmed_twice)


def _moment(story: Story, message: Said, field: str) -> datetime | None:
    """Return a moment that the event tells from which a message's steps count."""
    cause = story.cause(message)
    told = cause.fields.get(field) if cause else None
    return None if told is None else _read(told)


def _read(told: object) -> datetime:
    return datetime.fromisoformat(told) if isinstance(told, str) else cast(datetime, told)
