from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sojourn.events import (
    PaymentFailed,
    PaymentSucceeded,
    RenewalRequested,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionRenewed,
)
from sojourn.testkit import JourneyTest, scenario
from workflows.renewal import Renewal

DAY = timedelta(days=1)
ROME = ZoneInfo("Europe/Rome")
LADDER = ["in-a-week", "in-two-days", "today", "expired"]
EXPIRES = datetime(2024, 3, 1, 15, tzinfo=UTC)  # the kit's tests begin on 8 January 2024


@scenario("renewal/expired")
async def test_a_subscription_that_nobody_renews_expires(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES + 2 * DAY)
    assert journey.sent == LADDER
    assert journey.outcome == "exhausted"
    local = [row.due_at.astimezone(ROME) for row in await journey.messages()]
    assert [(m.month, m.day) for m in local] == [(2, 23), (2, 28), (3, 1), (3, 2)]
    assert {m.time() for m in local} == {time(10)}


async def test_renewing_stops_the_reminders_and_plans_the_next_period(
    journey: JourneyTest,
) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - 5 * DAY)
    await journey.publish(SubscriptionRenewed, expires_at=EXPIRES + 366 * DAY)
    assert journey.outcomes == ["converted", "open"]
    await journey.until(EXPIRES + 10 * DAY)
    assert journey.sent == ["in-a-week"]
    await journey.until(EXPIRES + 368 * DAY)
    assert journey.sent == ["in-a-week", *LADDER]
    assert journey.outcomes == ["converted", "exhausted"]


async def test_one_run_serves_year_after_year(journey: JourneyTest) -> None:
    expires = EXPIRES
    await journey.start(Renewal, expires_at=expires)
    for _ in range(5):
        await journey.until(expires - 1 * DAY)
        expires += 365 * DAY
        await journey.publish(SubscriptionRenewed, expires_at=expires)
    assert journey.outcomes == ["converted"] * 5 + ["open"]
    assert journey.sent == ["in-a-week", "in-two-days"] * 5


async def test_another_end_plans_the_reminders_again(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.publish(SubscriptionChanged, expires_at=EXPIRES + 30 * DAY)
    await journey.until(EXPIRES + 10 * DAY)
    assert journey.sent == []
    await journey.until(EXPIRES + 32 * DAY)
    assert journey.sent == LADDER


@scenario("renewal/replanned")
async def test_another_end_after_a_reminder_plans_the_reminders_again(
    journey: JourneyTest,
) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - 3 * DAY)
    await journey.publish(SubscriptionChanged, expires_at=EXPIRES + 30 * DAY)
    await journey.until(EXPIRES + 32 * DAY)
    assert journey.sent == ["in-a-week", *LADDER]


async def test_an_earlier_end_told_after_a_reminder_skips_what_is_past_by_the_new_plan(
    journey: JourneyTest,
) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - 7 * DAY)
    await journey.publish(SubscriptionChanged, expires_at=EXPIRES - 6 * DAY)
    await journey.until(EXPIRES)
    assert journey.sent == ["in-a-week", "today", "expired"]
    assert journey.skipped == [("in-a-week", "too_late"), ("in-two-days", "too_late")]


@scenario("renewal/renewed-twice")
async def test_two_renewals_are_three_executions(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - DAY)
    await journey.publish(SubscriptionRenewed, expires_at=EXPIRES + 30 * DAY)
    await journey.until(EXPIRES + 24 * DAY)
    await journey.publish(SubscriptionRenewed, expires_at=EXPIRES + 60 * DAY)
    assert journey.outcomes == ["converted", "converted", "open"]


async def test_another_price_moves_no_reminder(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - 6 * DAY)
    await journey.publish(SubscriptionChanged, price=12, currency="EUR")
    await journey.until(EXPIRES + 2 * DAY)
    assert journey.sent == LADDER


@scenario("renewal/cancelled")
async def test_cancelling_ends_the_run(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - 6 * DAY)
    await journey.publish(SubscriptionCancelled, reason="too dear")
    assert journey.outcome == "stopped"
    await journey.until(EXPIRES + 2 * DAY)
    assert journey.sent == ["in-a-week"]


async def test_a_reminder_whose_time_is_past_is_skipped_not_sent_in_a_heap(
    journey: JourneyTest,
) -> None:
    begin = datetime(2024, 2, 29, 12, tzinfo=UTC)  # one day before the end
    journey.begin_at(begin)
    await journey.start(Renewal, expires_at=EXPIRES)
    assert journey.sent == []
    assert journey.skipped == [("in-a-week", "too_late"), ("in-two-days", "too_late")]
    await journey.until(EXPIRES + 2 * DAY)
    assert journey.sent == ["today", "expired"]


async def test_a_subscription_that_has_run_out_does_not_run_out_today(journey: JourneyTest) -> None:
    """It ends at midnight where the customer lives; ten o'clock of that day is after the end."""
    midnight = datetime(2024, 2, 29, 23, tzinfo=UTC)
    await journey.start(Renewal, expires_at=midnight)
    await journey.until(midnight + 3 * DAY)
    assert journey.sent == ["in-a-week", "in-two-days", "expired"]
    assert journey.skipped == [("today", "too_late")]


async def test_two_subscriptions_do_not_disturb_each_other(journey: JourneyTest) -> None:
    await journey.start(Renewal, subscription_id="a", expires_at=EXPIRES)
    await journey.start(Renewal, subscription_id="b", expires_at=EXPIRES)
    await journey.publish(SubscriptionCancelled, subscription_id="a")
    await journey.until(EXPIRES + 2 * DAY)
    assert journey.sent == LADDER
    assert sorted(journey.outcomes) == ["exhausted", "stopped"]


@scenario("renewal/requested")
async def test_who_asks_on_the_page_is_reminded_no_more(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - 6 * DAY)
    await journey.publish(RenewalRequested, expires_at=EXPIRES)
    await journey.until(EXPIRES - DAY)
    assert journey.skipped == [("in-two-days", "nothing_to_say")]
    await journey.publish(SubscriptionRenewed, expires_at=EXPIRES + 30 * DAY)
    assert journey.outcomes == ["converted", "open"]
    await journey.until(EXPIRES + 26 * DAY)
    assert journey.sent == ["in-a-week", "in-a-week"], "the next period is another one"


async def test_a_failed_payment_is_not_asked_for_as_if_nothing_were(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)
    await journey.until(EXPIRES - 6 * DAY)
    await journey.publish(PaymentFailed, invoice_id="i", subscription_id="subscription_id-1")
    await journey.until(EXPIRES - DAY)
    assert journey.of(Renewal).sent == ["in-a-week"]
    await journey.publish(PaymentSucceeded, invoice_id="i")
    await journey.until(EXPIRES)
    assert journey.of(Renewal).sent == ["in-a-week", "today"]


async def test_a_new_price_is_said_in_each_reminder(journey: JourneyTest) -> None:
    await journey.start(Renewal, expires_at=EXPIRES, price=10, currency="EUR")
    await journey.publish(SubscriptionChanged, next_price=12, currency="EUR")
    await journey.until(EXPIRES - DAY)
    for step in ("in-a-week", "in-two-days"):
        said = (await journey.content(step))["text"]
        assert "€10.00" in said, step
        assert "€12.00" in said, step
