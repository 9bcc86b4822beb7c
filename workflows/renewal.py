"""Have a subscription renewed before it runs out, period after period."""

from datetime import datetime, time, timedelta
from typing import cast

from temporalio import workflow

from sojourn.domain.events import (
    Event,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from sojourn.domain.messages import Channel, Enrolment, Message, Result
from sojourn.journeys.journey import Journey

TEN = time(10)

IN_A_WEEK = Message(
    step="in-a-week",
    channels=(Channel.EMAIL,),
    topic="renewal",
    useful_for=timedelta(days=1),
)
IN_TWO_DAYS = IN_A_WEEK.model_copy(update={"step": "in-two-days"})
TODAY = IN_A_WEEK.model_copy(
    update={
        "step": "today",
        "channels": (Channel.PUSH, Channel.SMS, Channel.EMAIL),
        "useful_for": timedelta(hours=12),
    }
)
EXPIRED = IN_A_WEEK.model_copy(update={"step": "expired", "useful_for": timedelta(days=3)})


@workflow.defn(name="renewal")
class Renewal(
    Journey,
    starts_on=(SubscriptionStarted, SubscriptionRenewed),
    key="subscription_id",
    goal=SubscriptionRenewed,
    restarts_on=SubscriptionChanged,
    ends_on=SubscriptionCancelled,
):
    """Reminders at ten, local, 7 and 2 days before the end and on the day; word the day after."""

    async def steps(self) -> None:
        """Three reminders and a farewell, counted from the day the subscription expires."""
        await self.sleep_until(self.local(TEN, days=-7, after=self.expires_at))
        await self.send(IN_A_WEEK)
        await self.sleep_until(self.local(TEN, days=-2, after=self.expires_at))
        await self.send(IN_TWO_DAYS)
        await self.sleep_until(self.local(TEN, days=0, after=self.expires_at))
        await self.send(TODAY)
        await self.sleep_until(self.local(TEN, days=1, after=self.expires_at))
        await self.send(EXPIRED)

    @property
    def expires_at(self) -> datetime:
        """The end of the current period, as last heard."""
        return cast(SubscriptionStarted, self.cause).expires_at

    def restarts(self, event: Event) -> bool:
        """Plan anew only for another end; a change of plan or price alone moves nothing."""
        changed = cast(SubscriptionChanged, event)
        return changed.expires_at not in (None, self.expires_at)

    @workflow.run
    async def run(self, enrolment: Enrolment) -> Result:
        """One subscription; each period is an execution of its own, by continue-as-new."""
        return await self.follow(enrolment)
