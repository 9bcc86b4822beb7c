"""After a hold, a pause or an outage a run's messages keep their distance; old news starts none."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from temporalio.workflow import Info

from sojourn.domain.quiet_hours import QuietHours
from sojourn.domain.rules import SPREAD
from sojourn.events import (
    OrderCompleted,
    ProductAdded,
    SubscriptionCancelled,
    SubscriptionChanged,
    SubscriptionStarted,
)
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.testkit import JourneyTest
from tests.support.plans import LADDERS
from tests.support.project import PROJECT
from workflows.abandoned_cart import AbandonedCart
from workflows.renewal import Renewal

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVENING = datetime(2026, 6, 1, 18, 30, tzinfo=UTC)  # 20:30 in Rome


async def _left(journey: JourneyTest) -> list[tuple[str, datetime]]:
    """Return what was sent and when, by the journey's clock."""
    return [(row.step, row.decided_at) for row in await journey.messages() if row.state == "sent"]


class TestAHoldOverNight:
    @pytest.fixture
    def journey_settings(self, journey_settings: Settings) -> Settings:
        return journey_settings.model_copy(
            update={"quiet_hours": QuietHours(time(21), time(9)), "timezone": "UTC"}
        )

    @pytest.fixture
    def ladder(self, request: pytest.FixtureRequest) -> type[Any]:
        return LADDERS[request.param]

    @pytest.fixture
    def journey_project(self, ladder: type[Any]) -> Project:
        return replace(PROJECT, journeys=Journeys([ladder]))

    @pytest.mark.parametrize(
        ("ladder", "hours"),
        [
            pytest.param("1h/3h/4h", [9, 12, 16], id="each its own distance"),
            pytest.param("1h/1h/1h", [9, 10, 11], id="short ones"),
            pytest.param("1h/10h/20h", [9, 19, 24 + 15], id="the plan again where it can"),
            pytest.param("1h/30h/1h", [9, 24 + 9, 24 + 10], id="a long one is not moved"),
        ],
        indirect=["ladder"],
    )
    async def test_messages_do_not_leave_in_a_heap(
        self, journey: JourneyTest, ladder: type[Any], hours: Sequence[int]
    ) -> None:
        journey.begin_at(EVENING)
        await journey.start(ladder, cart_id="c")
        await journey.after(5 * DAY)
        morning = datetime(2026, 6, 1, 22, tzinfo=UTC)  # midnight in Rome
        left = await _left(journey)
        assert [step for step, _ in left] == ["one", "two", "three"]
        for (_, at), hour in zip(left, hours, strict=True):
            assert timedelta(0) <= at - (morning + hour * HOUR) < SPREAD + timedelta(minutes=1)


async def test_a_ladder_that_was_not_held_keeps_its_plan(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="c")
    began = await journey.now()
    await journey.after(10 * DAY)
    due = [row.due_at - began for row in await journey.messages()]
    assert [round(each / HOUR, 2) for each in due] == [24, 72, 168]


