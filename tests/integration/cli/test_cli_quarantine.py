"""`sojourn quarantine` lists, mends, redrives and drops calls that did not validate."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from temporalio.service import RPCError

from sojourn.dispatch.calls import read_call
from sojourn.dispatch.quarantine import keep
from sojourn.domain.errors import BadEvent, BadInput
from sojourn.gateway.http.metrics import Metrics
from sojourn.gateway.webhooks.refused import Refused
from sojourn.gateway.webhooks.shops.shopify import Shopify
from sojourn.gateway.webhooks.source import SignedRequest
from tests.support.cli_stack import Cli
from tests.support.webhooks import SHOPIFY_SECRET, shopify


async def _refused(cli: Cli, **fields: Any) -> tuple[str, str]:
    """Quarantine a call; return its number and its customer."""
    customer_id = await cli.identify()
    sent = {
        "type": "track",
        "event": "Product Added",
        "messageId": str(uuid4()),
        "userId": customer_id,
        "timestamp": "2024-01-08T12:00:00Z",
        "properties": {"product_id": "p", "cart_id": "c", "price": "cheap"},
        **fields,
    }
    with pytest.raises(BadEvent) as fault:
        read_call(sent)
    await keep(cli.store, sent, fault.value, source="shop")
    listed = (await cli("quarantine", "--json", "--limit", 1000)).json
    (mine,) = (row for row in listed if row["customer_id"] == customer_id)
    return str(mine["id"]), customer_id


async def test_an_empty_quarantine_says_so(offline: Cli) -> None:
    answer = await offline("quarantine")
    assert (answer.code, answer.out) == (0, "no such call in quarantine\n")
    assert (await offline("quarantine", "--json")).json == []


async def test_the_quarantines_list_names_faults_and_shows_no_property(offline: Cli) -> None:
    number, _ = await _refused(offline)
    for arguments in (["quarantine"], ["quarantine", "--json"]):
        out = (await offline(*arguments)).out
        for part in (number, "Product Added", "shop", "properties.price", "decimal"):
            assert part in out
        assert "cheap" not in out


async def test_the_quarantines_list_is_filtered_by_event_reason_and_time(offline: Cli) -> None:
    number, _ = await _refused(offline)
    other, _ = await _refused(offline, event="Order Completed", properties={"email": "a@b"})

    async def listed(*arguments: object) -> list[str]:
        answer = await offline("quarantine", "--json", *arguments)
        return [str(row["id"]) for row in answer.json]

    assert await listed() == [number, other]
    assert await listed("--event", "Order Completed") == [other]
    assert await listed("--reason", "properties.price: ") == [number]
    assert await listed("--reason", "%") == []
    assert await listed("--since", "2024-01-01T00:00:00Z") == [number, other]
    assert await listed("--since", "2150-01-01T00:00:00Z") == []
    await offline("quarantine", "drop", number)
    assert await listed() == [other]
    assert await listed("--all") == [number, other]


async def test_show_prints_a_quarantined_call_whole(offline: Cli) -> None:
    number, customer_id = await _refused(offline)
    out = (await offline("quarantine", "show", number)).out
    for part in ("fault     properties.price: ", '"price": "cheap"', customer_id, "from shop"):
        assert part in out
    assert (await offline("quarantine", "show", number, "--json")).json["call"]["userId"] == (
        customer_id
    )


async def test_mend_prints_the_mended_call(offline: Cli) -> None:
    number, _ = await _refused(offline)
    answer = await offline("quarantine", "mend", number, "--set", "properties.price=12.5")
    assert answer.code == 0
    assert '"price": 12.5' in answer.out
    assert f"`sojourn quarantine redrive {number}`" in answer.out
    assert "mended" in (await offline("quarantine")).out


async def test_mend_refuses_a_call_that_still_does_not_validate(offline: Cli) -> None:
    number, _ = await _refused(offline)
    answer = await offline("quarantine", "mend", number, "--set", "properties.price=dear")
    assert (answer.code, answer.out) == (2, "")
    assert answer.fault.startswith(f"call {number} stays as it was: properties.price: ")
    assert "cheap" in (await offline("quarantine", "show", number)).out


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["show", 99], 'no call in quarantine "99": `sojourn quarantine` lists their numbers'),
        (["drop", 99], 'no call in quarantine "99"'),
        (["mend", 99, "--set", "a=1"], 'no call in quarantine "99"'),
        (["mend", 99, "--set", "price"], "write --set properties.price=12.5"),
        (["redrive"], "give one of ID, --event NAME and --all"),
        (["redrive", 1, "--all"], "give one of ID, --event NAME and --all"),
        (["--event", "Order Complete"], 'did you mean "Order Completed"?'),
        (["--all", "redrive"], "write options after redrive, not before it"),
        (["redrive", 99], 'no call in quarantine "99"'),
        (["--since", "yesterday"], '--since "yesterday"'),
    ],
)
async def test_wrong_usage_of_quarantine_is_one_line(
    cli: Cli, arguments: list[Any], fault: str
) -> None:
    answer = await cli("quarantine", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert fault in answer.fault


async def test_redrive_starts_the_run_that_the_call_was_meant_for(cli: Cli) -> None:
    number, customer_id = await _refused(cli)
    await cli("quarantine", "mend", number, "--set", "properties.price=12.5")
    answer = await cli("quarantine", "redrive", number)
    run = f"abandoned-cart:{customer_id}:c"
    assert (answer.code, answer.out) == (0, f"call {number} is redriven; runs: {run}\n")
    again = await cli("quarantine", "redrive", number)
    assert again.code == 2
    assert "nothing is left to do" in again.fault
    with suppress(RPCError):  # the run may have ended already: the call is an old one
        await cli.sojourn.client.get_workflow_handle(run).terminate()


async def test_redrive_of_many_skips_the_calls_that_still_fail(cli: Cli) -> None:
    bad, _ = await _refused(cli, event="Checkout Started", properties={"value": "much"})
    good, _ = await _refused(cli, event="Checkout Started", properties={"value": "more"})
    await cli("quarantine", "mend", good, "--set", "properties.value=1")
    answer = await cli("quarantine", "redrive", "--event", "Checkout Started", "--json")
    assert answer.code == 1
    assert [done["id"] for done in answer.json["redriven"]] == [int(good)]
    assert [left["id"] for left in answer.json["faults"]] == [int(bad)]
    await cli("quarantine", "drop", bad)
    assert (await cli("quarantine", "redrive", "--all")).out == "nothing was redriven\n"


# ---- webhooks that were refused as a whole -------------------------------------------------


async def _refused_webhook(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, topic: str, **body: Any
) -> tuple[str, str]:
    """Refuse a shop's webhook; return its number and what tells it from others."""
    monkeypatch.setenv("SOJOURN_SHOPIFY_SECRET", SHOPIFY_SECRET)
    mark = uuid4().hex
    raw = json.dumps({"cart_token": mark, **body}).encode()
    request = SignedRequest(shopify(topic, raw), raw, datetime.now(UTC))
    with pytest.raises(BadInput) as fault:
        Shopify([SHOPIFY_SECRET]).calls(request)
    error = fault.value if isinstance(fault.value, BadEvent) else BadEvent(topic, str(fault.value))
    await Refused(cli.store, Metrics()).keep(Shopify([SHOPIFY_SECRET]), request, error)
    listed = (await cli("quarantine", "--json", "--limit", 1000)).json
    (mine,) = [row for row in listed if row["event"] == f"shopify {topic}"][-1:]
    return str(mine["id"]), mark


