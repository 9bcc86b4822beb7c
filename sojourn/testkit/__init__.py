"""Test your journeys: the real engine on Temporal's time-skipping server, in three verbs.

The pytest plugin gives the fixture ``journey``::

    async def test_purchase_stops_the_reminder(journey):
        await journey.start(AbandonedCart, cart_id="cart7")
        await journey.after(timedelta(hours=23))
        await journey.publish(OrderCompleted, order_id="o1", cart_id="cart7")
        assert journey.sent == []
        assert journey.outcome == "converted"
"""

from sojourn.testkit.kit import JourneyTest

__all__ = ["JourneyTest"]
