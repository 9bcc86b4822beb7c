"""A message to somebody who is not known yet waits, and leaves as soon as they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from sojourn.dispatch import Sojourn
from sojourn.domain.alias import Alias
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.events import ProductAdded, SignedUp
from sojourn.settings import Settings
from sojourn.store import events
from sojourn.testkit import JourneyTest
from sojourn.testkit.kit import EVERYTHING
from tests.support.gateway_links import SECRET, unsubscribe_path
from tests.support.gateway_server import serving
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def journey_settings(journey_settings: Settings) -> Settings:
    return journey_settings.model_copy(update={"secret_key": SecretStr(SECRET)})


@pytest.fixture
async def stranger(journey: JourneyTest, monkeypatch: pytest.MonkeyPatch) -> JourneyTest:
    """A customer without any identify call."""

    async def say_nothing(test: JourneyTest, sojourn: Sojourn, traits: Any) -> None:
        pass

    with monkeypatch.context() as patch:
        patch.setattr(JourneyTest, "_say", say_nothing)
        await journey._ready()
    return journey


async def test_an_identify_two_seconds_after_the_sign_up_sends_the_welcome(
    stranger: JourneyTest,
) -> None:
    await stranger.start(Onboarding)
    assert stranger.sent == []
    (held,) = await stranger.messages()
    assert (held.state, held.reason) == ("deferred", "unknown_customer")
    assert (await stranger.status())["doing"].startswith("hold welcome until Tue 9 Jan 2024")
    await stranger.after(2 * SECOND)
    await stranger.identify()
    assert stranger.sent == ["welcome"]
    (sent,) = await stranger.messages()
    assert (sent.state, sent.reason) == ("sent", None)
    await stranger.until(datetime(2024, 1, 9, 10, tzinfo=UTC))
    assert stranger.sent == ["welcome", "first-steps"]


async def test_an_identify_hours_later_sends_the_welcome_while_it_is_of_use(
    stranger: JourneyTest,
) -> None:
    await stranger.start(Onboarding)
    await stranger.after(15 * HOUR)
    await stranger.identify()
    assert stranger.sent == ["welcome"]


async def test_nobody_who_stays_unknown_is_written_to(stranger: JourneyTest) -> None:
    await stranger.start(Onboarding)
    await stranger.after(9 * DAY)
    assert stranger.sent == []
    assert stranger.skipped[0] == ("welcome", "unknown_customer")
    assert stranger.outcome == "exhausted"


async def test_an_identify_without_the_address_is_not_enough(stranger: JourneyTest) -> None:
    await stranger.start(Onboarding)
    sojourn = await stranger._ready()
    words: list[dict[str, Any]] = [{"firstName": "Ada"}, EVERYTHING]
    for number, traits in enumerate(words):
        assert stranger.sent == []
        await stranger.after(SECOND)
        identity = read_identity(
            traits,
            customer_id=stranger.customer_id,
            message_id=f"identify-{stranger.customer_id}-{number}",
            at=await stranger.now(),
        )
        await sojourn.identify(identity)
        await stranger.settled()
    assert stranger.sent == ["welcome"]


@pytest.mark.temporal
async def test_words_without_an_address_have_nobody_ask_again(stranger: JourneyTest) -> None:
    """Pages identify their visitors time and again."""
    await stranger.start(Onboarding)
    sojourn = await stranger._ready()
    for number in range(5):
        identity = read_identity(
            {"firstName": f"Ada {number}"},
            customer_id=stranger.customer_id,
            message_id=f"page-{stranger.customer_id}-{number}",
            at=await stranger.now(),
        )
        await sojourn.identify(identity)
        await stranger.settled()
    assert await _asked(stranger) == 2  # at the start, and when somebody had been identified
    await stranger.identify()
    assert stranger.sent == ["welcome"]


async def test_an_alias_to_somebody_known_sends_the_welcome(stranger: JourneyTest) -> None:
    await stranger.start(Onboarding)
    known = f"{stranger.customer_id}-known"
    sojourn = await stranger._ready()
    at = await stranger.now()
    await sojourn.identify(
        read_identity(EVERYTHING, customer_id=known, message_id=f"identify-{known}", at=at)
    )
    await stranger.settled()
    assert [row.state for row in await stranger.messages()] == ["deferred"]
    await sojourn.alias(Alias(stranger.customer_id, known, f"alias-{known}", at))
    stranger.customer_id = known  # which holds everything now
    await stranger.settled()
    assert stranger.sent == ["welcome"]


async def test_a_word_that_no_run_could_be_told_of_is_told_by_the_sweep(
    stranger: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stranger.start(Onboarding)
    sojourn = await stranger._ready()

    async def nobody(*_: Any, **__: Any) -> Any:
        raise TemporalUnavailable("Temporal does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(sojourn.teller, "reach", nobody)
        await stranger.identify()  # is acknowledged: the words are stored
    await stranger.settled()
    assert stranger.sent == []
    monkeypatch.setattr("sojourn.dispatch.client.SWEEP_AFTER", timedelta(0))
    assert await sojourn.sweep() == 2  # the hold is over, and the zone is another
    await stranger.settled()
    assert stranger.sent == ["welcome"]


async def test_a_first_look_at_the_end_of_the_wait_finds_what_nobody_told(
    stranger: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stranger.start(Onboarding)
    sojourn = await stranger._ready()

    async def nobody(*_: Any, **__: Any) -> Any:
        raise TemporalUnavailable("Temporal does not answer")

    monkeypatch.setattr(sojourn.teller, "reach", nobody)
    await stranger.identify()
    await stranger.after(DAY)
    assert stranger.sent[0] == "welcome"


async def test_a_consent_of_a_day_later_is_not_waited_for(
    stranger: JourneyTest,
) -> None:
    """A day after the start nobody's first word is on its way any more."""
    await stranger.identify(marketingConsent={})
    await stranger.start(AbandonedCart, cart_id="c")
    await stranger.after(25 * HOUR)
    assert stranger.skipped == [("reminder", "no_consent")]


