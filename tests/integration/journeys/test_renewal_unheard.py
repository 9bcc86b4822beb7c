"""The gate sees a stored change before the run hears of it."""

from datetime import UTC, datetime, timedelta

import pytest

from sojourn.dispatch.telling import Teller
from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.events import SubscriptionChanged, SubscriptionRenewed
from sojourn.testkit import JourneyTest
from workflows.renewal import Renewal

pytestmark = pytest.mark.temporal

DAY = timedelta(days=1)
LADDER = ["in-a-week", "in-two-days", "today", "expired"]
EXPIRES = datetime(2024, 3, 1, 15, tzinfo=UTC)  # the kit's tests begin on 8 January 2024


async def test_a_change_that_moves_nothing_and_is_not_heard_yet_costs_no_reminder(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gate sees the stored change first; the run learns of it, and asks again."""
    await journey.start(Renewal, expires_at=EXPIRES)

    async def away(*_: object) -> None:
        raise TemporalUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(Teller, "reach", away)
        with pytest.raises(TemporalUnavailable):
            await journey.publish(SubscriptionChanged, price=12, currency="EUR")
    await journey.until(EXPIRES - 6 * DAY)
    assert journey.sent == ["in-a-week"]
    (row,) = await journey.messages()
    assert (row.state, row.reason, row.caused_by) == ("sent", None, None)


async def test_a_renewal_that_is_not_heard_yet_stops_the_reminder_and_begins_the_next_period(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journey.start(Renewal, expires_at=EXPIRES)

    async def away(*_: object) -> None:
        raise TemporalUnavailable("away")

    with monkeypatch.context() as patch:
        patch.setattr(Teller, "reach", away)
        with pytest.raises(TemporalUnavailable):
            await journey.publish(SubscriptionRenewed, expires_at=EXPIRES + 30 * DAY)
    await journey.until(EXPIRES + 2 * DAY)
    assert journey.skipped == [("in-a-week", "goal_reached")]
    assert journey.outcomes == ["converted", "open"]
    await journey.until(EXPIRES + 32 * DAY)
    assert journey.sent == LADDER
