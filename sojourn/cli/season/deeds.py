"""Compare messages with events: find messages that contradict an event."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sojourn.cli.season.temper import WORST
from sojourn.cli.season.told import Did, Said, Told

FOREVER = timedelta(days=36500)
CASE = timedelta(days=30)
"""The time for which an unsettled complaint stays open."""


@dataclass(frozen=True)
class Over:
    """A rule: no message is sent about a matter after an event that ends it.

    Args:
        journey: the journey of the messages.
        event: the event that ends the matter.
        because: the event in words.
        same: the event's field with the subject of the run; empty if only the customer counts.
        key: the pattern of the run's key, filled with that field.
        opens: the event that reopens the matter.
        within: how long the event counts.
    """

    journey: str
    event: str
    because: str
    same: str = ""
    key: str = "{}"
    opens: str = ""
    within: timedelta = FOREVER

    def __call__(self, told: Told) -> Iterator[str]:
        """Yield a line for each message that came after the event."""
        for one in told.said:
            if not one.sent or one.journey != self.journey:
                continue
            begun = [begun.at for begun in told.of(self.opens) if begun.at <= one.at]
            since = max([one.at - self.within, *begun]) if begun or self.within < FOREVER else None
            for ended in told.of(self.event):
                about = not self.same or one.about(ended, self.same, self.key)
                if about and ended.at < one.at and (since is None or ended.at > since):
                    yield f"{one.name} on {told.day(one)}, after {self.because}"
                    break


OVER = (
    Over("abandoned-cart", "Order Completed", "the cart was bought", "cart_id"),
    Over("browse-abandonment", "Order Completed", "an order", opens="Product Viewed"),
    Over("browse-abandonment", "Product Added", "a cart was filled", opens="Product Viewed"),
    Over("onboarding", "Account Activated", "the account was active"),
    Over("trial", "Subscription Started", "a subscription", opens="Trial Started"),
    Over("win-back", "Order Completed", "an order", within=timedelta(days=59)),
    Over("after-purchase", "Order Refunded", "the order went back", "order_id"),
    Over("after-purchase", "Complaint Received", "a complaint", within=CASE),
    Over("delivery", "Order Refunded", "the order went back", "order_id"),
    Over("payment-due", "Payment Received", "the bill was paid", "invoice_id"),
    Over("payment-due", "Invoice Voided", "the bill was void", "invoice_id"),
    Over("points-expiring", "Points Spent", "points were spent", opens="Points Expiring"),
    Over("login-code", "Login Succeeded", "the login", "request_id"),
    Over("appointment", "Appointment Cancelled", "it was cancelled", "appointment_id"),
    Over("service-recovery", "Complaint Resolved", "it was settled", "complaint_id"),
    Over("service-recovery", "Complaint Resolved", "it was settled", "case_id"),
    Over("service-recovery", "Order Delivered", "it was delivered", "order_id", "delay-{}"),
)


@dataclass(frozen=True)
class Past:
    """A rule: no message is sent after the moment in an event.

    Args:
        journey: the journey of the messages.
        events: the events with the moment; the newest one counts.
        moment: the field with the moment.
        same: the field with the subject of the run; empty if only the customer counts.
        steps: the steps whose messages are of no use then; empty for all.
    """

    journey: str
    events: Collection[str]
    moment: str
    same: str = ""
    steps: Collection[str] = ()

    def __call__(self, told: Told) -> Iterator[str]:
        """Yield a line for each message that came too late."""
        for one in told.said:
            if not one.sent or one.journey != self.journey:
                continue
            if self.steps and one.step not in self.steps:
                continue
            named = [
                did.properties[self.moment]
                for did in told.of(*self.events)
                if did.at <= one.at and (not self.same or one.about(did, self.same))
            ]
            if named and one.at > datetime.fromisoformat(named[-1]):
                yield f"{one.name} on {told.day(one)}, too late"


BOOKED = ("Appointment Booked", "Appointment Rescheduled")
PAST = (
    Past("appointment", BOOKED, "starts_at", "appointment_id"),
    Past("login-code", ("Login Code Requested",), "expires_at", "request_id"),
    Past("trial", ("Trial Started",), "ends_at", steps=("first-steps", "offer-help", "ending")),
    Past("points-expiring", ("Points Expiring",), "expires_at"),
)


def _while_a_case_is_open(told: Told) -> Iterator[str]:
    for opened, closed in _cases(told):
        for one in told.said:
            if one.sent and one.promotional and opened.at < one.at < min(closed, opened.at + CASE):
                yield f"{one.name} on {told.day(one)}, while a case was open: {opened.name}"


def _cases(told: Told) -> Iterator[tuple[Did, datetime]]:
    """Yield each event that dissatisfied the customer, and when it was settled."""
    for opened in told.of("Complaint Received"):
        yield opened, told.first("Complaint Resolved", opened, "complaint_id")
    for opened in told.of("Order Delayed"):
        yield opened, told.first("Order Delivered", opened, "order_id")
    for opened in told.of("Survey Answered"):
        if opened.properties["score"] <= WORST:
            case = f"survey-{opened.properties['order_id']}"
            settled = [
                did.at
                for did in told.of("Complaint Resolved")
                if did.properties.get("case_id") == case
            ]
            yield opened, min(settled, default=opened.at + CASE)
    for opened in told.of("Message Replied"):
        if opened.properties["intent"] == "other":
            answered = [
                did.at
                for did in told.of("Task Answered")
                if did.at > opened.at and did.properties["journey"] == "two-way"
            ]
            yield opened, min(answered, default=opened.at)


def _after_a_no_to_an_appointment(told: Told) -> Iterator[str]:
    for reply in told.of("Message Replied"):
        if reply.properties["journey"] == "appointment" and reply.properties["intent"] == "no":
            for one in told.said:
                same_run = one.workflow_id == reply.properties["run"]
                if one.sent and same_run and one.at > reply.at:
                    yield f"{one.name} on {told.day(one)}, after a no"


STATUSES = {
    "shipped": "Order Shipped",
    "out-for-delivery": "Out for Delivery",
    "failed": "Delivery Failed",
    "delivered": "Order Delivered",
}


def _a_former_status(told: Told) -> Iterator[str]:
    statuses = [did for did in told.did if did.name in STATUSES.values()]
    for one in told.said:
        if one.sent and one.journey == "delivery" and one.step in STATUSES:
            known = [did for did in statuses if did.at <= one.at and one.about(did, "order_id")]
            if not known or known[-1].name != STATUSES[one.step]:
                later = known[-1].name if known else "nothing was known"
                yield f"{one.name} on {told.day(one)}, after {later}"


PERIODS = ("Subscription Started", "Subscription Renewed")


def _of_a_period_that_was_renewed(told: Told) -> Iterator[str]:
    periods = [did for did in told.did if did.name in PERIODS]
    for one in told.said:
        if one.sent and one.journey == "renewal":
            # of two things in one moment nobody knows which was first
            known = [did for did in periods if did.at < one.at]
            known = [did for did in known if one.about(did, "subscription_id")]
            ends = datetime.fromisoformat(known[-1].properties["expires_at"]) if known else one.at
            if ends - one.at > timedelta(days=8):
                yield f"{one.name} on {told.day(one)}, after it was renewed"


def _of_what_was_bought(told: Told) -> Iterator[str]:
    """Yield a line for each message about watched products or a cart that were bought since."""
    for one in told.said:
        wanted = _wanted(told, one) if one.sent else {}
        bought = [
            any(
                since < order.at < one.at and product in _products(order)
                for order in told.of("Order Completed")
            )
            for product, since in wanted.items()
        ]
        if bought and all(bought):
            yield f"{one.name} on {told.day(one)}, after it was bought"


def _wanted(told: Told, one: Said) -> dict[str, datetime]:
    """Return the products that a message is about, with the moment since when they were wanted."""
    if one.journey == "product-watch":
        wishes = [did for did in told.of("Product Watched") if one.about(did, "product_id")]
    elif one.journey == "abandoned-cart":
        wishes = [did for did in told.of("Product Added") if one.about(did, "cart_id")]
    else:
        wishes = []
    return {did.properties["product_id"]: did.at for did in wishes if did.at <= one.at}


def _products(order: Did) -> set[str]:
    return {line["product_id"] for line in order.properties.get("products", ())}


OF_DEEDS: tuple[Callable[[Told], Iterator[str]], ...] = (
    _while_a_case_is_open,
    _after_a_no_to_an_appointment,
    _a_former_status,
    _of_a_period_that_was_renewed,
    _of_what_was_bought,
    *OVER,
    *PAST,
)
