from datetime import timedelta

from sojourn.events import OptInRequested
from sojourn.testkit import JourneyTest, scenario
from workflows.double_opt_in import DoubleOptIn

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NEWSLETTER = {"channel": "email", "topic": "newsletter"}


async def agrees(journey: JourneyTest, *, yes: bool, **word: str) -> None:
    await journey.identify(consents=[{**(word or NEWSLETTER), "granted": yes}])


@scenario("double-opt-in/nobody-confirms")
async def test_a_request_is_sent_a_link_and_one_reminder(journey: JourneyTest) -> None:
    await journey.start(DoubleOptIn, **NEWSLETTER)
    assert journey.sent == ["confirm"]
    await journey.after(2 * DAY)
    assert journey.sent == ["confirm"]
    await journey.after(6 * DAY)
    assert journey.sent == ["confirm", "reminder"]
    assert journey.outcome == "exhausted"


@scenario("double-opt-in/confirmed-before-the-reminder")
async def test_a_yes_ends_the_run_and_spares_the_reminder(journey: JourneyTest) -> None:
    await journey.start(DoubleOptIn, **NEWSLETTER)
    await journey.after(DAY)
    await agrees(journey, yes=True)
    assert journey.outcome == "converted"
    await journey.after(7 * DAY)
    assert journey.sent == ["confirm"]


@scenario("double-opt-in/refused")
async def test_a_no_ends_the_run(journey: JourneyTest) -> None:
    await journey.start(DoubleOptIn, **NEWSLETTER)
    await journey.after(DAY)
    await agrees(journey, yes=False, channel="email")
    assert journey.outcome == "stopped"
    await journey.after(7 * DAY)
    assert journey.sent == ["confirm"]


@scenario("double-opt-in/asked-again")
async def test_asking_again_sends_another_link_and_seven_more_days(journey: JourneyTest) -> None:
    await journey.start(DoubleOptIn, **NEWSLETTER)
    await journey.after(2 * DAY)
    await journey.publish(OptInRequested, channel="email", topic="newsletter")
    assert journey.sent == ["confirm", "confirm"]
    await journey.after(4 * DAY)
    assert journey.sent == ["confirm", "confirm", "reminder"]
    await journey.after(2 * DAY)
    assert journey.outcome == "open"
    await agrees(journey, yes=True)
    assert journey.outcome == "converted"


async def test_a_yes_to_another_topic_confirms_nothing(journey: JourneyTest) -> None:
    await journey.start(DoubleOptIn, **NEWSLETTER)
    await agrees(journey, yes=True, channel="email", topic="cart")
    await agrees(journey, yes=False, channel="sms", topic="newsletter")
    await journey.after(4 * DAY)
    assert journey.sent == ["confirm", "reminder"]


async def test_a_phone_number_is_asked_by_sms_alone(journey: JourneyTest) -> None:
    await journey.start(DoubleOptIn, channel="sms", topic="newsletter")
    (row,) = await journey.messages()
    assert (row.channel, row.step, row.state) == ("sms", "confirm", "sent")
    said = (await journey.content("confirm"))["text"]
    assert "/confirm/" in said
    assert "Newsletter" in said


async def test_a_link_for_another_channel_goes_to_no_address(journey: JourneyTest) -> None:
    await journey.identify(email="", marketingConsent=False)
    await journey.start(DoubleOptIn, **NEWSLETTER)
    await journey.after(3 * DAY)
    assert journey.sent == []
    assert journey.skipped[0] == ("confirm", "no_address")


async def test_the_link_leaves_although_the_customer_agreed_to_nothing(
    journey: JourneyTest,
) -> None:
    await journey.identify(marketingConsent=False)
    await journey.after(HOUR)
    await journey.start(DoubleOptIn, **NEWSLETTER)
    assert journey.sent == ["confirm"]


async def test_another_address_gets_no_reminder_of_what_it_was_not_asked(
    journey: JourneyTest,
) -> None:
    await journey.start(DoubleOptIn, **NEWSLETTER)
    await journey.identify(email="another@shop.example")
    await journey.after(4 * DAY)
    assert journey.skipped == [("reminder", "no_longer")]


async def test_two_topics_are_two_requests(journey: JourneyTest) -> None:
    await journey.identify(consents=[{"channel": "email", "granted": False}])
    await journey.start(DoubleOptIn, **NEWSLETTER)
    await journey.publish(OptInRequested, channel="email", topic="cart")
    assert journey.sent == ["confirm", "confirm"]
    await agrees(journey, yes=True)
    assert sorted(journey.outcomes) == ["converted", "open"]


async def test_the_text_speaks_the_customers_language(journey: JourneyTest) -> None:
    await journey.identify(locale="pl-PL", firstName="Zofia")
    await journey.start(DoubleOptIn, **NEWSLETTER)
    said = await journey.content("confirm")
    assert said["subject"] == "Potwierdź, że chcesz dostawać nasze e-maile"
    assert "<strong>Newsletter</strong>" in said["html"]
