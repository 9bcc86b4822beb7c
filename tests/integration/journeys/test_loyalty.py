from datetime import UTC, datetime, timedelta

from sojourn.events import PointsEarned, PointsExpired, PointsSpent
from sojourn.testkit import JourneyTest, scenario
from workflows.loyalty import Loyalty

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST = datetime(2024, 2, 1, 9, tzinfo=UTC)  # ten o'clock in Rome


@scenario("loyalty/exhausted")
async def test_the_balance_comes_on_the_first_of_the_month(journey: JourneyTest) -> None:
    await journey.start(Loyalty, points=40, balance=1240, worth="12.40", currency="EUR")
    await journey.until(FIRST - HOUR)
    assert journey.sent == []
    await journey.until(FIRST)
    assert journey.sent == ["balance"]
    assert journey.outcome == "exhausted"
    said = await journey.content("balance")
    assert said["subject"] == "You have 1,240 points"
    assert "€12.40 off your next order" in said["text"]


async def test_the_balance_is_the_newest_that_is_known_when_it_leaves(
    journey: JourneyTest,
) -> None:
    await journey.start(Loyalty, points=40, balance=1240, worth="12.40", currency="EUR")
    await journey.publish(PointsEarned, points=60, balance=1300, worth="12.40", currency="EUR")
    await journey.until(FIRST - HOUR)
    await journey.publish(PointsSpent, points=500)
    await journey.publish(PointsExpired, points=100)
    await journey.until(FIRST)
    said = await journey.content("balance")
    assert said["subject"] == "You have 700 points"
    assert "€" not in said["text"], "nobody has told what 700 points are worth"


@scenario("loyalty/no-points-left")
async def test_without_points_there_is_nothing_to_say(journey: JourneyTest) -> None:
    await journey.start(Loyalty, points=40, balance=40)
    await journey.publish(PointsSpent, points=40, balance=0)
    await journey.until(FIRST)
    assert journey.skipped == [("balance", "nothing_to_say")]
    (row,) = await journey.messages()
    assert row.detail == "no points"


async def test_a_month_has_one_message_however_often_points_are_earned(
    journey: JourneyTest,
) -> None:
    await journey.start(Loyalty, points=1, balance=1)
    for n in range(2, 12):
        await journey.after(7 * DAY)
        await journey.publish(PointsEarned, points=1, balance=n)
    sent = [row.decided_at + HOUR for row in await journey.messages()]
    assert [(at.month, at.day, at.hour) for at in sent] == [(2, 1, 10), (3, 1, 10)]
    assert journey.outcomes == ["exhausted", "exhausted", "open"]


async def test_points_that_are_told_late_wait_for_the_next_first(journey: JourneyTest) -> None:
    earned = await journey.now()
    await journey.until(FIRST + DAY)
    await journey.start(Loyalty, points=9, balance=9, occurred_at=earned)
    await journey.after(27 * DAY)
    assert journey.sent == []
    await journey.after(DAY)
    assert journey.sent == ["balance"]


async def test_points_of_a_first_are_spoken_of_a_month_later(journey: JourneyTest) -> None:
    journey.begin_at(FIRST - HOUR)
    await journey.start(Loyalty, points=40, balance=1240)
    await journey.after(28 * DAY)
    assert journey.sent == []
    await journey.after(DAY + HOUR)
    assert journey.sent == ["balance"]


async def test_points_from_before_a_balance_that_left_start_no_run(journey: JourneyTest) -> None:
    await journey.start(Loyalty, points=40, balance=1240)
    await journey.until(FIRST + DAY)
    await journey.publish(PointsEarned, points=5, balance=1200, occurred_at=FIRST - DAY)
    assert journey.outcomes == ["exhausted"]
