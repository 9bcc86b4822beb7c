"""Ask customers what they think of the products that they ordered."""

from events import ProductReviewed
from sojourn import EMAIL, PUSH, Journey, Message, days
from sojourn.events import OrderCompleted


class ReviewRequest(
    Journey,
    name="review-request",
    topic="reviews",
    starts_on=OrderCompleted,
    key="order_id",
    goal=ProductReviewed,
):
    """Ten days after an order, a question: how is it? Four days on, one reminder."""

    question = Message(EMAIL, useful_for=days(3))
    reminder = Message(PUSH, EMAIL, useful_for=days(3))

    async def steps(self) -> None:
        """Ask twice, each time only while there is no review."""
        await self.sleep(days(10))
        await self.send(self.question)
        await self.sleep(days(4))
        await self.send(self.reminder)
