from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.events import PointsExpiring, PointsSpent
from sojourn.testkit import JourneyTest, scenario
from workflows.points_expiring import PointsExpire

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
END = datetime(2024, 3, 1, 22, 59, tzinfo=UTC)
TWO_WEEKS = datetime(2024, 2, 16, 9, tzinfo=UTC)  # ten o'clock in Rome
TWO_DAYS = datetime(2024, 2, 28, 9, tzinfo=UTC)


@scenario("points-expiring/exhausted")
async def test_points_are_spoken_of_two_weeks_and_two_days_before(journey: JourneyTest) -> None:
    await journey.start(PointsExpire, points=120, expires_at=END, worth="1.20", currency="EUR")
    await journey.until(TWO_WEEKS - HOUR)
    assert journey.sent == []
    await journey.until(TWO_WEEKS)
    assert journey.sent == ["in-two-weeks"]
    said = await journey.content("in-two-weeks")
    assert said["subject"] == "120 points expire on Friday, 1 March 2024"
    assert "They are worth €1.20." in said["text"]
    await journey.until(TWO_DAYS)
    assert journey.sent == ["in-two-weeks", "in-two-days"]
    assert journey.outcome == "exhausted"


@scenario("points-expiring/spent")
async def test_points_that_were_spent_are_not_spoken_of(journey: JourneyTest) -> None:
    await journey.start(PointsExpire, points=120, expires_at=END)
    await journey.until(TWO_WEEKS + DAY)
    await journey.publish(PointsSpent, points=10)
    assert journey.outcome == "stopped"
    await journey.until(END)
    assert journey.sent == ["in-two-weeks"]


async def test_what_is_left_after_spending_is_told_by_another_event(journey: JourneyTest) -> None:
    await journey.start(PointsExpire, points=120, expires_at=END)
    await journey.publish(PointsSpent, points=100)
    await journey.publish(PointsExpiring, points=20, expires_at=END)
    await journey.until(TWO_WEEKS)
    assert (await journey.content("in-two-weeks"))["subject"].startswith("20 points expire")


async def test_the_number_is_the_newest_of_these_points(journey: JourneyTest) -> None:
    await journey.start(PointsExpire, points=120, expires_at=END)
    await journey.publish(PointsExpiring, points=80, expires_at=END)
    await journey.publish(PointsExpiring, points=7, expires_at=END + 60 * DAY)
    await journey.until(TWO_WEEKS)
    assert (await journey.content("in-two-weeks"))["subject"].startswith("80 points expire")
    await journey.publish(PointsExpiring, points=0, expires_at=END)
    await journey.until(TWO_DAYS)
    assert ("in-two-days", "nothing_to_say") in journey.skipped


@scenario("points-expiring/put-off")
async def test_points_that_last_longer_are_spoken_of_later(journey: JourneyTest) -> None:
    await journey.start(PointsExpire, points=120, expires_at=END, batch="b1")
    await journey.until(TWO_WEEKS + DAY)
    await journey.publish(PointsExpiring, points=120, expires_at=END + 60 * DAY, batch="b1")
    await journey.until(END)
    assert journey.sent == ["in-two-weeks"]
    await journey.after(60 * DAY)
    assert journey.sent == ["in-two-weeks", "in-two-weeks", "in-two-days"]


async def test_points_that_are_told_late_get_what_is_still_ahead(journey: JourneyTest) -> None:
    journey.begin_at(END - 5 * DAY)
    await journey.start(PointsExpire, points=120, expires_at=END)
    assert journey.skipped == [("in-two-weeks", "too_late")]
    await journey.until(END)
    assert journey.sent == ["in-two-days"]
    await journey.publish(PointsExpiring, points=120, expires_at=END)
    await journey.after(10 * DAY)
    assert journey.sent == ["in-two-days"]


async def test_an_older_word_on_the_same_end_changes_nothing(journey: JourneyTest) -> None:
    await journey.start(PointsExpire, batch="b1", points=50, expires_at=END)
    await journey.after(2 * DAY)
    now = await journey.now()
    sooner: dict[str, Any] = {"batch": "b1", "points": 50, "expires_at": now + 5 * DAY}
    await journey.publish(PointsExpiring, **sooner)
    await journey.publish(PointsExpiring, **sooner, occurred_at=now - DAY)
    assert journey.skipped == [("in-two-weeks", "too_late")], "the steps began again once"
