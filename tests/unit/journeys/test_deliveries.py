"""Each run asks for its own message, with what its class says of it."""

from sojourn import EMAIL, Message, days
from sojourn.domain.messages import Delivery
from sojourn.events import OrderCompleted, ProductAdded, ProductRemoved
from sojourn.journeys.journey import Journey
from sojourn.journeys.stepping import Runs
from tests.support.noting import Notes
from tests.support.staging import BEGAN
from tests.unit.journeys.test_stepping import start


class Once(Journey, name="once", starts_on=ProductAdded, key="cart_id", goal=OrderCompleted):
    """One message."""

    hello = Message(EMAIL, useful_for=days(1))

    async def steps(self) -> None:
        """Write."""
        await self.sleep(days(1))
        await self.send(self.hello, code=self.key)


class Removed(Once, name="removed", topic="cart", goal=ProductRemoved, key="product_id"):
    """The same message, which something else ends."""


async def test_a_message_says_what_its_run_and_its_class_say() -> None:
    desk = Notes()
    runs = Runs(desk, BEGAN)
    for journey, key in ((Once, "a"), (Once, "b"), (Removed, "c")):
        start(runs, journey, key)
    await runs.advance(BEGAN + days(2))
    a, b, c = desk.asked
    assert [one.key for one in desk.asked] == ["a", "b", "c"]
    assert [one.given for one in desk.asked] == [{"code": "a"}, {"code": "b"}, {"code": "c"}]
    assert (a.journey, b.journey, c.journey) == ("once", "once", "removed")
    assert (a.topic, c.topic) == ("once", "cart")
    assert (a.goals, c.goals) == (("Order Completed",), ("Product Removed",))
    assert (a.key_field, c.key_field) == ("cart_id", "product_id")
    assert a.due == a.now == BEGAN + days(1)


async def test_a_message_is_what_its_history_makes_of_it() -> None:
    """Its values are put together unchecked, so they must be those that would pass the check."""
    desk = Notes()
    runs = Runs(desk, BEGAN)
    start(runs, Once)
    await runs.advance(BEGAN + days(2))
    (asked,) = desk.asked
    assert Delivery.model_validate_json(asked.model_dump_json()) == asked
    given = {name: getattr(asked, name) for name in asked.model_fields_set}
    assert Delivery(**given).model_dump_json() == asked.model_dump_json()
