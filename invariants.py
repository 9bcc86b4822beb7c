"""The shop's own invariants: they hold whichever journey writes, in whatever order things happen.

`journey.breaches()` asks them in a test.
"""

from datetime import datetime, timedelta

from sojourn import Said, Story, always, days, hours, message_after, never, two
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

bought = never(message_after(OrderCompleted, of=("abandoned-cart", "browse-abandonment")))
in_a_cart = never(message_after(ProductAdded, of="browse-abandonment"))
shopping = never(message_after(ProductAdded, of="abandoned-cart", within=hours(23)))
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
    """Tell whether word of a renewal comes at most eight days before the end, or four after it."""
    ends = _moment(story, message, "expires_at")
    if message.journey != "renewal" or ends is None:
        return True
    return ends - days(8) <= message.at <= ends + days(4)


def word_while_it_is_news(story: Story, message: Said) -> bool:
    """Tell whether word of a cart, a look or a parcel comes within three days of its moment."""
    if message.journey not in ("abandoned-cart", "browse-abandonment", "delivery"):
        return True
    return message.at - message.due <= timedelta(days=3)


fresh_code = always(code_that_is_still_taken)
renewal_in_time = always(reminder_near_the_end)
news = always(word_while_it_is_news)


def _moment(story: Story, message: Said, field: str) -> datetime | None:
    """Return a moment that the event tells from which a message's steps count."""
    cause = story.cause(message)
    told = cause.fields.get(field) if cause else None
    return datetime.fromisoformat(told) if isinstance(told, str) else told