async def test_a_refused_webhook_is_listed_mended_and_redriven(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [{"variant_id": 1, "title": "Mug", "price": "17.50"}]
    number, mark = await _refused_webhook(
        cli, monkeypatch, "checkouts/create", token=None, line_items=lines
    )
    out = (await cli("quarantine", "--event", "shopify checkouts/create")).out
    assert "token: is missing" in out
    assert mark not in out
    still = await cli("quarantine", "redrive", number)
    assert (still.code, still.out) == (1, f"call {number} stays: token: is missing\n")
    bad = await cli("quarantine", "mend", number, "--set", "line_items=1")
    assert bad.fault.startswith(f"call {number} stays as it was: ")
    mended = await cli("quarantine", "mend", number, "--set", f"token={mark}")
    assert f"`sojourn quarantine redrive {number}`" in mended.out
    answer = await cli("quarantine", "redrive", number)
    assert answer.code == 0
    assert answer.out.startswith(f"call {number} is redriven; runs: abandoned-cart:shopify%3Aguest")
    (run,) = [part for part in answer.out.split() if part.startswith("abandoned-cart:")]
    with suppress(RPCError):
        await cli.sojourn.client.get_workflow_handle(run).terminate()
    assert "nothing is left to do" in (await cli("quarantine", "redrive", number)).fault


async def test_a_webhook_that_is_no_json_is_mended_as_a_whole(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOJOURN_SHOPIFY_SECRET", SHOPIFY_SECRET)
    mark = uuid4().hex
    raw = f'{{"token": "{mark}", "line_items": ['.encode()
    request = SignedRequest(shopify("checkouts/create", raw), raw, datetime.now(UTC))
    await Refused(cli.store, Metrics()).keep(
        Shopify([SHOPIFY_SECRET]), request, BadEvent("body", "is not JSON")
    )
    listed = (await cli("quarantine", "--json", "--limit", 1000)).json
    (number,) = [str(row["id"]) for row in listed if row["reason"] == "is not JSON"]
    assert mark in (await cli("quarantine", "show", number)).out
    bad = await cli("quarantine", "mend", number, "--set", "token=1")
    assert "leads nowhere" in bad.fault
    still = await cli("quarantine", "mend", number, "--set", "body={")
    assert still.fault.startswith(f"call {number} stays as it was: body: is not JSON")
    whole = json.dumps({"token": mark, "line_items": []})
    assert (await cli("quarantine", "mend", number, "--set", f"body={whole}")).code == 0
    assert (await cli("quarantine", "redrive", number)).code == 0


async def test_a_request_of_privacy_laws_that_names_nobody_stays_until_a_person_drops_it(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, _ = await _refused_webhook(cli, monkeypatch, "customers/redact")
    still = await cli("quarantine", "redrive", number)
    assert still.code == 1
    assert "customer: is missing" in still.out
    assert (await cli("quarantine", "drop", number)).code == 0
