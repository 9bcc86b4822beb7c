"""The journeys that ship, side by side for one customer: none says what another one contradicts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sojourn.domain.messages import MessageClass
from sojourn.events import (
    ComplaintReceived,
    ComplaintResolved,
    OrderCancelled,
    OrderCompleted,
    OrderDelayed,
    OrderDelivered,
    OrderRefunded,
    ProductAdded,
    ProductViewed,
    SignedUp,
    SubscriptionStarted,
)
from sojourn.project import Project
from sojourn.store import ledger, tickets
from sojourn.store.tables import LedgerRow
from sojourn.testkit import JourneyTest
from tests.support.project import WHOLE
from workflows.abandoned_cart import AbandonedCart
from workflows.after_purchase import AfterPurchase
from workflows.browse_abandonment import BrowseAbandonment
from workflows.renewal import Renewal
from workflows.service_recovery import ServiceRecovery

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LAMP: dict[str, Any] = {"product_id": "p1", "name": "Oak lamp", "category": "Lighting"}
CHAIR: dict[str, Any] = {"product_id": "p3", "name": "Chair", "category": "Chairs"}


@pytest.fixture(scope="module")
def journey_project() -> Project:
    return replace(WHOLE, policy=None)


async def rows(journey: JourneyTest) -> list[LedgerRow]:
    async with journey.store.reading() as session:
        return list(await ledger.of_customer(session, journey.customer_id))


async def promotional(journey: JourneyTest) -> list[str]:
    """Return the promotional messages that left: journey and step."""
    return [
        f"{row.journey}/{row.step}"
        for row in await rows(journey)
        if row.state == "sent" and row.message_class == MessageClass.PROMOTIONAL
    ]


async def leaves_things_behind(journey: JourneyTest) -> None:
    """Do what makes five journeys want to write."""
    await journey.publish(ProductAdded, cart_id="c1", **CHAIR)
    for _ in range(3):
        await journey.publish(ProductViewed, **CHAIR)
    await journey.publish(SignedUp)
    end = await journey.now() + 9 * DAY
    await journey.publish(SubscriptionStarted, subscription_id="s1", expires_at=end)
    await journey.publish(ProductAdded, cart_id="c0", **LAMP)
    await journey.publish(OrderCompleted, order_id="o1", cart_id="c0", products=[LAMP])
    await journey.publish(OrderDelivered, order_id="o1", products=[LAMP])


async def test_nobody_sells_to_a_customer_who_waits_for_an_answer(journey: JourneyTest) -> None:
    await leaves_things_behind(journey)
    await journey.publish(ComplaintReceived, complaint_id="k1")
    await journey.after(12 * DAY)
    assert await promotional(journey) == []
    reasons = {row.reason for row in await rows(journey) if row.state == "skipped"}
    assert reasons == {"in_care"}
    assert journey.of(AfterPurchase).outcome == "stopped"
    assert journey.of(ServiceRecovery).sent[:1] == ["apology"]
    assert "welcome" in journey.sent, "what the customer needs still comes"
    async with journey.store.reading() as session:
        found = [t.subject for t in await tickets.listed(session)]
    assert "Look after this customer until the case is settled: k1" in found


async def test_what_still_makes_sense_comes_after_the_answer(journey: JourneyTest) -> None:
    await leaves_things_behind(journey)
    await journey.publish(ComplaintReceived, complaint_id="k1")
    await journey.after(2 * DAY)
    await journey.publish(ComplaintResolved, complaint_id="k1")
    await journey.after(6 * DAY)
    cart = [row for row in await rows(journey) if row.workflow_id.endswith(":c1")]
    assert [(row.step, row.reason or row.state) for row in cart] == [
        ("reminder", "in_care"), ("nudge", "sent"), ("offer", "sent"),
    ]  # fmt: skip
    assert journey.of(AfterPurchase).sent == [], "who complained gets no tips for that order"


async def test_tips_wait_for_no_late_order_that_has_come(journey: JourneyTest) -> None:
    await journey.publish(OrderCompleted, order_id="o1", products=[LAMP])
    await journey.publish(OrderDelayed, order_id="o1")
    await journey.after(1 * HOUR)
    await journey.publish(OrderDelivered, order_id="o1", products=[LAMP])
    assert journey.of(ServiceRecovery).outcome == "converted"
    await journey.after(4 * DAY)
    assert journey.of(AfterPurchase).sent == ["tips"]
    assert journey.of(ServiceRecovery).sent == ["apology"], "no word about a case that is settled"


async def test_no_tips_for_what_went_back_while_another_order_is_late(journey: JourneyTest) -> None:
    await journey.publish(OrderCompleted, order_id="o1", products=[LAMP])
    await journey.publish(OrderDelivered, order_id="o1", products=[LAMP])
    await journey.publish(OrderCompleted, order_id="o2", products=[CHAIR])
    await journey.publish(OrderDelayed, order_id="o2")
    await journey.publish(OrderRefunded, order_id="o1")
    assert journey.of(AfterPurchase).outcome == "stopped"
    assert journey.of(ServiceRecovery).outcome == "open"
    await journey.publish(OrderCancelled, order_id="o2")
    assert journey.of(ServiceRecovery).outcome == "converted"
    await journey.after(20 * DAY)
    assert await promotional(journey) == []


async def test_a_purchase_ends_what_speaks_of_the_same_product(journey: JourneyTest) -> None:
    for _ in range(3):
        await journey.publish(ProductViewed, **LAMP)
    await journey.publish(ProductAdded, cart_id="c1", **LAMP)
    await journey.publish(OrderCompleted, order_id="o1", cart_id="c1", products=[LAMP])
    await journey.after(8 * DAY)
    assert journey.of(AbandonedCart).sent == []
    assert journey.of(BrowseAbandonment).sent == []
    assert await promotional(journey) == []


async def test_a_reminder_to_renew_is_promotional_and_waits_for_the_answer_too(
    journey: JourneyTest,
) -> None:
    end = await journey.now() + 7 * DAY
    await journey.publish(SubscriptionStarted, subscription_id="s1", expires_at=end)
    await journey.publish(ComplaintReceived)
    await journey.after(9 * DAY)
    assert journey.of(Renewal).sent == []
