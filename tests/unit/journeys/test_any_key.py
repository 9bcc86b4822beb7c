"""A journey's file may say that an event ends the runs of every key."""

import pytest

from sojourn import EMAIL, Journey, Message, hours
from sojourn.events import (
    OrderCompleted,
    ProductAdded,
    SubscriptionCancelled,
    SubscriptionRenewed,
    SubscriptionStarted,
)


class Carts(
    Journey, name="carts", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted.any_key()
):
    """A journey that others extend."""

    reminder = Message(EMAIL, useful_for=hours(24))

    async def steps(self) -> None:
        """Say one thing."""
        await self.send(self.reminder)


def test_an_event_of_any_key_is_a_goal_like_others() -> None:
    assert Carts.terms.goal == (OrderCompleted,)
    assert Carts.terms.reach.ends == ("Order Completed",)
    assert Carts.terms.reach.any_key == ("Order Completed",)


class Own(Carts, name="own"):
    """Extends the journey."""


class Other(Carts, name="other", goal=OrderCompleted):
    """Says otherwise."""


class Several(
    Carts,
    name="several",
    goal=(OrderCompleted, SubscriptionStarted.any_key()),
    ends_on=SubscriptionCancelled.any_key(),
):
    """Has several events."""


def test_a_journey_inherits_it_with_the_keyword() -> None:
    assert Own.terms.any_key == (OrderCompleted,)
    assert Other.terms.any_key == ()


def test_it_may_be_said_of_one_event_among_several_and_of_ends() -> None:
    assert Several.terms.goal == (OrderCompleted, SubscriptionStarted)
    assert Several.terms.ends_on == (SubscriptionCancelled,)
    assert Several.terms.any_key == (SubscriptionStarted, SubscriptionCancelled)


def test_an_event_that_starts_runs_cannot_end_those_of_any_key() -> None:
    with pytest.raises(TypeError, match=r"SubscriptionRenewed starts runs.*leave any_key\(\) out"):

        class Renewals(
            Carts,
            name="renewals",
            starts_on=(SubscriptionStarted, SubscriptionRenewed),
            key="subscription_id",
            goal=SubscriptionRenewed.any_key(),
        ):
            """Makes no sense."""
