"""double-opt-in in the shop: topics and languages, which a project has its own of."""

from datetime import timedelta

from sojourn.events import OptInRequested
from sojourn.testkit import JourneyTest
from workflows.double_opt_in import DoubleOptIn

DAY = timedelta(days=1)


async def test_a_yes_to_another_topic_confirms_nothing(journey: JourneyTest) -> None:
    await journey.start(DoubleOptIn, channel="email", topic="newsletter")
    words = [
        {"channel": "email", "topic": "cart", "granted": True},
        {"channel": "sms", "topic": "newsletter", "granted": False},
    ]
    await journey.identify(consents=words)
    await journey.after(4 * DAY)
    assert journey.sent == ["confirm", "reminder"]


async def test_two_topics_are_two_requests(journey: JourneyTest) -> None:
    await journey.identify(consents=[{"channel": "email", "granted": False}])
    await journey.start(DoubleOptIn, channel="email", topic="newsletter")
    await journey.publish(OptInRequested, channel="email", topic="cart")
    assert journey.sent == ["confirm", "confirm"]
    await journey.identify(consents=[{"channel": "email", "topic": "cart", "granted": True}])
    assert sorted(journey.outcomes) == ["converted", "open"]


async def test_the_text_speaks_the_customers_language(journey: JourneyTest) -> None:
    await journey.identify(locale="pl-PL", firstName="Zofia")
    await journey.start(DoubleOptIn, channel="email", topic="newsletter")
    said = await journey.content("confirm")
    assert said["subject"] == "Potwierdź, że chcesz dostawać nasze e-maile"
    assert "<strong>Newsletter</strong>" in said["html"]
    assert "ktoś podał Twój adres" in said["html"], "there may be no account"
