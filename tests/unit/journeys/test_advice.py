"""A check tells the author of a journey what the class keywords leave out."""

import pytest

from sojourn import EMAIL, Journey, Message, days
from sojourn.events import ProductAdded, SubscriptionStarted
from sojourn.journeys.advice import advice
from tests.support.project import PROJECT


class Winback(Journey, name="winback", starts_on=SubscriptionStarted, key="subscription_id"):
    hello = Message(EMAIL, useful_for=days(1))

    async def steps(self) -> None:
        await self.send(self.hello)


class Anchored(Winback, name="anchored", anchor="expires_at"):
    pass


class Restarted(Winback, name="restarted", restarts_on=SubscriptionStarted):
    pass


def test_a_start_with_a_moment_asks_for_an_anchor() -> None:
    assert advice(Winback) == [
        "winback: a second Subscription Started of an open run moves nothing. "
        'If the plan counts from its expires_at, say anchor="expires_at"'
    ]


@pytest.mark.parametrize("journey", [Anchored, Restarted, *PROJECT.journeys.values()])
def test_journeys_that_say_what_moves_them_get_no_advice(journey: type[Journey]) -> None:
    assert advice(journey) == []


def test_an_anchor_must_be_a_field_of_every_start() -> None:
    with pytest.raises(TypeError, match='ProductAdded has no field "expires_at" to count from'):

        class Wrong(Winback, name="wrong", starts_on=ProductAdded, key="", anchor="expires_at"):
            pass
