from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from sojourn.events import (
    ComplaintReceived,
    ComplaintResolved,
    OrderCancelled,
    OrderDelayed,
    OrderDelivered,
    ProductAdded,
    SurveyAnswered,
)
from sojourn.testkit import JourneyTest, scenario
from workflows.abandoned_cart import AbandonedCart
from workflows.service_recovery import ServiceRecovery

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROME = ZoneInfo("Europe/Rome")


@pytest.fixture(autouse=True)
def owners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_OWNERS", "anna")


@scenario("service-recovery/exhausted")
async def test_a_complaint_is_answered_at_once_and_followed_until_a_person_takes_it(
    journey: JourneyTest,
) -> None:
    await journey.start(ServiceRecovery, complaint_id="k1")
    assert journey.sent == ["apology"]
    await journey.answer("yes")
    assert journey.sent == ["apology"], "not in the same hour"
    await journey.after(22 * HOUR)  # ten o'clock in Rome, on Tuesday
    assert journey.sent == ["apology", "amends"]
    await journey.after(3 * DAY)
    assert journey.sent == ["apology", "amends", "follow-up"]
    await journey.after(5 * DAY)  # over a weekend
    assert journey.sent == ["apology", "amends", "follow-up", "second-follow-up"]
    await journey.after(18 * DAY)
    assert journey.outcome == "open"
    await journey.after(1 * DAY)
    assert journey.outcome == "exhausted"
    for step in journey.sent:
        text = (await journey.content(step))["text"]
        assert "Anna Moretti" in text, "one owner"
        assert "Unsubscribe" not in text


@scenario("service-recovery/resolved")
async def test_what_is_settled_is_left_in_peace(journey: JourneyTest) -> None:
    await journey.start(ServiceRecovery, complaint_id="k1")
    await journey.after(2 * HOUR)
    await journey.publish(ComplaintResolved, complaint_id="k1")
    assert journey.outcome == "converted"
    await journey.after(20 * DAY)
    assert journey.sent == ["apology"]


@scenario("service-recovery/delivered")
async def test_a_late_order_is_settled_once_it_comes(journey: JourneyTest) -> None:
    at = await journey.now() + 3 * DAY
    await journey.publish(OrderDelayed, order_id="o1", expected_at=at)
    told = await journey.content("apology")
    assert "order is late" in told["text"]
    assert "Thursday" in told["text"]
    await journey.after(2 * DAY)
    await journey.publish(OrderDelivered, order_id="o2")
    assert journey.of(ServiceRecovery).outcome == "open"
    await journey.publish(OrderDelivered, order_id="o1")
    assert journey.of(ServiceRecovery).outcome == "converted"
    await journey.after(20 * DAY)
    assert journey.of(ServiceRecovery).sent == ["apology"]


@scenario("service-recovery/a-parcel-is-late")
async def test_a_late_parcel_is_settled_by_its_own_arrival(journey: JourneyTest) -> None:
    late = await journey.now()
    await journey.publish(OrderDelivered, order_id="o1", tracking_number="T1")
    for parcel in ("T2", "T3"):
        await journey.publish(
            OrderDelayed, order_id="o1", tracking_number=parcel, occurred_at=late - HOUR
        )

    def outcomes() -> list[str]:
        return journey.of(ServiceRecovery).outcomes

    assert outcomes() == ["open", "open"], "another parcel has come"
    await journey.publish(OrderDelivered, order_id="o1", tracking_number="T1")
    assert outcomes() == ["open", "open"]
    await journey.publish(OrderDelivered, order_id="o1", tracking_number="T2")
    assert outcomes() == ["converted", "open"]
    await journey.publish(OrderDelivered, order_id="o1")
    assert outcomes() == ["converted", "converted"], "the order as a whole"
    assert journey.of(ServiceRecovery).sent == ["apology", "apology"]
    await journey.publish(
        OrderDelayed, order_id="o1", tracking_number="T4", occurred_at=late - HOUR
    )
    assert outcomes() == ["converted"] * 3, "told after the order came"
    await journey.publish(OrderDelivered, order_id="o2", tracking_number="T5")
    await journey.publish(
        OrderDelayed, order_id="o2", tracking_number="T5", occurred_at=late - HOUR
    )
    assert outcomes() == ["converted"] * 4, "told after this parcel came"
    assert journey.of(ServiceRecovery).sent == ["apology", "apology"]


async def test_a_late_order_that_is_off_is_settled(journey: JourneyTest) -> None:
    await journey.publish(OrderDelayed, order_id="o1")
    await journey.publish(OrderCancelled, order_id="o1")
    assert journey.of(ServiceRecovery).outcome == "converted"


