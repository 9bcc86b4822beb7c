"""`http_call`: a journey asks a service over HTTP, signed, and acts on declared fields alone."""

import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from sojourn.events import OrderCancelled
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.store import cards
from sojourn.testkit import JourneyTest
from tests.support.project import PROJECT
from tests.support.refunding import Refunding, may_refund
from tests.support.refunds import SECRET, Refunds, fault, refunds

pytestmark = pytest.mark.temporal

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def journey_project() -> Project:
    activities = {**PROJECT.activities, may_refund.name: may_refund}
    return replace(PROJECT, journeys=Journeys([Refunding]), activities=activities, policy=None)


@pytest_asyncio.fixture(loop_scope="session")
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Refunds]:
    async with refunds() as shop:
        monkeypatch.setenv("SHOP_REFUNDS_URL", shop.url)
        monkeypatch.setenv("SHOP_SIGNING_SECRET", SECRET)
        yield shop


async def decided(journey: JourneyTest) -> Any:
    """Have a run ask, and return the note that it made of the answer."""
    await journey.publish(OrderCancelled, order_id="o7")
    await journey.after(10 * MINUTE)
    async with journey.store.reading() as session:
        card = await cards.find(session, journey.customer_id)
    assert card is not None
    return card.attributes.get("refund")


async def test_a_question_is_signed_and_its_answer_read(
    journey: JourneyTest, shop: Refunds, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shop.says = {"allowed": True, "most": "25.00", "agent": "ada@shop.example", "more": [1]}
    assert await decided(journey) == "allowed: True, at most 25.00"
    (asked,) = shop.questions.values()
    assert asked["type"] == "may_refund"
    assert asked["data"] == {
        "customer_id": journey.customer_id,
        "journey": "refunding",
        "key": "o7",
        "order_id": "o7",
        "share": "0.5",
        "email": "ada@shop.example",
    }
    history = "".join(history.to_json() for history in await journey.histories())
    for secret in (SECRET, "ada@shop.example", "whsec_"):
        assert secret not in history + caplog.text
    assert shop.url not in history


async def test_a_failure_is_retried_and_a_refusal_is_a_value(
    journey: JourneyTest, shop: Refunds
) -> None:
    shop.faults = [fault(503), fault(404)]
    assert await decided(journey) == "HTTP 404"
    assert len({headers["idempotency-key"] for headers in shop.seen}) == 1
    assert len(shop.seen) == 2
