from datetime import timedelta

from sojourn.events import OptInRequested
from sojourn.testkit import JourneyTest, scenario
from workflows.double_opt_in import DoubleOptIn

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def asks(journey: JourneyTest) -> None:
    """Ask for e-mails on any topic, an hour after a no to all of them."""
    await journey.identify(marketingConsent=False)
    await journey.after(HOUR)
    await journey.start(DoubleOptIn, channel="email")


@scenario("double-opt-in/nobody-confirms")
async def test_a_request_is_sent_a_link_and_one_reminder(journey: JourneyTest) -> None:
    await asks(journey)
    assert journey.sent == ["confirm"]
    await journey.after(2 * DAY)
    assert journey.sent == ["confirm"]
    await journey.after(6 * DAY)
    assert journey.sent == ["confirm", "reminder"]
    assert journey.outcome == "exhausted"


@scenario("double-opt-in/confirmed-before-the-reminder")
async def test_a_yes_ends_the_run_and_spares_the_reminder(journey: JourneyTest) -> None:
    await asks(journey)
    await journey.after(DAY)
    await journey.identify(marketingConsent={"email": True})
    assert journey.outcome == "converted"
    await journey.after(7 * DAY)
    assert journey.sent == ["confirm"]


@scenario("double-opt-in/refused")
async def test_a_no_ends_the_run(journey: JourneyTest) -> None:
    await asks(journey)
    await journey.after(DAY)
    await journey.identify(marketingConsent={"email": False})
    assert journey.outcome == "stopped"
    await journey.after(7 * DAY)
    assert journey.sent == ["confirm"]


@scenario("double-opt-in/asked-again")
async def test_asking_again_sends_another_link_and_seven_more_days(journey: JourneyTest) -> None:
    await asks(journey)
    await journey.after(2 * DAY)
    await journey.publish(OptInRequested, channel="email")
    assert journey.sent == ["confirm", "confirm"]
    await journey.after(4 * DAY)
    assert journey.sent == ["confirm", "confirm", "reminder"]
    await journey.after(2 * DAY)
    assert journey.outcome == "open"
    await journey.identify(marketingConsent={"email": True})
    assert journey.outcome == "converted"


async def test_a_phone_number_is_asked_by_sms_alone(journey: JourneyTest) -> None:
    await journey.identify(marketingConsent=False)
    await journey.after(HOUR)
    await journey.start(DoubleOptIn, channel="sms")
    (row,) = await journey.messages()
    assert (row.channel, row.step, row.state) == ("sms", "confirm", "sent")
    assert "/confirm/" in (await journey.content("confirm"))["text"]


async def test_a_request_by_e_mail_goes_to_no_phone(journey: JourneyTest) -> None:
    await journey.identify(email="", marketingConsent=False)
    await journey.after(HOUR)
    await journey.start(DoubleOptIn, channel="email")
    await journey.after(3 * DAY)
    assert journey.sent == []
    assert journey.skipped[0] == ("confirm", "no_address")


async def test_another_address_gets_no_reminder_of_what_it_was_not_asked(
    journey: JourneyTest,
) -> None:
    await asks(journey)
    await journey.identify(email="another@shop.example")
    await journey.after(4 * DAY)
    assert journey.skipped == [("reminder", "no_longer")]


async def test_who_has_agreed_already_is_not_asked(journey: JourneyTest) -> None:
    await journey.publish(OptInRequested, channel="email")
    await journey.after(4 * DAY)
    assert journey.of(DoubleOptIn).sent == []


async def test_nobody_is_asked_for_what_they_have_agreed_to(journey: JourneyTest) -> None:
    await journey.publish(OptInRequested, channel="email")
    await journey.publish(OptInRequested, channel="email", topic="newsletter")
    assert journey.sent == ["confirm"], "a yes to the channel is none to a topic that needs its own"
    await journey.after(8 * DAY)
    assert journey.sent == ["confirm", "reminder"]


async def test_a_request_from_before_a_no_asks_nobody(journey: JourneyTest) -> None:
    earlier = await journey.now() - HOUR
    await journey.identify(marketingConsent=False)
    await journey.publish(OptInRequested, channel="email", occurred_at=earlier)
    assert journey.sent == []
    assert journey.outcome == "stopped"
