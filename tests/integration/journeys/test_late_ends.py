"""An event that comes late ends the enrolment that it belongs to; nothing is said twice for it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sojourn import Project, days, hours
from sojourn.events import InvoiceSettled, OrderCompleted, PaymentFailed, ProductAdded
from sojourn.journeys.registry import Journeys
from sojourn.testkit import JourneyTest
from tests.support.project import WHOLE
from workflows.abandoned_cart import AbandonedCart
from workflows.payment_due import PaymentDue


@pytest.fixture(scope="module")
def journey_project() -> Project:
    return replace(WHOLE, journeys=Journeys([AbandonedCart, PaymentDue]), policy=None)


async def test_a_late_purchase_has_no_cart_reminded_of_twice(journey: JourneyTest) -> None:
    """It bought the first cart; the second one, which began the steps again, was spoken of."""
    began = await journey.now()
    await journey.publish(ProductAdded, cart_id="k1", occurred_at=began - hours(30))
    await journey.after(days(1))
    await journey.publish(ProductAdded, cart_id="k1")
    await journey.after(hours(46))
    assert journey.of(AbandonedCart).sent == ["reminder", "reminder"]
    await journey.publish(OrderCompleted, order_id="o1", occurred_at=began - hours(26))
    assert journey.of(AbandonedCart).sent == ["reminder", "reminder"]
    assert journey.of(AbandonedCart).skipped[-1:] == [("reminder", "already_told")]
    await journey.after(days(7))
    assert journey.of(AbandonedCart).sent == ["reminder", "reminder", "nudge", "offer"]
    assert await journey.breaches() == []


async def test_a_late_payment_has_no_failure_told_of_twice(journey: JourneyTest) -> None:
    await journey.publish(PaymentFailed, invoice_id="k1")
    await journey.after(days(2))
    await journey.publish(PaymentFailed, invoice_id="k1")
    late = await journey.now() - timedelta(days=1, hours=7)
    assert journey.of(PaymentDue).sent == ["failed", "failed"]
    await journey.publish(InvoiceSettled, invoice_id="k1", occurred_at=late)
    assert journey.of(PaymentDue).sent == ["failed", "failed"]
    assert await journey.breaches() == []
