from events import ProductReviewed
from sojourn import days
from sojourn.testkit import JourneyTest, scenario
from workflows.review_request import ReviewRequest


@scenario("review-request/exhausted")
async def test_a_customer_who_says_nothing_is_asked_twice(journey: JourneyTest) -> None:
    await journey.start(ReviewRequest, order_id="o1")
    await journey.after(days(10))
    assert journey.sent == ["question"]
    await journey.after(days(4))
    assert journey.sent == ["question", "reminder"]
    assert journey.outcome == "exhausted"


@scenario("review-request/reviewed")
async def test_a_review_stops_the_reminder(journey: JourneyTest) -> None:
    await journey.start(ReviewRequest, order_id="o1")
    await journey.after(days(11))
    await journey.publish(ProductReviewed, order_id="o1")
    assert journey.outcome == "converted"
    await journey.after(days(30))
    assert journey.sent == ["question"]


async def test_a_customer_without_our_app_is_reminded_by_email(journey: JourneyTest) -> None:
    await journey.identify(pushToken="")
    await journey.start(ReviewRequest, order_id="o1")
    await journey.after(days(14))
    assert [row.channel for row in await journey.messages()] == ["email", "email"]


async def test_the_question_names_the_order(journey: JourneyTest) -> None:
    await journey.start(ReviewRequest, order_id="o1")
    await journey.after(days(10))
    question = await journey.content("question")
    assert question["subject"] == "How do you like your order?"
    assert "your order o1" in question["text"]
