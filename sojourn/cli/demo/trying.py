"""The story of a customer who tries out a product."""

from datetime import UTC, datetime, timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import (
    FeatureUsed,
    SubscriptionStarted,
    TrialExtensionRequested,
    TrialStarted,
)

DAY = timedelta(days=1)


async def _needs_a_week_more(guide: Guide) -> Played:
    who = await guide.customer("Bianca", "it-IT")
    ends = datetime.now(UTC) + 14 * DAY
    await guide.publish(TrialStarted(customer_id=who, ends_at=ends))
    await guide.pass_time(who, 4 * DAY)
    await guide.publish(FeatureUsed(customer_id=who, feature="lists"))
    await guide.pass_time(who, 8 * DAY)
    await guide.publish(TrialExtensionRequested(customer_id=who))
    await guide.pass_time(who, 8 * DAY)
    await guide.publish(
        SubscriptionStarted(customer_id=who, subscription_id="s9", expires_at=ends + 300 * DAY)
    )
    return await guide.tell("tries it out, needs a week more, and stays", who, guide.noon)


TRYING = Tale("trial", TrialStarted, _needs_a_week_more)
