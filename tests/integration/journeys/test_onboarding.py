from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from sojourn.events import AccountActivated, EmailLinkClicked, FeatureUsed, OrderCompleted
from sojourn.testkit import JourneyTest, scenario
from workflows.onboarding import Onboarding

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
ROME = ZoneInfo("Europe/Rome")


@scenario("onboarding/exhausted")
async def test_an_inactive_customer_gets_four_messages_at_ten_local(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    assert journey.sent == ["welcome"]
    await journey.after(7 * DAY)
    assert journey.sent == ["welcome", "first-steps", "tips", "help"]
    assert journey.outcome == "exhausted"
    local = [row.due_at.astimezone(ROME) for row in await journey.messages()]
    assert [moment.time() for moment in local[1:]] == [time(10)] * 3
    assert [(moment.date() - local[0].date()).days for moment in local] == [0, 1, 3, 7]


async def test_activation_ends_the_run(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.after(1 * DAY)
    await journey.publish(AccountActivated)
    assert journey.outcome == "converted"
    await journey.after(10 * DAY)
    assert journey.sent == ["welcome", "first-steps"]


async def test_first_steps_differ_by_whether_the_welcome_was_clicked(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.publish(EmailLinkClicked, journey="onboarding", step="welcome")
    await journey.after(1 * DAY)
    assert (await journey.messages())[-1].template == "first-steps-clicked"


@scenario("onboarding/clicked-then-activated")
async def test_activation_after_a_click_ends_the_run(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.publish(EmailLinkClicked, journey="onboarding", step="welcome")
    await journey.after(2 * DAY)
    await journey.publish(AccountActivated)
    assert journey.outcome == "converted"
    assert journey.sent == ["welcome", "first-steps"]


@scenario("onboarding/ordered-at-once")
async def test_who_has_ordered_needs_no_first_steps_and_no_help(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.publish(OrderCompleted)
    await journey.after(8 * DAY)
    assert journey.sent == ["welcome", "tips"]
    assert journey.outcome == "exhausted"


@scenario("onboarding/ordered-later")
async def test_an_order_after_the_first_steps_spares_the_help_alone(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.after(2 * DAY)
    await journey.publish(OrderCompleted)
    await journey.after(6 * DAY)
    assert journey.sent == ["welcome", "first-steps", "tips"]


async def test_a_click_in_another_mail_is_no_click_in_the_welcome(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.publish(EmailLinkClicked, journey="abandoned-cart", step="reminder")
    await journey.after(1 * DAY)
    assert (await journey.messages())[-1].template == "first-steps"


async def test_tips_name_only_features_not_used_yet(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.after(3 * DAY)
    everything = (await journey.content("tips"))["text"]
    assert journey.sent[-1] == "tips"
    assert "wishlist" in everything.lower()


async def test_help_goes_by_the_first_available_channel(journey: JourneyTest) -> None:
    await journey.identify(pushToken="")
    await journey.start(Onboarding)
    await journey.after(7 * DAY)
    assert (await journey.messages())[-1].channel == "sms"


async def test_help_never_goes_by_two_channels(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.after(8 * DAY)
    assert [row.channel for row in await journey.messages() if row.step == "help"] == ["push"]


async def test_signing_up_in_the_small_hours_counts_from_the_local_day(
    journey: JourneyTest,
) -> None:
    journey.begin_at(datetime(2024, 1, 9, 23, 30, tzinfo=UTC))  # 00:30 on the 10th in Rome
    await journey.start(Onboarding)
    await journey.after(2 * DAY)
    due = (await journey.messages())[1].due_at.astimezone(ROME)
    assert (due.day, due.hour) == (11, 10)


async def test_a_message_at_ten_stays_at_ten_across_a_clock_change(journey: JourneyTest) -> None:
    journey.begin_at(datetime(2024, 3, 29, 12, tzinfo=UTC))  # clocks go forward on the 31st
    await journey.start(Onboarding)
    await journey.after(8 * DAY)
    hours = {row.due_at.astimezone(ROME).time() for row in (await journey.messages())[1:]}
    assert hours == {time(10)}


async def test_without_consent_only_the_transactional_welcome_goes(journey: JourneyTest) -> None:
    await journey.identify(marketingConsent={"email": False, "sms": False, "push": False})
    await journey.start(Onboarding)
    await journey.after(8 * DAY)
    assert journey.sent == ["welcome"]
    assert journey.skipped == [
        ("first-steps", "no_consent"),
        ("tips", "no_consent"),
        ("help", "no_consent"),
    ]


async def test_a_second_sign_up_changes_nothing(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.after(1 * DAY)
    await journey.start(Onboarding)
    await journey.after(8 * DAY)
    assert journey.sent == ["welcome", "first-steps", "tips", "help"]
    assert journey.outcomes == ["exhausted"]


@pytest.mark.temporal
async def test_feature_events_cost_the_run_nothing(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    before = len((await journey.history()).events)
    for n in range(20):
        await journey.publish(FeatureUsed, feature=f"feature-{n}")
    assert len((await journey.history()).events) == before
