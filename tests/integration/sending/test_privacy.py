"""Nothing personal reaches Temporal."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from uuid import uuid4

import pytest
from temporalio.client import WorkflowHistory

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.domain.alias import Alias
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import BadEvent, TransientError
from sojourn.domain.events import (
    EmailLinkClicked,
    OrderCompleted,
    ProductAdded,
    SignedUp,
    SubscriptionCancelled,
    SubscriptionStarted,
)
from sojourn.domain.messages import Channel
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, people
from sojourn.testkit import JourneyTest
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, REACHABLE, Carrier
from tests.support.project import PROJECT
from tests.support.rows import HOUR
from workflows.abandoned_cart import AbandonedCart


def _everything_said(history: WorkflowHistory) -> str:
    """Return a history as text: decoded, as protobuf prints it, and as it is on the wire."""
    said = [json.dumps(json.loads(history.to_json()), ensure_ascii=False)]
    for event in history.events:
        said += [str(event), event.SerializeToString().decode(errors="replace")]
    return "\n".join(said)


async def test_temporal_gets_no_personal_data(journey: JourneyTest) -> None:
    secrets = {
        "email": "grace.hopper@navy.example",
        "phone": "+393291112223",
        "first": "Grazia-Maddalena",
        "reason": "my divorce lawyer told me to",
        "url": "https://shop.example/reset?token=s3cr3t",
        "other": "hopper-private@navy.example",
        "cart": "cart of admiral@navy.example",
        "product": "Admiral's mug with engraving",
        "page": "https://shop.example/engraved/for-grace",
        "plan": "Grace's family plan",
    }
    await journey.identify(
        email=secrets["email"], phone=secrets["phone"], firstName=secrets["first"]
    )
    personal = {"customer_id": journey.customer_id, "occurred_at": NOON}
    for event in (
        SignedUp(
            email=secrets["other"], first_name=secrets["first"], plan=secrets["plan"], **personal
        ),
        EmailLinkClicked(url=secrets["url"], **personal),
        ProductAdded(
            product_id="p-4711",
            name=secrets["product"],
            url=secrets["page"],
            image_url=secrets["page"],
            cart_id=secrets["cart"],
            **personal,
        ),
        SubscriptionStarted(
            subscription_id="s", expires_at=NOON + 30 * DAY, plan=secrets["plan"], **personal
        ),
    ):
        await journey.publish(event)
    await journey.until(NOON + 26 * DAY)
    assert len(journey.sent) >= 6
    later = {**personal, "occurred_at": NOON + 26 * DAY}
    await journey.publish(OrderCompleted(order_id="o", email=secrets["other"], **later))
    await journey.publish(
        SubscriptionCancelled(subscription_id="s", reason=secrets["reason"], **later)
    )
    histories = await journey.histories()
    assert len(histories) == 3
    said = "\n".join([_everything_said(h) for h in histories])
    assert "p-4711" in said  # the search finds public values, so it would find personal ones
    assert [name for name, secret in secrets.items() if secret in said] == []


async def test_a_cart_whose_id_is_an_address_is_one_cart(journey: JourneyTest) -> None:
    cart = "Grace.Hopper@navy.example"
    await journey.start(AbandonedCart, cart_id=cart, product_id="p", name="Mug")
    await journey.after(24 * HOUR)
    assert journey.sent == ["reminder"]
    # the shop's own page knows the cart by the shop's own id
    assert quote(cart, safe="") in (await journey.content("reminder"))["text"]
    await journey.publish(OrderCompleted, order_id="o", cart_id=cart)
    assert journey.outcome == "converted"
    said = _everything_said(await journey.history())
    assert "navy.example" not in said.lower()


async def test_an_address_is_no_id_of_a_new_customer(journey: JourneyTest) -> None:
    await journey.identify()  # the kit's own customer is known
    sojourn = Sojourn(journey.client, journey.store, journey.settings, project=PROJECT)
    for address in ("ada@shop.example", "mail of ada@shop.example", "+39 320 1234567"):
        with pytest.raises(BadEvent, match=r"^userId: is an address"):
            await sojourn.publish(SignedUp(customer_id=address))
        with pytest.raises(BadEvent, match=r"^userId: is an address"):
            await sojourn.identify(
                read_identity(REACHABLE, customer_id=address, message_id="i", at=NOON)
            )
        with pytest.raises(BadEvent, match=r"^userId: is an address"):
            await sojourn.alias(Alias(journey.customer_id, address, "a", NOON))


async def test_a_customer_who_has_an_address_for_an_id_keeps_it(journey: JourneyTest) -> None:
    await journey.identify()
    address = f"{uuid4().hex}@shop.example"
    async with journey.store.transaction() as session:
        await people.lock(session, address)  # from before such ids were refused
    sojourn = Sojourn(journey.client, journey.store, journey.settings, project=PROJECT)
    assert (await sojourn.publish(OrderCompleted(customer_id=address, order_id="o"))).stored


async def test_an_address_that_a_provider_quotes_does_not_reach_temporal(
    temporal: Server, journey_settings: Settings
) -> None:
    async with await Store.open(journey_settings.store_url) as store:
        queue, name = f"{TASK_QUEUE}-{uuid4().hex[:8]}", f"q-{uuid4().hex[:8]}"
        carrier = Carrier()
        soon = timedelta(milliseconds=20)
        quoting = TransientError("450 <ada@shop.example>: mailbox busy", retry_after=soon)
        carrier.answers.append(quoting)
        sojourn = Sojourn(temporal.client, store, journey_settings, task_queue=queue)
        carriers = dict.fromkeys(Channel, carrier)
        async with worker.serving(
            temporal.client, store, journey_settings, task_queue=queue, carriers=carriers
        ):
            await sojourn.identify(
                read_identity(REACHABLE, customer_id=name, message_id="i", at=datetime.now(UTC))
            )
            (run,) = (await sojourn.publish(SignedUp(customer_id=name))).runs
            handle = temporal.client.get_workflow_handle(run)
            async with asyncio.timeout(30):
                while not (await handle.query("status"))["messages"]:  # noqa: ASYNC110 (another process)
                    await asyncio.sleep(0.02)
            history = await handle.fetch_history()
            await handle.terminate()
    assert [parcel.address for parcel in carrier.carried] == ["ada@shop.example"]
    said = _everything_said(history)
    assert "TransientError" in said
    assert "ada@" not in said
