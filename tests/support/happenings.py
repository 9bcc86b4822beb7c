"""Made-up days of many customers, whose outcomes do not depend on the order of arrival.

Events are ordered by the moments at which they happened, so nearly any set of events works. These
days leave out the cases that depend on the order of arrival:

- All events lie within an unfinished day: only the welcome falls due before all have arrived.
  A purchase that arrives after the reminder has left cannot take it back. Customers live
  `where_it_is_evening`, for a step of tomorrow at ten would else be due today.
- No customer clicks before signing up.
- A subscription starts before it changes, renews or ends. Two events that could each have
  started a run, with nothing between them that ends it, are told apart by their arrival: the run
  counts from the one that came first.
- No order of one of two carts names it: if it arrives before that cart's products, it is of an
  unknown cart, and ends the reminders of the other one, too.
- No two events of a customer lie within the tolerance of clocks: of two that do, a purchase counts
  by its arrival.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

Call = dict[str, Any]

SOME_DAY = 20 * 3600
"""The length of the day in seconds; senders and kills take the rest of the 24 hours."""
APART = 360
"""In seconds; more than senders' clocks may differ."""
FURTHEST_EAST = 14
"""In hours from UTC."""


def happenings(count: int, *, seed: int) -> list[Call]:
    """Return ``track`` calls, customer by customer, each customer's in the order of the day."""
    rnd = random.Random(seed)
    begin = datetime.now(UTC) - timedelta(seconds=SOME_DAY + 60)
    calls: list[Call] = []
    while len(calls) < count:
        calls += _day_of(f"{len(calls)}", begin, rnd)
    return calls[:count]


def where_it_is_evening() -> str:
    """Return a time zone in which now, and all that happened, belong to one date."""
    offset = 22 - datetime.now(UTC).hour
    if offset > FURTHEST_EAST:
        offset -= 24
    return f"Etc/GMT{-offset:+d}"  # the names of these zones count westwards


def _day_of(customer: str, begin: datetime, rnd: random.Random) -> list[Call]:
    told = [*_carts(rnd), *_onboarding(rnd), *_subscription(begin, rnd), ("Page Read", {})]
    moments = rnd.sample(range(0, SOME_DAY, APART), len(told))
    rnd.shuffle(told)
    _begin(told)
    calls = [
        {
            "type": "track",
            "event": event,
            "properties": properties,
            "messageId": f"m-{customer}-{n}",
            "userId": customer,
            "timestamp": (begin + timedelta(seconds=moment)).isoformat(),
        }
        for n, ((event, properties), moment) in enumerate(zip(told, sorted(moments), strict=True))
    ]
    names = [call["event"] for call in calls]
    signed_up = names.index("Signed Up") if "Signed Up" in names else len(names)
    return [c for n, c in enumerate(calls) if c["event"] != "Email Link Clicked" or n > signed_up]


def _begin(told: list[tuple[str, Call]]) -> None:
    """Swap the subscription's start with the first of its other events."""
    of_it = [n for n, (event, _) in enumerate(told) if event.startswith("Subscription")]
    for n in of_it:
        if told[n][0] == "Subscription Started":
            told[of_it[0]], told[n] = told[n], told[of_it[0]]


def _carts(rnd: random.Random) -> Iterator[tuple[str, Call]]:
    """Return carts filled, bought and filled again, in any order; some orders name no cart."""
    carts = rnd.randrange(1, 3)
    for cart in range(carts):
        for product in range(rnd.randrange(1, 8)):
            yield "Product Added", {"cart_id": f"k{cart}", "product_id": f"p{product}"}
        if rnd.random() < 0.5:
            named = {"cart_id": f"k{cart}"} if rnd.random() < 0.8 and carts == 1 else {}
            yield "Order Completed", {"order_id": f"o{cart}", **named}


def _onboarding(rnd: random.Random) -> Iterator[tuple[str, Call]]:
    if rnd.random() < 0.5:
        yield "Signed Up", {}
        if rnd.random() < 0.4:
            yield "Email Link Clicked", {"journey": "onboarding", "step": "welcome"}
        if rnd.random() < 0.4:
            yield "Account Activated", {}


def _subscription(begin: datetime, rnd: random.Random) -> Iterator[tuple[str, Call]]:
    """Return a subscription begun, changed, renewed and cancelled; its ends lie weeks ahead."""

    def call() -> Call:
        end = begin + timedelta(days=rnd.randrange(30, 60))
        return {"subscription_id": "s", "expires_at": end.isoformat()}

    if rnd.random() < 0.5:
        yield "Subscription Started", call()
        for _ in range(rnd.randrange(3)):
            yield "Subscription Changed", call()
        if rnd.random() < 0.4:
            yield "Subscription Changed", {"subscription_id": "s", "plan": "family"}
        for _ in range(rnd.choice([0, 0, 1, 2])):
            yield "Subscription Renewed", call()
        if rnd.random() < 0.3:
            yield "Subscription Cancelled", {"subscription_id": "s"}