async def test_a_yes_on_the_page_of_a_link_ends_the_wait_for_a_consent(
    stranger: JourneyTest,
) -> None:
    """The form can take back a no; a yes that comes that way is a yes like any other."""
    sojourn = await stranger._ready()
    await stranger.identify(marketingConsent={}, timezone="America/St_Johns")
    await stranger.after(HOUR)
    expires_at = datetime(2024, 1, 15, 20, tzinfo=UTC)
    await stranger.start(Renewal, subscription_id="s", expires_at=expires_at)
    await stranger.after(HOUR / 2 + SECOND)
    (held,) = await stranger.messages()
    assert (held.step, held.state, held.reason) == ("in-a-week", "deferred", "no_consent")
    async with serving(sojourn) as served:
        path = unsubscribe_path(stranger.customer_id, topic="")
        for wish in ("unsubscribe", "stay", "stay"):
            assert stranger.sent == []
            await served.http.post(path, data={"wish": wish})
        await sojourn.drain()
    await stranger.settled()
    assert stranger.sent == ["in-a-week"]
    async with stranger.store.reading() as session:
        rows = await events.of_customer(session, stranger.customer_id)
    assert [row.name for row in rows].count("Hold Ended") == 1


async def test_a_stranger_who_adds_products_is_reminded_once_they_are_known(
    stranger: JourneyTest,
) -> None:
    await stranger.start(AbandonedCart, cart_id="c")
    await stranger.after(30 * HOUR)
    assert stranger.sent == []
    await stranger.publish(ProductAdded, cart_id="c", product_id="second")
    (held,) = await stranger.messages()
    await stranger.identify()
    assert stranger.sent == []  # the steps have begun again
    await stranger.after(25 * HOUR)
    assert stranger.sent == ["reminder"]
    assert held.step == "reminder"


@pytest.mark.temporal
async def test_a_resent_identify_wakes_a_run_once(stranger: JourneyTest) -> None:
    await stranger.publish(SignedUp)
    sojourn = await stranger._ready()
    identity = read_identity(
        {"firstName": "Ada"},
        customer_id=stranger.customer_id,
        message_id=f"once-{stranger.customer_id}",
        at=await stranger.now(),
    )
    for _ in range(3):
        await sojourn.identify(identity)
        await stranger.settled()
    assert await _asked(stranger) == 2


async def _asked(test: JourneyTest) -> int:
    """Return how often the gate was asked."""
    events = (await test.history()).events
    return sum(event.HasField("activity_task_scheduled_event_attributes") for event in events)
