from datetime import UTC, datetime, timedelta

from sojourn.events import (
    FeatureUsed,
    SubscriptionStarted,
    TrialCancelled,
    TrialExtended,
    TrialExtensionRequested,
)
from sojourn.testkit import JourneyTest, scenario
from workflows.trial import Trial

DAY = timedelta(days=1)
ENDS = datetime(2024, 1, 22, 15, tzinfo=UTC)  # the kit's tests begin on 8 January 2024


async def used(journey: JourneyTest, *features: str) -> None:
    for feature in features:
        await journey.publish(FeatureUsed, feature=feature)


@scenario("trial/unused")
async def test_a_trial_that_nobody_uses_is_helped_and_ends(journey: JourneyTest) -> None:
    await journey.start(Trial, ends_at=ENDS)
    await journey.until(ENDS + 2 * DAY)
    assert journey.sent == ["first-steps", "offer-help", "ending", "over"]
    assert journey.outcome == "exhausted"
    assert [row.template for row in await journey.messages()][:2] == ["first-steps", "offer-help"]
    assert "22 January 2024" in (await journey.content("ending"))["subject"]
    assert "extend a trial once" in (await journey.content("ending"))["text"]


@scenario("trial/used")
async def test_help_goes_by_what_was_used(journey: JourneyTest) -> None:
    await journey.start(Trial, ends_at=ENDS)
    await used(journey, "lists")
    await journey.until(ENDS - 11 * DAY)
    assert "A good start" in (await journey.content("first-steps"))["subject"]
    await used(journey, "lists", "reports", "sharing")
    await journey.until(ENDS - 8 * DAY)
    assert journey.sent == ["first-steps", "offer-help"]
    assert "You know your way around" in (await journey.content("offer-help"))["subject"]


@scenario("trial/converted")
async def test_a_subscription_ends_it(journey: JourneyTest) -> None:
    await journey.start(Trial, ends_at=ENDS)
    await journey.until(ENDS - 10 * DAY)
    await journey.publish(SubscriptionStarted, subscription_id="s", expires_at=ENDS + 300 * DAY)
    assert journey.of(Trial).outcome == "converted"
    await journey.until(ENDS + 2 * DAY)
    assert journey.of(Trial).sent == ["first-steps"]


@scenario("trial/extended-once")
async def test_a_trial_is_extended_once_on_request(journey: JourneyTest) -> None:
    await journey.start(Trial, ends_at=ENDS)
    await journey.until(ENDS - 2 * DAY)
    assert journey.sent == ["first-steps", "offer-help", "ending"]
    await journey.publish(TrialExtensionRequested)
    assert journey.sent[3:] == ["extended"]
    assert "29 January 2024" in (await journey.content("extended"))["subject"]
    await journey.publish(TrialExtensionRequested)
    await journey.until(ENDS + 6 * DAY)
    assert journey.sent[3:] == ["extended", "ending"]
    await journey.until(ENDS + 9 * DAY)
    assert journey.sent[3:] == ["extended", "ending", "over"]
    assert journey.outcome == "exhausted"


async def test_a_shop_that_extends_by_itself_is_announced(journey: JourneyTest) -> None:
    await journey.start(Trial, ends_at=ENDS)
    await journey.publish(TrialExtended, ends_at=ENDS + 3 * DAY)
    assert journey.sent == ["extended"]
    await journey.publish(TrialExtensionRequested)
    assert journey.sent == ["extended"], "extended already"


@scenario("trial/cancelled")
async def test_who_cancels_hears_no_more(journey: JourneyTest) -> None:
    await journey.start(Trial, ends_at=ENDS)
    await journey.publish(TrialCancelled)
    assert journey.outcome == "stopped"
    await journey.until(ENDS + 2 * DAY)
    assert journey.sent == []


async def test_a_short_trial_has_no_lessons_beside_its_end(journey: JourneyTest) -> None:
    begin = await journey.now()
    await journey.start(Trial, ends_at=begin + 5 * DAY)
    await journey.until(begin + 7 * DAY)
    assert journey.sent == ["ending", "over"]


async def test_an_extension_told_late_teaches_nothing_twice(journey: JourneyTest) -> None:
    await journey.start(Trial, ends_at=ENDS)
    begin = await journey.now()
    await journey.until(ENDS - 2 * DAY)
    await journey.publish(TrialExtended, ends_at=ENDS + 7 * DAY, occurred_at=begin + DAY)
    await journey.until(ENDS + 9 * DAY)
    lessons = [step for step in journey.sent if step in {"first-steps", "offer-help"}]
    assert lessons == ["first-steps", "offer-help"]
    assert journey.sent[-2:] == ["ending", "over"]


async def test_an_extension_that_is_told_again_as_earlier_is_announced_once(
    journey: JourneyTest,
) -> None:
    await journey.start(Trial, ends_at=ENDS)
    begin = await journey.now()
    await journey.until(begin + DAY)
    await journey.publish(TrialExtended, ends_at=ENDS + 3 * DAY)
    await journey.publish(TrialExtended, ends_at=ENDS + 3 * DAY, occurred_at=begin + DAY / 2)
    assert journey.sent == ["extended"]


async def test_an_extension_that_is_told_days_late_is_not_announced(journey: JourneyTest) -> None:
    await journey.start(Trial, ends_at=ENDS)
    await journey.until(ENDS - 2 * DAY)
    await journey.publish(TrialExtended, ends_at=ENDS + DAY, occurred_at=ENDS - 5 * DAY)
    assert "extended" not in journey.sent
