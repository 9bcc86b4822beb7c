"""A run plans by the clocks that its customer lives by now, also in the middle of a wait."""

from datetime import UTC, datetime, time, timedelta

import pytest

from sojourn.domain.calendar import LocalMoment
from sojourn.domain.policy import QuietHours
from sojourn.events import SubscriptionRenewed
from sojourn.settings import Settings
from sojourn.testkit import JourneyTest
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

DAY = timedelta(days=1)


@pytest.fixture
def journey_settings(journey_settings: Settings) -> Settings:
    return journey_settings.model_copy(update={"quiet_hours": QuietHours(time(21), time(9))})


def _at(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type,misc]


async def test_a_zone_told_seconds_after_the_start_counts(journey: JourneyTest) -> None:
    journey.begin_at(_at(2024, 1, 10, 2))
    await journey.identify(timezone="UTC")
    await journey.start(Renewal, subscription_id="s", expires_at=_at(2024, 7, 10, 2))
    await journey.after(timedelta(seconds=5))
    await journey.identify(timezone="Pacific/Auckland")
    await journey.until(_at(2024, 7, 4))
    (row,) = await journey.messages()
    assert (row.step, row.state, row.due_at) == ("in-a-week", "sent", _at(2024, 7, 2, 22))


async def test_a_renewed_period_is_planned_in_the_zone_known_at_the_renewal(
    journey: JourneyTest,
) -> None:
    journey.begin_at(_at(2024, 3, 1, 2))
    await journey.identify(timezone="UTC")
    await journey.start(Renewal, subscription_id="s", expires_at=_at(2024, 7, 1, 2))
    await journey.until(_at(2024, 3, 10, 2))
    await journey.identify(timezone="America/New_York")
    await journey.until(_at(2024, 3, 18, 11, 31))
    await journey.publish(SubscriptionRenewed, subscription_id="s", expires_at=_at(2024, 3, 25, 16))
    await journey.until(_at(2024, 3, 19))
    (row,) = await journey.messages()
    assert (row.step, row.state, row.due_at) == ("in-a-week", "sent", _at(2024, 3, 18, 14))


async def test_a_customer_who_moves_twice_is_written_to_once_at_ten(journey: JourneyTest) -> None:
    journey.begin_at(_at(2024, 1, 8, 12))
    await journey.start(Onboarding)  # in Rome
    await journey.identify(timezone="Asia/Tokyo")
    await journey.identify(timezone="America/New_York")
    await journey.until(_at(2024, 1, 10))
    _, first = await journey.messages()
    assert first.due_at == _at(2024, 1, 9, 15)


async def test_a_morning_that_is_past_where_the_customer_went_is_made_up_for_at_once(
    journey: JourneyTest,
) -> None:
    journey.begin_at(_at(2024, 1, 8, 12))
    await journey.identify(timezone="America/New_York")
    await journey.start(Onboarding)
    await journey.until(_at(2024, 1, 9, 12))  # ten in New York is at 15:00
    await journey.identify(timezone="Europe/Rome")  # where it was at 09:00
    await journey.until(_at(2024, 1, 9, 13))
    assert journey.sent == ["welcome", "first-steps"]


async def test_a_call_that_changes_no_zone_tells_no_run(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    before = len((await journey.history()).events)
    await journey.identify(timezone="Europe/Rome", firstName="Eve")
    await journey.identify(locale="de-DE")  # the trait outranks it
    assert len((await journey.history()).events) == before


async def test_a_run_that_is_over_is_told_nothing(journey: JourneyTest) -> None:
    await journey.start(Onboarding)
    await journey.after(9 * DAY)
    await journey.identify(timezone="Asia/Tokyo")
    assert journey.outcomes == ["exhausted"]
    async with journey.store.reading() as session:
        from sojourn.store import events

        names = [row.name for row in await events.of_customer(session, journey.customer_id)]
    assert names.count("Signed Up") == 1


def test_a_local_moment_is_a_moment_and_knows_other_zones() -> None:
    ten = LocalMoment.of(time(10), 1, _at(2024, 1, 8, 12), "Europe/Rome")
    assert ten == _at(2024, 1, 9, 9)
    assert ten.in_zone("America/New_York") == _at(2024, 1, 9, 15)
    later = ten + timedelta(hours=1)
    assert later == _at(2024, 1, 9, 10)
    assert max(ten, _at(2024, 1, 1)) is ten
