"""Does a season contradict itself? It is judged as its customers would, by the outcome alone.

Nothing here asks the engine: what a customer did is compared with what left for them.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from sojourn.cli.season.told import Did, Said, Told

MOST_A_WEEK = 5
"""More promotional messages in any seven days than this pester somebody."""
WEEK = timedelta(days=7)
REPEATED = timedelta(days=1)

Rule = Callable[[Told], Iterator[str]]


def contradictions(told: Told) -> list[str]:
    """Return a line for each thing that the customer would shake their head at."""
    return [f"{told.customer_id}: {line}" for rule in RULES for line in rule(told)]


def _pestered(told: Told) -> Iterator[str]:
    sent = [one.at for one in told.said if one.sent and one.promotional]
    for first, at in enumerate(sent):
        within = sum(at <= other < at + WEEK for other in sent[first:])
        if within > MOST_A_WEEK:
            yield f"{within} promotional messages in the week from {told.local(at):%d %b}"
            return


def _twice(told: Told) -> Iterator[str]:
    last: dict[tuple[str, str, str], datetime] = {}
    for one in told.said:
        if one.sent:
            key = (one.workflow_id, one.step, one.headline)
            again = key in last and one.at - last[key] < REPEATED
            if again and not _failed_since(told, one, last[key]):
                yield f"{_name(one)} twice within a day"
            last[key] = one.at


def _offers_while_a_complaint_is_open(told: Told) -> Iterator[str]:
    for opened in _of(told, "Complaint Received"):
        closed = _first(told, "Complaint Resolved", opened, "complaint_id")
        for one in told.said:
            if one.sent and one.promotional and opened.at < one.at < closed:
                yield f"{_name(one)} on {_day(told, one)}, while a complaint was open"


def _about_what_went_back(told: Told) -> Iterator[str]:
    for refund in _of(told, "Order Refunded"):
        for one in told.said:
            about = one.about(refund, "order_id")
            if one.sent and one.promotional and about and one.at > refund.at:
                yield f"{_name(one)} on {_day(told, one)}, after the order went back"


def _about_a_cart_that_was_bought(told: Told) -> Iterator[str]:
    for order in _of(told, "Order Completed"):
        for one in told.said:
            about = one.about(order, "cart_id")
            if one.sent and one.journey == "abandoned-cart" and about and one.at > order.at:
                yield f"{_name(one)} on {_day(told, one)}, after the cart was bought"


def _asks_for_what_was_paid(told: Told) -> Iterator[str]:
    for paid in _of(told, "Payment Received"):
        for one in told.said:
            about = one.about(paid, "invoice_id")
            if one.sent and one.journey == "payment-due" and about and one.at > paid.at:
                yield f"{_name(one)} on {_day(told, one)}, after the bill was paid"


def _after_a_no(told: Told) -> Iterator[str]:
    for word in told.did:
        for said in word.properties.get("consents", ()):
            for one in told.said:
                against = one.channel == said["channel"] and not said["granted"]
                if one.sent and one.promotional and against and one.at > word.at:
                    yield f"{_name(one)} by {one.channel} on {_day(told, one)}, after a no"


RULES: tuple[Rule, ...] = (
    _pestered,
    _twice,
    _offers_while_a_complaint_is_open,
    _about_what_went_back,
    _about_a_cart_that_was_bought,
    _asks_for_what_was_paid,
    _after_a_no,
)


def _of(told: Told, name: str) -> list[Did]:
    return [one for one in told.did if one.name == name]


def _first(told: Told, name: str, after: Did, same: str) -> datetime:
    """Return when the first such event came after another one about the same thing."""
    found = (
        one.at
        for one in _of(told, name)
        if one.at > after.at and one.properties.get(same) == after.properties.get(same)
    )
    return next(found, datetime.max.replace(tzinfo=after.at.tzinfo))


def _failed_since(told: Told, one: Said, since: datetime) -> bool:
    """Tell whether a parcel could not be delivered, and is under way once more."""
    return any(
        since < failed.at < one.at and one.about(failed, "order_id")
        for failed in _of(told, "Delivery Failed")
    )


def _name(one: Said) -> str:
    return f"{one.journey}/{one.step}"


def _day(told: Told, one: Said) -> str:
    return f"{told.local(one.at):%d %b %H:%M}"
