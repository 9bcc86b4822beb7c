"""A purchase under another id of the same person."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from sojourn.dispatch.calls import Track, read_call
from sojourn.dispatch.published import Published
from sojourn.events import OrderCompleted, ProductAdded, SignedUp, SubscriptionRenewed
from sojourn.store import events
from sojourn.store.kin import MOST_IDS
from sojourn.store.tables import CustomerRow, EventRow
from sojourn.testkit import JourneyTest
from workflows.abandoned_cart import AbandonedCart
from workflows.onboarding import Onboarding
from workflows.renewal import Renewal

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
OWN = {"email": "bo@shop.example", "phone": ""}
SAME = {"email": "ADA@shop.example", "phone": ""}


@pytest_asyncio.fixture(loop_scope="session")
async def guest(journey: JourneyTest) -> AsyncIterator[JourneyTest]:
    """The same shop's page, before anybody has logged in."""
    test = JourneyTest(
        journey._engine,
        journey.store,
        journey.settings,
        journey._task_queue,
        f"{journey.customer_id}-guest",
        project=journey.project,
    )
    await journey._ready()  # the two clocks begin together
    await test._ready()
    yield test
    await test.stop_all()


async def _call(
    journey: JourneyTest, guest: JourneyTest, name: str = "Order Completed", **properties: Any
) -> Published:
    """Send a call with both ids, as SDKs do after a login."""
    read = read_call(
        {
            "type": "track",
            "userId": journey.customer_id,
            "anonymousId": guest.customer_id,
            "event": name,
            "properties": {"order_id": "o", **properties},
            "timestamp": (await journey.now() + SECOND).isoformat(),
        },
        journey.project.events,
    )
    assert isinstance(read, Track)
    published = await read.into(await journey._ready(), ask=True)
    await journey.settled()
    await guest.settled()
    return published


async def _copies(guest: JourneyTest) -> list[EventRow]:
    async with guest.store.reading() as session:
        rows = await events.of_customer(session, guest.customer_id)
    return [row for row in rows if row.copy_of is not None]


# ---- both ids in one call ----------------------------------------------------------------------


@pytest.mark.parametrize("cart", ["A", "A?key=secret", None, "unheard-of"])
async def test_a_purchase_with_both_ids_ends_the_guests_run(
    journey: JourneyTest, guest: JourneyTest, cart: str | None
) -> None:
    await journey.identify(**OWN)
    await guest.start(AbandonedCart, cart_id="A")
    published = await _call(journey, guest, cart_id=cart)
    assert published.runs == (f"abandoned-cart:{guest.customer_id}:A",)
    assert [answer.effect for answer in published.effects.values() if answer] == ["ended"]
    await guest.after(8 * DAY)
    assert (guest.sent, guest.outcomes) == ([], ["converted"])


