"""A watched product, whatever happens to it and in whatever order: what is said is true, and once.

The desk answers as the templates do, by `watched_after`. What must hold is written a second time
here, straight from the page of the journey.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.messages import EDITION, Delivery, Enrolment, Heard, Reason, Receipt, Status
from sojourn.domain.sayings import Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.events import (
    Event,
    OrderCompleted,
    PriceDropped,
    PriceRaised,
    ProductBackInStock,
    ProductOutOfStock,
    ProductUnwatched,
    ProductWatched,
)
from sojourn.journeys.in_process import play
from sojourn.rendering.watched import watched_after
from workflows.product_watch import ProductWatch

BEGIN = datetime(2024, 1, 8, 12, tzinfo=UTC)
LASTS = timedelta(days=90)
KINDS: tuple[type[Event], ...] = (
    ProductWatched,
    ProductUnwatched,
    PriceDropped,
    PriceRaised,
    ProductBackInStock,
    ProductOutOfStock,
    OrderCompleted,
)
STEP_OF = {"Price Dropped": "price-dropped", "Product Back in Stock": "back-in-stock"}
WANTS = st.sampled_from(["price", "stock", None])
HOURS = st.one_of(st.integers(1, 36), st.integers(1, 36), st.integers(36, 40 * 24))
PRICES = st.sampled_from([60, 80, 100, 120])
STEPS = st.tuples(st.sampled_from(list(KINDS)), HOURS, PRICES, WANTS)


def made(kind: type[Event], at: datetime, price: int, wants: str | None) -> Event:
    fields: dict[str, Any] = {"product_id": "lamp", "price": price, "currency": "EUR"}
    if kind is OrderCompleted:
        fields = {"order_id": "o", "products": [{"product_id": "lamp"}]}
    if kind in (ProductUnwatched, ProductOutOfStock, ProductBackInStock):
        fields = {"product_id": "lamp"}
    return kind.model_validate({"customer_id": "c", "occurred_at": at, "wants": wants, **fields})


def heard(event: Event, seq: int) -> Heard:
    return Heard(
        id=event.message_id,
        name=event.event_name,
        at=event.occurred_at,
        seq=seq,
        fields=event.public(),
    )


class Desk:
    """Lets each message leave after a hold, if its template would have something to say then."""

    def __init__(self, events: Sequence[Event], hold: timedelta) -> None:
        self.events, self.hold = events, hold
        self.sent: list[tuple[str, datetime]] = []

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        at = delivery.now + self.hold
        known = watched_after([one for one in self.events if one.occurred_at <= at], "lamp")
        assert known is not None
        price = delivery.step == "price-dropped"
        if known.is_bought:
            return Receipt(status=Status.SKIPPED, reason=Reason.NOTHING_LEFT), at
        if known.against_price if price else known.against_stock:
            return Receipt(status=Status.SKIPPED, reason=Reason.NOTHING_TO_SAY), at
        self.sent.append((delivery.step, at))
        return Receipt(status=Status.SENT, at=at), at

    async def call(self, asked: Asked) -> Reply:
        raise AssertionError("it calls nothing")

    async def ask(self, asked: Question) -> Reply:
        raise AssertionError("it asks nothing")

    async def say(self, said: Saying, summary: str) -> bool:
        raise AssertionError("it tells nothing")

    async def task(self, said: Opening | Closing) -> TaskStand:
        raise AssertionError("it asks nobody")


def is_true(step: str, at: datetime, events: Sequence[Event]) -> bool:
    """Tell whether a message says something true, by the page."""
    past = [one for one in events if one.occurred_at <= at]
    watches = [one for one in past if isinstance(one, ProductWatched | ProductUnwatched)]
    watch = watches[-1]
    if not isinstance(watch, ProductWatched):
        return False
    since = [one for one in past if one.occurred_at > watch.occurred_at]
    if any(isinstance(one, OrderCompleted) for one in since):
        return False
    stock = [one for one in since if isinstance(one, ProductBackInStock | ProductOutOfStock)]
    sold_out = bool(stock) and isinstance(stock[-1], ProductOutOfStock)
    if step == "back-in-stock":
        return bool(stock) and not sold_out
    prices = [one for one in since if isinstance(one, PriceDropped | PriceRaised)]
    assert watch.price is not None
    return bool(prices) and prices[-1].price < watch.price and not sold_out


def wanted(step: str, at: datetime, events: Sequence[Event]) -> bool:
    """Tell whether the customer asked for such news at a moment, and within the watch's days."""
    past = [one for one in events if one.occurred_at <= at]
    ends = [n for n, one in enumerate(past) if isinstance(one, ProductUnwatched)]
    watches = [one for one in past[max(ends, default=-1) + 1 :] if isinstance(one, ProductWatched)]
    kind = "price" if step == "price-dropped" else "stock"
    asked = any(one.wants in (kind, None) for one in watches)
    return asked and at < watches[-1].occurred_at + LASTS


@pytest.mark.parametrize("hold", [timedelta(0), timedelta(hours=30)], ids=["at-once", "held"])
@settings(max_examples=200)
@given(st.data())
async def test_what_is_said_is_true_and_said_once(hold: timedelta, data: st.DataObject) -> None:
    steps = data.draw(st.lists(STEPS, min_size=2, max_size=8))
    at, events = BEGIN, [made(ProductWatched, BEGIN, 100, data.draw(WANTS))]
    for kind, later, price, wants in steps:
        at += timedelta(hours=later)
        events.append(made(kind, at, price, wants))
    declared = ProductWatch.terms.declared
    told = [heard(one, n) for n, one in enumerate(events, start=1)]
    enrolment = Enrolment(
        customer_id="c", key="lamp", start=told[0], timezone="UTC", edition=EDITION
    )
    desk = Desk(events, hold)
    hears = [one for one in told[1:] if one.name in declared]
    played = await play(
        ProductWatch, "product-watch:c:lamp", enrolment, desk, hears=hears,
        up_to=at + LASTS + timedelta(days=9),
    )  # fmt: skip
    assert played.result is not None, "the run is over"
    assert len(desk.sent) <= 1
    for step, left in desk.sent:
        assert is_true(step, left, events)
        assert wanted(step, left - hold, events)
    if hold:
        return
    first = first_news(events)
    assert (desk.sent[0] if desk.sent else None) == first


def first_news(events: Sequence[Event]) -> tuple[str, datetime] | None:
    """Return the first news that the customer gets if nothing holds it."""
    for before, event in pairwise(events):
        over = isinstance(before, ProductUnwatched)
        late = event.occurred_at >= _ends(events, event)
        if over or late:  # the run is over, and what follows is of another one
            return None
        step = STEP_OF.get(event.event_name)
        if step is None or not wanted(step, event.occurred_at, events):
            continue
        if _bought(events, event):
            return None
        if is_true(step, event.occurred_at, events):
            return step, event.occurred_at
    return None


def _ends(events: Sequence[Event], event: Event) -> datetime:
    past = [one for one in events if one.occurred_at < event.occurred_at]
    return [one for one in past if isinstance(one, ProductWatched)][-1].occurred_at + LASTS


def _bought(events: Sequence[Event], event: Event) -> bool:
    past = [one for one in events if one.occurred_at <= event.occurred_at]
    kinds = [type(one) for one in past if isinstance(one, ProductWatched | OrderCompleted)]
    return kinds[-1] is OrderCompleted
