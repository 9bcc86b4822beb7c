"""The answer to a call says what it did not do."""

from typing import Any

from sojourn.testkit import JourneyTest
from tests.support.gateway_server import Served, serving


async def _order(served: Served, journey: JourneyTest, **properties: Any) -> dict[str, Any]:
    call = {
        "userId": journey.customer_id,
        "messageId": f"order-{journey.customer_id}",
        "event": "Order Completed",
        "properties": {"order_id": "o", **properties},
        "timestamp": (await journey.now()).isoformat(),
    }
    answer = await served.post("/v1/track?wait=1", call)
    assert answer.status_code == 200
    await journey.settled()
    told: dict[str, Any] = answer.json()
    return told


async def test_a_purchase_under_a_used_id_with_another_cart_ends_its_run_and_says_so(
    journey: JourneyTest,
) -> None:
    async with serving(await journey._ready()) as served:
        await served.ready()
        for cart in ("k1", "k2"):
            call = {
                "userId": journey.customer_id,
                "event": "Product Added",
                "properties": {"product_id": "p", "cart_id": cart},
                "timestamp": (await journey.now()).isoformat(),
            }
            await served.post("/v1/track?wait=1", call)
        first = await _order(served, journey, cart_id="k1")
        second = await _order(served, journey, cart_id="k2")
        again = await _order(served, journey, cart_id="k2")
    assert "notes" not in first
    assert [run["run"].rpartition(":")[2] for run in second["runs"]] == ["k2"]
    (note,) = second["notes"]
    assert note["path"] == "messageId"
    assert "kept under an id of its own" in note["reason"]
    assert again["notes"] == [note]
    assert sorted(journey.outcomes) == ["converted", "converted"]


async def test_other_content_under_a_used_id_is_not_taken_in_silence(
    journey: JourneyTest,
) -> None:
    async with serving(await journey._ready()) as served:
        await served.ready()
        first = await _order(served, journey, total=1)
        again = await _order(served, journey, total=1)
        changed = await _order(served, journey, total=2)
    assert "notes" not in first | again
    (note,) = changed["notes"]
    assert (note["path"], note["reason"]) == (
        "messageId", "was taken before, with other content: this changes nothing",
    )  # fmt: skip


async def test_an_alias_says_that_it_joined_nothing(journey: JourneyTest) -> None:
    who = journey.customer_id
    async with serving(await journey._ready()) as served:
        await served.ready()
        await served.post("/v1/identify", {"userId": who, "anonymousId": f"{who}-a"})
        useless = await served.post("/v1/alias", {"userId": who, "previousId": who})
        joins = {"userId": who, "previousId": f"{who}-a"}
        done = [await served.post("/v1/alias", joins) for _ in range(2)]
    (note,) = useless.json()["notes"]
    assert note["path"] == "previousId"
    assert "is the userId itself, so that nothing was joined" in note["reason"]
    assert [answer.json() for answer in done] == [{"success": True}] * 2


async def test_a_shopper_who_identifies_logs_in_and_buys_with_both_ids_is_one_person(
    journey: JourneyTest,
) -> None:
    who, anon = journey.customer_id, f"{journey.customer_id}-anon"
    traits = {"email": f"{who}@shop.example", "marketingConsent": {"email": True}}
    async with serving(await journey._ready()) as served:
        await served.ready()

        async def track(event: str, **call: Any) -> dict[str, Any]:
            moment = (await journey.now()).isoformat()
            sent = {"event": event, "timestamp": moment, **call}
            answer = await served.post("/v1/track?wait=1", sent)
            told: dict[str, Any] = answer.json()
            return told

        await served.post("/v1/identify", {"anonymousId": anon, "traits": traits})
        cart = {"product_id": "p1", "cart_id": "A"}
        started = await track("Product Added", anonymousId=anon, properties=cart)
        both = {"userId": who, "anonymousId": anon}
        await served.post("/v1/identify", {**both, "traits": {"email": traits["email"]}})
        bought = await track(
            "Order Completed", **both, properties={"order_id": "o", "cart_id": "A"}
        )
    assert [run["effect"] for run in started["runs"]] == ["started"]
    (ended,) = bought["runs"]
    assert (ended["run"], ended["effect"]) == (f"abandoned-cart:{anon}:A", "ended")
    assert ended["prevented"] == ["reminder", "nudge", "offer"]