class TestOldNews:
    @pytest.mark.parametrize("day", [2, 5, 8], ids=["after one", "after two", "after the end"])
    @pytest.mark.parametrize("minutes", [10, 600, 1430], ids=["early", "later", "just before"])
    async def test_a_product_that_comes_in_late_begins_no_ladder(
        self, journey: JourneyTest, day: int, minutes: int
    ) -> None:
        await journey.start(AbandonedCart, cart_id="c")
        began = await journey.now()
        await journey.after(day * DAY)
        at = began + timedelta(minutes=minutes)
        await _late(journey, ProductAdded, at, cart_id="c", product_id="p2")
        await journey.after(12 * DAY)
        assert journey.sent == ["reminder", "nudge", "offer"]
        assert journey.outcomes == ["exhausted"]

    async def test_a_product_of_today_begins_another(self, journey: JourneyTest) -> None:
        await journey.start(AbandonedCart, cart_id="c")
        await journey.after(8 * DAY)
        await journey.publish(ProductAdded, cart_id="c", product_id="p2")
        await journey.after(12 * DAY)
        assert journey.sent == ["reminder", "nudge", "offer"] * 2

    async def test_a_late_product_of_another_cart_begins_its_own(
        self, journey: JourneyTest
    ) -> None:
        await journey.start(AbandonedCart, cart_id="c")
        began = await journey.now()
        await journey.after(3 * DAY)
        await _late(journey, ProductAdded, began + HOUR, cart_id="d", product_id="p2")
        await journey.after(12 * DAY)
        assert journey.outcomes == ["exhausted", "exhausted"]

    async def test_a_late_product_still_waits_out_the_shopping(self, journey: JourneyTest) -> None:
        """Nothing was said yet: it belongs to the cart that is being filled."""
        await journey.start(AbandonedCart, cart_id="c")
        began = await journey.now()
        await journey.after(12 * HOUR)
        await _late(journey, ProductAdded, began + 6 * HOUR, cart_id="c", product_id="p2")
        await journey.after(12 * DAY)
        rows = await journey.messages()
        assert [round((row.due_at - began) / HOUR) for row in rows] == [30, 78, 174]

    async def test_a_run_that_continues_as_new_does_not_take_it_for_news(
        self, journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await journey.start(AbandonedCart, cart_id="c")
        began = await journey.now()
        await journey.after(2 * DAY)
        await _late(journey, ProductAdded, began + HOUR, cart_id="c", product_id="p2")
        monkeypatch.setattr(
            Info, "is_continue_as_new_suggested", lambda info: not info.continued_run_id
        )
        await _late(journey, ProductAdded, began + 2 * HOUR, cart_id="c", product_id="p3")
        await journey.after(12 * DAY)
        assert journey.sent == ["reminder", "nudge", "offer"]
        causes = {row.message_id.split("/")[2] for row in await journey.messages()}
        assert causes == {(await journey.messages())[0].enrolment}

    async def test_a_purchase_after_old_news_still_counts(self, journey: JourneyTest) -> None:
        await journey.start(AbandonedCart, cart_id="c")
        began = await journey.now()
        await journey.after(2 * DAY)
        await _late(journey, ProductAdded, began + HOUR, cart_id="c", product_id="p2")
        await journey.publish(OrderCompleted, cart_id="c")
        await journey.after(12 * DAY)
        assert (journey.sent, journey.outcomes) == (["reminder"], ["converted"])


class TestAnAnchor:
    async def test_a_second_start_with_another_end_moves_the_plan(
        self, journey: JourneyTest
    ) -> None:
        journey.begin_at(datetime(2026, 1, 2, 10, tzinfo=UTC))
        first, second = datetime(2026, 2, 1, 12, tzinfo=UTC), datetime(2026, 3, 20, 12, tzinfo=UTC)
        await journey.start(Renewal, subscription_id="s", expires_at=first)
        await journey.until(datetime(2026, 1, 20, 10, tzinfo=UTC))
        await journey.publish(SubscriptionStarted, subscription_id="s", expires_at=second)
        await journey.until(datetime(2026, 4, 20, tzinfo=UTC))
        assert await _days(journey) == ["03-13", "03-18", "03-20", "03-21"]

    async def test_a_second_start_with_the_same_end_moves_nothing(
        self, journey: JourneyTest
    ) -> None:
        journey.begin_at(datetime(2026, 1, 2, 10, tzinfo=UTC))
        end = datetime(2026, 2, 1, 12, tzinfo=UTC)
        await journey.start(Renewal, subscription_id="s", expires_at=end)
        await journey.until(datetime(2026, 1, 26, 10, tzinfo=UTC))
        await journey.publish(SubscriptionStarted, subscription_id="s", expires_at=end)
        await journey.until(datetime(2026, 4, 20, tzinfo=UTC))
        assert await _days(journey) == ["01-25", "01-30", "02-01", "02-02"]

    @pytest.mark.parametrize("cancelled", [False, True], ids=["said everything", "cancelled"])
    async def test_a_change_after_the_end_starts_the_reminders_again(
        self, journey: JourneyTest, cancelled: bool
    ) -> None:
        journey.begin_at(datetime(2026, 1, 2, 10, tzinfo=UTC))
        end = datetime(2026, 2, 1, 12, tzinfo=UTC)
        await journey.start(Renewal, subscription_id="s", expires_at=end)
        if cancelled:
            await journey.until(datetime(2026, 1, 10, 10, tzinfo=UTC))
            await journey.publish(SubscriptionCancelled, subscription_id="s")
        await journey.until(datetime(2026, 2, 3, 10, tzinfo=UTC))
        moved = datetime(2026, 3, 20, 12, tzinfo=UTC)
        await journey.publish(SubscriptionChanged, subscription_id="s", expires_at=moved)
        await journey.until(datetime(2026, 4, 20, tzinfo=UTC))
        again = ["03-13", "03-18", "03-20", "03-21"]
        before = [] if cancelled else ["01-25", "01-30", "02-01", "02-02"]
        assert await _days(journey) == [*before, *again]

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"price": "9"}, id="of the price alone"),
            pytest.param({"expires_at": datetime(2026, 2, 1, 12, tzinfo=UTC)}, id="of nothing"),
            pytest.param({"expires_at": datetime(2026, 1, 9, 12, tzinfo=UTC)}, id="to the past"),
        ],
    )
    async def test_a_change_after_a_cancellation_that_moves_nothing_starts_nothing(
        self, journey: JourneyTest, change: dict[str, Any]
    ) -> None:
        journey.begin_at(datetime(2026, 1, 2, 10, tzinfo=UTC))
        end = datetime(2026, 2, 1, 12, tzinfo=UTC)
        await journey.start(Renewal, subscription_id="s", expires_at=end)
        await journey.until(datetime(2026, 1, 10, 10, tzinfo=UTC))
        await journey.publish(SubscriptionCancelled, subscription_id="s")
        await journey.publish(SubscriptionChanged, subscription_id="s", **change)
        await journey.until(datetime(2026, 4, 20, tzinfo=UTC))
        assert (journey.sent, journey.outcomes) == ([], ["stopped"])

    async def test_a_change_of_a_subscription_that_nobody_knows_starts_nothing(
        self, journey: JourneyTest
    ) -> None:
        end = await journey.now() + 20 * DAY
        published = await journey.publish(SubscriptionChanged, subscription_id="s", expires_at=end)
        assert published.runs == ()


async def _late(journey: JourneyTest, event: type[Any], at: datetime, **fields: Any) -> None:
    await journey.publish(event, occurred_at=at, **fields)


async def _days(journey: JourneyTest) -> list[str]:
    return [f"{at:%m-%d}" for _, at in await _left(journey)]
