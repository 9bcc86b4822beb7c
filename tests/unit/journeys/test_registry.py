"""Journeys tell of themselves, and it is found once."""

from sojourn.events import (
    OrderCompleted,
    ProductAdded,
    SubscriptionCancelled,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys


class Ends(
    Journey,
    name="ends",
    starts_on=SubscriptionStarted,
    key="subscription_id",
    anchor="expires_at",
    restarts_on=(SubscriptionRenewed, SubscriptionStarted),
    ends_on=SubscriptionCancelled,
):
    """Counts from the end of a subscription."""

    async def steps(self) -> None:
        """Say nothing."""


class Cart(
    Journey,
    name="cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
    restarts_on=ProductAdded,
    hears=SubscriptionStarted,
):
    """Counts from what happened."""

    async def steps(self) -> None:
        """Say nothing."""


BOTH = Journeys([Ends, Cart])


def test_a_change_that_starts_no_run_moves_the_anchor_of_its_journey() -> None:
    assert list(BOTH.moved_by(SubscriptionRenewed.event_name)) == ["ends"]
    assert not BOTH.moved_by(SubscriptionStarted.event_name)  # it starts one
    assert not BOTH.moved_by(ProductAdded.event_name)  # there is no anchor


def test_what_starts_a_run_of_any_journey_is_told_late_to_none() -> None:
    assert OrderCompleted.event_name in BOTH.told_late["cart"]
    assert SubscriptionStarted.event_name not in BOTH.told_late["cart"]
    alone = Journeys([Cart])
    assert SubscriptionStarted.event_name in alone.told_late["cart"]


def test_a_journey_knows_its_starts_and_ends_by_their_names() -> None:
    assert Cart.terms.start_names == {"Product Added"}
    assert Cart.terms.is_ended_by("Order Completed")
    assert not Cart.terms.is_ended_by("Product Added")
    assert not Cart.terms.selects
