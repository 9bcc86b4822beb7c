"""``?wait=1``: a call is answered with its effect on each run."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from sojourn.dispatch import telling
from sojourn.testkit import JourneyTest
from tests.support.gateway_server import Served, serving
from workflows.abandoned_cart import AbandonedCart

DAY = timedelta(days=1)


async def _track(
    served: Served, journey: JourneyTest, event: str, *, query: str = "?wait=1", **options: Any
) -> httpx.Response:
    call = {
        "userId": journey.customer_id,
        "event": event,
        "properties": {"cart_id": "cart7", "product_id": "p", "order_id": "o"},
        "timestamp": (await journey.now()).isoformat(),
    }
    answer = await served.post(f"/v1/track{query}", call, **options)
    await journey.settled()
    return answer


async def test_a_waiting_call_is_told_that_its_run_began_heard_and_ended(
    journey: JourneyTest,
) -> None:
    run = f"abandoned-cart:{journey.customer_id}:cart7"
    async with serving(await journey._ready()) as served:
        await served.ready()
        started = (await _track(served, journey, "Product Added")).json()
        signalled = (await _track(served, journey, "Product Added")).json()
        await journey.after(DAY + timedelta(hours=1))
        answer = await _track(served, journey, "Order Completed")
    nothing = {"prevented": [], "already_sent": [], "pending": False}
    assert started == {"success": True, "runs": [{"run": run, "effect": "started", **nothing}]}
    assert signalled["runs"] == [{"run": run, "effect": "signalled", **nothing}]
    (told,) = answer.json()["runs"]
    (sent,) = told.pop("already_sent")
    assert told == {
        "run": run, "effect": "ended", "prevented": ["nudge", "offer"], "pending": False,
    }  # fmt: skip
    assert sent["step"] == "reminder"
    assert answer.headers["preference-applied"] == "wait"
    assert journey.outcome == "converted"


@pytest.mark.parametrize(
    ("query", "prefer", "told"),
    [("", None, False), ("?wait=0", "wait", False), ("", "wait", True), ("", "a, Wait=5", True)],
)
async def test_a_sender_that_asks_is_told_the_effect(
    journey: JourneyTest, query: str, prefer: str | None, *, told: bool
) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    async with serving(await journey._ready()) as served:
        await served.ready()
        headers = {"Prefer": prefer} if prefer else {}
        answer = await _track(served, journey, "Order Completed", query=query, headers=headers)
    assert ("runs" in answer.json()) is told
    assert journey.outcome == "converted"


async def test_a_run_that_does_not_answer_in_time_is_pending(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await journey.start(AbandonedCart, cart_id="cart7")
    monkeypatch.setattr(telling, "ANSWER_TIME", timedelta(0))
    async with serving(await journey._ready()) as served:
        await served.ready()
        answer = await _track(served, journey, "Order Completed")
    (told,) = answer.json()["runs"]
    assert (told["effect"], told["pending"]) == ("signalled", True)
    assert journey.outcome == "converted"


async def test_a_wait_of_neither_0_nor_1_is_refused(journey: JourneyTest) -> None:
    async with serving(await journey._ready()) as served:
        await served.ready()
        answer = await _track(served, journey, "Order Completed", query="?wait=yes")
    assert (answer.status_code, answer.json()["error"]["path"]) == (400, "wait")