@scenario("service-recovery/came-before-the-delay-was-told")
async def test_a_delay_that_is_told_after_the_order_came_says_nothing(
    journey: JourneyTest,
) -> None:
    late = await journey.now()
    await journey.after(DAY)
    await journey.publish(OrderDelivered, order_id="o1")
    await journey.after(HOUR)
    await journey.publish(OrderDelayed, order_id="o1", occurred_at=late)
    assert journey.of(ServiceRecovery).outcome == "converted"
    await journey.publish(OrderDelayed, order_id="o1")
    assert journey.of(ServiceRecovery).sent == ["apology"], "the next parcel of the order"
    await journey.publish(OrderDelivered, order_id="o1")
    assert journey.of(ServiceRecovery).outcomes == ["converted", "converted"]


async def test_what_another_case_has_told_again_settles_no_later_delay(
    journey: JourneyTest,
) -> None:
    await journey.publish(OrderCancelled, order_id="o1")
    await journey.after(HOUR)
    await journey.publish(OrderDelayed, order_id="o1")
    earlier = await journey.now() - DAY
    await journey.publish(ComplaintReceived, complaint_id="k1", occurred_at=earlier)
    await journey.after(DAY)
    assert journey.of(ServiceRecovery).outcomes == ["open", "open"]


async def test_words_after_a_delay_that_is_told_late_come_at_ten(journey: JourneyTest) -> None:
    await journey.after(20 * HOUR)  # nine o'clock in Rome, on Tuesday
    told = await journey.now()
    await journey.publish(OrderDelayed, order_id="o1", occurred_at=told - 12 * HOUR)
    await journey.after(7 * DAY)
    local = [row.due_at.astimezone(ROME) for row in await journey.messages()]
    assert [(at.day, at.hour) for at in local[1:]] == [(15, 10)], "three business days on"


async def test_a_delivery_settles_no_complaint_about_the_order(journey: JourneyTest) -> None:
    await journey.start(ServiceRecovery, order_id="o1")
    await journey.publish(OrderDelivered, order_id="o1")
    assert journey.outcome == "open"
    await journey.publish(ComplaintResolved, order_id="o1")
    assert journey.outcome == "converted"


@scenario("service-recovery/survey")
async def test_a_low_score_is_answered_and_a_fair_one_is_not(journey: JourneyTest) -> None:
    await journey.publish(SurveyAnswered, score=7)
    await journey.publish(SurveyAnswered, score=5, scale=5)
    assert journey.of(ServiceRecovery).outcomes == []
    await journey.publish(SurveyAnswered, score=6)
    assert "honest answer" in (await journey.content("apology"))["subject"]
    await journey.publish(ComplaintResolved)
    assert journey.of(ServiceRecovery).outcomes == ["converted"]


async def test_the_same_complaint_joins_and_another_is_a_case_of_its_own(
    journey: JourneyTest,
) -> None:
    await journey.start(ServiceRecovery, complaint_id="k1")
    await journey.publish(ComplaintReceived, complaint_id="k1")
    assert journey.sent == ["apology"]
    await journey.publish(ComplaintReceived, complaint_id="k2")
    assert journey.sent == ["apology", "apology"]
    await journey.publish(ComplaintResolved, complaint_id="k1")
    assert sorted(journey.outcomes) == ["converted", "open"]


async def test_nothing_promotional_leaves_until_all_is_settled(journey: JourneyTest) -> None:
    await journey.publish(ComplaintReceived, complaint_id="k1")
    await journey.publish(ComplaintReceived, complaint_id="k2")
    await journey.publish(ProductAdded, cart_id="c1", product_id="p", name="Mug")
    await journey.publish(ComplaintResolved, complaint_id="k1")
    await journey.after(24 * HOUR)
    assert journey.of(AbandonedCart).skipped == [("reminder", "in_care")]
    await journey.publish(ComplaintResolved, complaint_id="k2")
    await journey.after(2 * DAY)
    assert journey.of(AbandonedCart).sent == ["nudge"]


async def test_without_a_mailbox_it_goes_by_sms_and_amends_are_left_out(
    journey: JourneyTest,
) -> None:
    await journey.identify(email="")
    await journey.start(ServiceRecovery)
    await journey.answer("yes")
    await journey.after(2 * DAY)
    assert journey.sent == ["apology"]
    assert journey.skipped == [("amends", "no_address")]


@pytest.mark.parametrize("answer", ["no", ""])
async def test_without_a_persons_yes_there_are_no_amends_and_nothing_else_changes(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setenv("SHOP_OWNERS", "")
    await journey.start(ServiceRecovery)
    if answer:
        await journey.answer(answer)
    await journey.after(5 * DAY)
    assert journey.sent == ["apology", "follow-up"]
    assert journey.skipped == []
    assert "Customer care looks after" in (await journey.content("apology"))["text"]
