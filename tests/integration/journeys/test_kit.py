"""The test kit says what happened to the journey under test, and nothing else."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sojourn.channels.outbox import Outbox
from sojourn.channels.provider import Parcel
from sojourn.domain.errors import AmbiguousSend, BadInput, InvalidRecipient
from sojourn.domain.events import OrderCompleted, ProductAdded, SignedUp
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding

DAY = timedelta(days=1)


async def test_start_refuses_an_event_without_the_key_of_the_journey(journey: JourneyTest) -> None:
    with pytest.raises(BadInput) as refused:
        await journey.start(AbandonedCart)
    assert str(refused.value) == (
        "Product Added started no run of abandoned-cart: it has no cart_id, the journey's key"
    )


async def test_start_refuses_an_event_that_was_published_before(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7", message_id="m1")
    with pytest.raises(BadInput, match="its message_id was published before"):
        await journey.start(AbandonedCart, cart_id="cart7", message_id="m1")


async def test_start_refuses_a_journey_that_no_event_starts(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AbandonedCart, "terms", replace(AbandonedCart.terms, starts_on=()))
    with pytest.raises(BadInput) as refused:
        await journey.start(AbandonedCart, cart_id="cart7")
    assert str(refused.value) == "abandoned-cart has no starts_on event: no event can start it"


async def test_start_takes_a_run_that_is_open_already(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.start(AbandonedCart, cart_id="cart7", product_id="second")
    assert journey.outcomes == ["open"]


async def test_the_attributes_tell_of_the_journey_under_test_alone(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.publish(SignedUp)
    await journey.publish(OrderCompleted, cart_id="cart7")
    await journey.after(8 * DAY)
    assert (journey.sent, journey.outcome) == ([], "converted")
    assert journey.outcomes == ["converted"]
    welcomed = journey.of(Onboarding)
    assert welcomed.sent == ["welcome", "tips"]
    assert welcomed.outcome == "exhausted"
    assert {row.journey for row in await journey.messages()} == {"onboarding"}


@pytest.mark.temporal
async def test_the_operators_verbs_reach_the_journey_under_test(journey: JourneyTest) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.publish(SignedUp)
    assert "Order Completed" in (await journey.status())["doing"]
    name = (await journey.history()).workflow_id
    assert name == f"abandoned-cart:{journey.customer_id}:cart7"
    assert [each.workflow_id for each in await journey.histories()] == [name]
    await journey.stop("the shop is closed")
    assert journey.outcome == "stopped"
    assert journey.of(Onboarding).outcome == "open"


async def test_the_outcome_of_several_journeys_is_refused_until_one_is_started(
    journey: JourneyTest,
) -> None:
    await journey.publish(SignedUp)
    assert journey.outcome == "open"
    await journey.publish(ProductAdded, cart_id="cart7")
    with pytest.raises(BadInput, match="abandoned-cart and onboarding have runs"):
        _ = journey.outcome


async def test_there_is_no_outcome_before_the_first_event(journey: JourneyTest) -> None:
    assert journey.outcome is None
    with pytest.raises(BadInput, match="has no run: start a journey first"):
        await journey.status()


async def test_skipped_names_the_messages_that_a_provider_rejects(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(self: Outbox, parcel: Parcel) -> str:
        raise InvalidRecipient("no such mailbox")

    monkeypatch.setattr(Outbox, "send", refuse)
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(1 * DAY)
    assert journey.sent == []
    assert journey.skipped == [("reminder", "invalid_address")]


async def test_a_message_that_may_be_out_is_neither_sent_nor_skipped(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lose(self: Outbox, parcel: Parcel) -> str:
        raise AmbiguousSend("the connection broke")

    monkeypatch.setattr(Outbox, "send", lose)
    monkeypatch.setattr(Outbox, "abilities", Outbox.abilities.__class__())
    await journey.start(AbandonedCart, cart_id="cart7")
    await journey.after(1 * DAY)
    assert (journey.sent, journey.skipped) == ([], [])
    assert journey.unknown == ["reminder"]


async def test_a_clock_that_runs_cannot_begin_at_another_moment(journey: JourneyTest) -> None:
    begin = await journey.now()
    with pytest.raises(BadInput, match="before the first event"):
        journey.begin_at(begin)


async def test_start_says_why_an_event_was_refused(journey: JourneyTest) -> None:
    before = await journey.now()
    await journey.after(DAY)
    await journey.publish(OrderCompleted, order_id="o", cart_id="c")
    with pytest.raises(BadInput, match="abandoned-cart: the journey's goal had been reached"):
        await journey.start(AbandonedCart, cart_id="c", occurred_at=before)
