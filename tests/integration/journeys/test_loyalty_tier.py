from datetime import timedelta

from sojourn.events import TierReached
from sojourn.testkit import JourneyTest, scenario
from workflows.loyalty_tier import LoyaltyTier

DAY = timedelta(days=1)


@scenario("loyalty-tier/exhausted")
async def test_a_new_tier_is_congratulated_on_at_once_with_a_coupon(journey: JourneyTest) -> None:
    await journey.start(LoyaltyTier, tier="Gold")
    assert journey.sent == ["congratulations"]
    assert journey.outcome == "exhausted"
    said = await journey.content("congratulations")
    assert said["subject"] == "Congratulations: Gold"
    (code,) = said["codes"]
    assert code in said["text"]


async def test_the_same_tier_is_congratulated_on_once_in_half_a_year(journey: JourneyTest) -> None:
    await journey.start(LoyaltyTier, tier="Gold")
    await journey.after(100 * DAY)
    await journey.publish(TierReached, tier="Gold")
    assert journey.skipped == [("congratulations", "cap")]
    await journey.publish(TierReached, tier="Platinum")
    await journey.after(80 * DAY)
    await journey.publish(TierReached, tier="Gold")
    assert journey.sent == ["congratulations"] * 3


@scenario("loyalty-tier/nobody-to-write-to")
async def test_a_customer_without_an_address_is_skipped(journey: JourneyTest) -> None:
    await journey.identify(email="")
    await journey.start(LoyaltyTier, tier="Gold")
    await journey.after(2 * DAY)
    assert journey.skipped == [("congratulations", "no_address")]


async def test_of_two_tiers_the_newer_one_counts_whichever_is_told_first(
    journey: JourneyTest,
) -> None:
    await journey.identify(marketingConsent={"email": False})
    now = await journey.now()
    await journey.start(LoyaltyTier, tier="Gold")
    await journey.identify(marketingConsent={"email": True})
    await journey.publish(TierReached, tier="Silver", occurred_at=now - DAY)
    assert (await journey.content("congratulations"))["subject"] == "Congratulations: Gold"
    assert journey.sent == ["congratulations"]
