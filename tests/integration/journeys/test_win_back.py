from datetime import timedelta

import pytest

from sojourn.events import MessageClicked, OrderCompleted, ProductAdded, SignedIn
from sojourn.testkit import JourneyTest, scenario
from workflows.win_back import WinBack

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@scenario("win-back/exhausted")
async def test_a_customer_who_sleeps_on_gets_a_question_an_offer_and_peace(
    journey: JourneyTest,
) -> None:
    await journey.start(WinBack)
    await journey.after(60 * DAY - HOUR)
    assert journey.sent == []
    await journey.after(HOUR)
    assert journey.sent == ["question"]
    await journey.after(7 * DAY)
    assert journey.sent == ["question", "offer"]
    assert (await journey.content("offer"))["codes"]
    await journey.after(14 * DAY)
    assert journey.sent == ["question", "offer", "goodbye"]
    assert journey.outcome == "exhausted"


@scenario("win-back/ordered-again")
async def test_every_order_gives_another_sixty_days(journey: JourneyTest) -> None:
    await journey.start(WinBack)
    for _ in range(3):
        await journey.after(50 * DAY)
        await journey.publish(OrderCompleted)
    await journey.after(60 * DAY - HOUR)
    assert journey.sent == []
    await journey.after(HOUR)
    assert journey.sent == ["question"]
    assert journey.outcomes == ["open"]


@scenario("win-back/ordered-after-the-question")
async def test_an_order_after_the_question_begins_the_wait_again(journey: JourneyTest) -> None:
    await journey.start(WinBack)
    await journey.after(62 * DAY)
    await journey.publish(OrderCompleted)
    await journey.after(59 * DAY)
    assert journey.sent == ["question"]
    await journey.after(DAY)
    assert journey.sent == ["question", "question"]


@pytest.mark.parametrize("sign", [SignedIn, ProductAdded, MessageClicked])
async def test_a_sign_of_life_ends_it_until_the_next_order(
    journey: JourneyTest, sign: type[SignedIn]
) -> None:
    await journey.start(WinBack)
    await journey.after(62 * DAY)
    await journey.publish(sign)
    await journey.after(30 * DAY)
    assert journey.sent == ["question"]
    assert journey.outcome == "exhausted"


@scenario("win-back/about-after-the-question")
async def test_who_is_about_again_gets_no_offer(journey: JourneyTest) -> None:
    await journey.start(WinBack)
    await journey.after(62 * DAY)
    await journey.publish(SignedIn)
    await journey.after(30 * DAY)
    assert journey.sent == ["question"]
    await journey.publish(OrderCompleted)
    await journey.after(60 * DAY)
    assert journey.sent == ["question", "question"]


@scenario("win-back/about-after-the-offer")
async def test_who_is_about_after_the_offer_gets_no_goodbye(journey: JourneyTest) -> None:
    await journey.start(WinBack)
    await journey.after(68 * DAY)
    await journey.publish(SignedIn)
    await journey.after(30 * DAY)
    assert journey.sent == ["question", "offer"]


@scenario("win-back/about-without-an-order")
async def test_who_looks_around_without_an_order_is_looked_at_again(journey: JourneyTest) -> None:
    await journey.start(WinBack)
    await journey.after(50 * DAY)
    await journey.publish(SignedIn)
    await journey.after(30 * DAY)
    assert journey.sent == []
    await journey.after(DAY)  # 81 days: no sign for 31
    assert journey.sent == ["question"]


async def test_a_sign_of_life_in_the_night_stops_an_offer_that_is_held(
    journey: JourneyTest,
) -> None:
    await journey.start(WinBack)
    await journey.after(8 * HOUR)  # 21:00 in Rome: the plan counts from here
    await journey.publish(OrderCompleted)
    await journey.after(67 * DAY + 5 * HOUR)
    assert journey.sent == ["question"]
    await journey.publish(SignedIn)
    await journey.after(20 * HOUR)
    assert journey.skipped == [("offer", "no_longer")]


async def test_an_order_that_is_told_late_stops_it_too(journey: JourneyTest) -> None:
    await journey.start(WinBack)
    bought = await journey.now() + 59 * DAY
    await journey.after(62 * DAY)
    await journey.publish(OrderCompleted, occurred_at=bought)
    await journey.after(30 * DAY)
    assert journey.sent == ["question"]


@scenario("win-back/nobody-to-ask")
async def test_who_could_not_be_asked_gets_no_offer(journey: JourneyTest) -> None:
    await journey.identify(marketingConsent={"email": False})
    await journey.start(WinBack)
    await journey.after(90 * DAY)
    assert journey.skipped == [("question", "no_consent")]
    assert journey.outcome == "exhausted"


async def test_an_order_of_long_ago_leads_to_nothing(journey: JourneyTest) -> None:
    long_ago = await journey.now() - 200 * DAY
    await journey.start(WinBack, occurred_at=long_ago)
    await journey.after(90 * DAY)
    assert journey.skipped == [("question", "too_late")]