async def test_a_purchase_of_a_cart_of_the_account_leaves_the_guests_cart_alone(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    """A household shares a browser."""
    await journey.identify(**OWN)
    await guest.start(AbandonedCart, cart_id="A")
    await journey.start(AbandonedCart, cart_id="B")
    await _call(journey, guest, cart_id="B")
    assert (journey.outcomes, guest.outcomes) == (["converted"], ["open"])


async def test_an_event_with_both_ids_counts_in_a_journey_without_a_key(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**OWN)
    await guest.start(Onboarding)
    await _call(journey, guest, "Account Activated")
    assert guest.outcomes == ["converted"]


async def test_an_id_that_has_begun_nothing_gets_no_copy(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**OWN)
    await journey.start(AbandonedCart, cart_id="A")
    await _call(journey, guest, cart_id="A")
    assert journey.outcomes == ["converted"]
    assert await _copies(guest) == []


async def test_a_copy_is_stored_once_and_holds_nothing_personal(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**OWN)
    await guest.start(AbandonedCart, cart_id="A")
    sojourn = await journey._ready()
    order = OrderCompleted(
        customer_id=journey.customer_id,
        order_id="o",
        cart_id="A",
        email="bo@shop.example",
        occurred_at=await journey.now(),
    )
    for _ in range(2):
        await sojourn.take(
            order, order.event_name, order.properties(), also=[guest.customer_id, "nobody"]
        )
    (copy,) = await _copies(guest)
    assert copy.copy_of == order.message_id
    assert copy.properties == {"order_id": "o", "cart_id": "A"}


# ---- one cart, one ladder ----------------------------------------------------------------------

OTHER = {"email": "bo@shop.example", "phone": "+393201234500"}


async def test_a_product_added_with_both_ids_leaves_one_ladder(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    """The guest gave an address of its own at the checkout."""
    await journey.identify(**OTHER)
    await guest.start(AbandonedCart, cart_id="A?key=secret")
    await guest.after(23 * HOUR)
    await _call(journey, guest, "Product Added", cart_id="A", product_id="second")
    assert (guest.outcomes, journey.outcomes) == (["stopped"], ["open"])
    await guest.after(8 * DAY)
    await journey.settled()
    assert (guest.sent, journey.sent) == ([], ["reminder", "nudge", "offer"])


async def test_the_ladder_moves_on_from_the_message_that_the_guest_had(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**OTHER)
    await guest.start(AbandonedCart, cart_id="A")
    await guest.after(25 * HOUR)
    await _call(journey, guest, "Product Added", cart_id="A", product_id="second")
    await guest.after(23 * HOUR)
    assert (guest.sent, journey.sent) == (["reminder"], [])
    await guest.after(8 * DAY)
    await journey.settled()
    assert (guest.sent, journey.sent) == (["reminder"], ["reminder", "nudge", "offer"])


async def test_the_ladder_stays_with_the_id_that_alone_has_an_address(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(email="", phone="", pushToken="")
    await guest.start(AbandonedCart, cart_id="A")
    await guest.after(20 * HOUR)
    await _call(journey, guest, "Product Added", cart_id="A", product_id="second")
    assert guest.outcomes == ["open"]
    await guest.after(20 * HOUR)
    assert guest.sent == []  # its steps have begun again
    await guest.after(8 * DAY)
    await journey.settled()
    assert (guest.sent, journey.sent) == (["reminder", "nudge", "offer"], [])


async def test_a_product_in_another_cart_leaves_the_guests_ladder_alone(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**OTHER)
    await guest.start(AbandonedCart, cart_id="A")
    await _call(journey, guest, "Product Added", cart_id="B", product_id="second")
    assert (guest.outcomes, journey.outcomes) == (["open"], ["open"])


async def test_a_guest_who_fills_the_cart_again_begins_another_run(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**OTHER)
    await guest.start(AbandonedCart, cart_id="A")
    for _ in range(2):
        await _call(journey, guest, "Product Added", cart_id="A", product_id="second")
    await guest.after(HOUR)
    await guest.publish(ProductAdded, cart_id="A", product_id="third")
    assert guest.outcomes == ["stopped", "open"]


# ---- one address -------------------------------------------------------------------------------


@pytest.mark.parametrize("cart", ["A", None, "unheard-of"])
async def test_a_purchase_by_another_id_with_the_address_ends_the_run(
    journey: JourneyTest, guest: JourneyTest, cart: str | None
) -> None:
    await journey.identify(**SAME)
    await guest.start(AbandonedCart, cart_id="A")
    published = await journey.publish(OrderCompleted, cart_id=cart)
    await guest.settled()
    assert published.runs == (f"abandoned-cart:{guest.customer_id}:A",)
    assert guest.outcomes == ["converted"]


async def test_a_purchase_by_another_id_with_the_phone_number_ends_the_run(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(email="")
    await guest.start(AbandonedCart, cart_id="A")
    await journey.publish(OrderCompleted, cart_id="A")
    await guest.settled()
    assert guest.outcomes == ["converted"]


async def test_a_family_that_shares_a_phone_number_is_no_single_person(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    """Their mailboxes differ: neither buys for the other, and both are reminded."""
    await journey.identify(email="bo@shop.example")
    await guest.start(AbandonedCart, cart_id="A")
    await journey.start(AbandonedCart, cart_id="A")
    await guest.after(26 * HOUR)
    await journey.settled()
    assert (guest.sent, journey.sent) == (["reminder"], ["reminder"])
    await journey.publish(OrderCompleted, cart_id="A")
    await guest.settled()
    assert (journey.outcomes, guest.outcomes) == (["converted"], ["open"])


async def test_an_order_names_the_address_that_no_card_has_yet(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(email="", phone="")
    await guest.start(AbandonedCart, cart_id="A")
    await journey.publish(OrderCompleted, cart_id="A", email="ada@shop.example")
    await guest.settled()
    assert guest.outcomes == ["converted"]


async def test_another_cart_with_the_address_is_another_cart(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**SAME)
    await guest.start(AbandonedCart, cart_id="A")
    await journey.start(AbandonedCart, cart_id="B")
    await journey.publish(OrderCompleted, cart_id="B")
    await guest.after(2 * DAY)
    assert guest.sent == ["reminder"]


async def test_the_gate_finds_a_purchase_whose_address_was_told_later(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(email="", phone="")
    await guest.start(AbandonedCart, cart_id="A")
    await journey.publish(OrderCompleted, cart_id="A", occurred_at=await guest.now() + HOUR)
    assert guest.outcomes == ["open"]
    await journey.identify(**SAME)
    await guest.after(8 * DAY)
    assert (guest.sent, guest.skipped) == ([], [("reminder", "goal_reached")])
    assert guest.outcomes == ["converted"]


async def test_one_cart_under_two_ids_with_one_address_is_reminded_of_once(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**SAME)
    await guest.start(AbandonedCart, cart_id="A")
    await journey.start(AbandonedCart, cart_id="A?key=secret")
    await guest.after(8 * DAY)
    await journey.settled()
    assert sorted([*guest.sent, *journey.sent]) == ["nudge", "offer", "reminder"]
    assert {reason for _, reason in [*guest.skipped, *journey.skipped]} == {"already_told"}


async def test_a_renewal_by_another_id_with_the_address_is_found_by_the_gate(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**SAME)
    now = await guest.now()
    await guest.start(Renewal, subscription_id="s", expires_at=now + 9 * DAY)
    await journey.publish(
        SubscriptionRenewed,
        subscription_id="s",
        expires_at=now + 400 * DAY,
        occurred_at=now + HOUR,
    )
    await guest.after(9 * DAY)
    assert guest.sent == []
    assert guest.skipped[0] == ("in-a-week", "goal_reached")


async def test_without_a_key_an_address_says_nothing(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    """Two colleagues share a mailbox, and each has an account."""
    await journey.identify(**SAME)
    await guest.publish(SignedUp)
    await _activate(journey)
    assert guest.of(Onboarding).outcomes == ["open"]


async def test_an_address_that_many_share_says_nothing(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**SAME)
    async with journey.store.transaction() as session:
        session.add_all(
            CustomerRow(customer_id=f"desk-{number}", email="ada@shop.example")
            for number in range(MOST_IDS - 1)
        )
    await guest.start(AbandonedCart, cart_id="A")
    await journey.publish(OrderCompleted, cart_id="A")
    await guest.after(2 * DAY)
    assert guest.sent == ["reminder"]


async def test_a_purchase_before_the_guests_cart_ends_nothing(
    journey: JourneyTest, guest: JourneyTest
) -> None:
    await journey.identify(**SAME)
    await journey.publish(OrderCompleted, cart_id="A")
    await guest.start(AbandonedCart, cart_id="A", occurred_at=await guest.now() + HOUR)
    await guest.publish(ProductAdded, cart_id="A", occurred_at=await guest.now() + HOUR)
    await guest.after(2 * DAY)
    assert guest.sent == ["reminder"]


async def _activate(journey: JourneyTest) -> None:
    sojourn = await journey._ready()
    await sojourn.track(
        "Account Activated",
        {},
        message_id=f"{journey.customer_id}-activated",
        customer_id=journey.customer_id,
        occurred_at=await journey.now(),
    )
    await journey.settled()
