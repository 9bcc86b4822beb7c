"""Have a subscription renewed before it runs out, period after period."""

from datetime import datetime
from typing import cast

from sojourn import EMAIL, PUSH, SMS, Journey, Message, days, hours
from sojourn.events import (
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from workflows.times import TEN


class Renewal(
    Journey,
    name="renewal",
    starts_on=(SubscriptionStarted, SubscriptionRenewed),
    key="subscription_id",
    goal=SubscriptionRenewed,
    restarts_on=SubscriptionChanged,
    ends_on=SubscriptionCancelled,
    anchor="expires_at",
):
    """Reminders at ten, local, 7 and 2 days before the end and on the day; word the day after."""

    in_a_week = Message(EMAIL, useful_for=days(1))
    in_two_days = Message(EMAIL, useful_for=days(1))
    today = Message(PUSH, SMS, EMAIL, useful_for=hours(12))
    expired = Message(EMAIL, useful_for=days(3))

    async def steps(self) -> None:
        """Send three reminders and a farewell, counted from the day the subscription expires."""
        await self.sleep_until(self.local(TEN, days=-7, after=self.expires_at))
        await self.send(self.in_a_week)
        await self.sleep_until(self.local(TEN, days=-2, after=self.expires_at))
        await self.send(self.in_two_days)
        await self.sleep_until(self.local(TEN, days=0, after=self.expires_at))
        await self.send(self.today, until=self.expires_at)
        await self.sleep_until(self.local(TEN, days=1, after=self.expires_at))
        await self.send(self.expired)

    @property
    def expires_at(self) -> datetime:
        """The end of the current period, as last heard."""
        return cast(SubscriptionStarted, self.cause).expires_at
