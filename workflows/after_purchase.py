"""Help customers enjoy what they bought, thank them, and ask what they think of it."""

from activities.issue_code import issue_code
from sojourn import EMAIL, GIVE_WAY, ONCE, WAIT, Journey, Message, at_most, days, did
from sojourn.events import (
    ComplaintReceived,
    OrderCancelled,
    OrderCompleted,
    OrderDelivered,
    OrderRefunded,
)
from workflows.times import TEN

CONTENT = ~did(ComplaintReceived, within=days(30))


class AfterPurchase(
    Journey,
    name="after-purchase",
    starts_on=OrderDelivered,
    key="order_id",
    ends_on=(OrderRefunded.whole(), OrderCancelled, ComplaintReceived.any_key()),
    hears=OrderCompleted,
    enters_if=CONTENT,
    stays_if=CONTENT,
    again=ONCE.per_key,
):
    """Tips on day 3, 15 % off what goes with it on day 10, a review on day 17; at ten, local."""

    tips = Message(EMAIL, useful_for=days(4), at_most=at_most(1, per=days(2)), at_cap=WAIT)
    offer = Message(EMAIL, useful_for=days(3), at_most=at_most(1, per=days(30)), at_cap=GIVE_WAY)
    review = Message(EMAIL, useful_for=days(10), at_most=at_most(1, per=days(7)), at_cap=WAIT)

    async def steps(self) -> None:
        """Say three things, a week apart, while the customer keeps the order and is content."""
        await self.sleep_until(self.local(TEN, days=3))
        await self.send(self.tips)
        await self.sleep_until(self.local(TEN, days=10))
        if issued := await self.call(issue_code, percent=15, order_id=self.key):
            await self.send(self.offer, code=issued.code)
        await self.sleep_until(self.local(TEN, days=17))
        await self.send(self.review)
