"""`sojourn runs` lists the runs of Temporal's visibility that match its filters exactly."""

from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain.alias import Alias
from sojourn.domain.events import (
    OrderCompleted,
    ProductAdded,
    SubscriptionRenewed,
    SubscriptionStarted,
)
from tests.support.cli_stack import Cli


async def three_runs(cli: Cli) -> str:
    """Start an open, a converted and an exhausted run of one customer."""
    ada = await cli.identify()
    now = datetime.now(UTC)
    for cart, age in (("open", 0), ("bought", 0), ("old", 8)):
        await cli.sojourn.publish(
            ProductAdded(
                customer_id=ada, cart_id=cart, product_id="p", occurred_at=now - timedelta(days=age)
            )
        )
    await cli.sojourn.publish(OrderCompleted(customer_id=ada, order_id="o", cart_id="bought"))
    await cli.until(
        "runs", "--customer", ada, "--closed", "--json", holds=lambda a: len(a.json) == 2
    )
    return ada


@pytest.mark.more
async def test_runs_are_listed_and_filtered_by_status_and_outcome(cli: Cli) -> None:
    ada = await three_runs(cli)
    of_ada = ("runs", "--customer", ada, "--json")
    listed = {run["key"]: run for run in (await cli(*of_ada)).json}
    assert {key: (run["status"], run["outcome"]) for key, run in listed.items()} == {
        "open": ("running", None),
        "bought": ("completed", "converted"),
        "old": ("completed", "exhausted"),
    }
    assert listed["open"]["closed"] is None
    assert listed["old"]["closed"] >= listed["old"]["started"]
    assert {run["journey"] for run in listed.values()} == {"abandoned-cart"}
    assert {run["customer_id"] for run in listed.values()} == {ada}
    assert [run["key"] for run in (await cli(*of_ada, "--open")).json] == ["open"]
    assert {run["key"] for run in (await cli(*of_ada, "--closed")).json} == {"bought", "old"}
    assert (await cli(*of_ada, "--journey", "onboarding")).json == []
    assert len((await cli(*of_ada, "--limit", 2)).json) == 2


async def test_details_query_the_open_runs(cli: Cli) -> None:
    ada = await cli.identify()
    await cli.sojourn.publish(ProductAdded(customer_id=ada, cart_id="k", product_id="p"))
    mine = ("runs", "--customer", ada)
    waits = "wait 24 h after the last Product Added for Order Completed"
    table = await cli.until(*mine, "--details", holds=lambda a: waits in a.out)
    assert f"abandoned-cart:{ada}:k" in table.out
    (run,) = (await cli(*mine, "--details", "--json")).json
    assert run["doing"] == waits
    assert run["until"] > run["started"]
    (run,) = (await cli(*mine, "--json")).json
    assert run["doing"] is None


async def test_a_renewed_subscription_goes_on_as_new(cli: Cli) -> None:
    ada = await cli.identify()
    ends = datetime.now(UTC) + timedelta(days=30)
    for event in (SubscriptionStarted, SubscriptionRenewed):
        await cli.sojourn.publish(
            event(customer_id=ada, subscription_id="s", expires_at=ends, occurred_at=ends)
        )
        ends += timedelta(days=30)
    await cli.until(
        "runs", "--customer", ada,
        holds=lambda a: "converted, goes on as new" in a.out and " running " in a.out,
    )  # fmt: skip


async def test_a_terminated_run_is_listed_as_terminated(cli: Cli) -> None:
    ada = await cli.identify()
    await cli.sojourn.publish(ProductAdded(customer_id=ada, cart_id="k", product_id="p"))
    await cli.sojourn.client.get_workflow_handle(f"abandoned-cart:{ada}:k").terminate()
    answer = await cli.until(
        "runs", "--customer", ada, "--closed", "--json", holds=lambda a: len(a.json) == 1
    )
    assert (answer.json[0]["status"], answer.json[0]["outcome"]) == ("terminated", None)


async def test_filter_values_cannot_break_out_of_the_query(cli: Cli) -> None:
    mark = (await cli.identify()).removeprefix("c-")
    ids = [
        f"{mark}",
        f"{mark}'",
        f"{mark}' OR Journey = 'abandoned-cart",
        f'{mark}"',
        f"{mark}\\",
        f"{mark}\\'",
        f"{mark}%",
        f"{mark}:x",
        f"'{mark}",
    ]
    for customer in ids:
        await cli.identify(customer)
        await cli.sojourn.publish(ProductAdded(customer_id=customer, cart_id="k", product_id="p"))
    for customer in ids:
        answer = await cli.until(
            "runs", "--customer", customer, "--json", holds=lambda a: len(a.json) > 0
        )
        assert [(run["customer_id"], run["key"]) for run in answer.json] == [(customer, "k")]


async def test_an_unknown_journey_of_runs_offers_the_nearest_name(cli: Cli) -> None:
    answer = await cli("runs", "--journey", "abandoned-kart")
    assert (answer.code, answer.out) == (2, "")
    assert answer.fault == 'no journey "abandoned-kart": did you mean "abandoned-cart"?'


@pytest.mark.parametrize("arguments", [("--open", "--closed"), ("--limit", "0"), ("--nope",)])
async def test_wrong_usage_of_runs_is_one_line(cli: Cli, arguments: tuple[str, ...]) -> None:
    answer = await cli("runs", *arguments)
    assert answer.code == 2
    assert arguments[0].lstrip("-") in answer.fault


async def test_a_missing_server_is_one_line(offline: Cli) -> None:
    answer = await offline("runs", "--json")
    assert (answer.code, answer.out) == (1, "")
    assert "no Temporal server answers at 127.0.0.1:1" in answer.fault


async def test_a_missing_namespace_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "nowhere")
    answer = await cli("runs")
    assert answer.code == 1
    assert "Namespace nowhere is not found" in answer.fault


async def test_an_empty_list_of_runs_says_so(cli: Cli) -> None:
    answer = await cli("runs", "--customer", "c-without-runs")
    assert (answer.code, answer.out) == (0, "no such run\n")


async def test_runs_of_a_joined_customer_are_found_by_either_id(cli: Cli) -> None:
    old, ada = await cli.identify(), await cli.identify()
    for customer_id, cart in ((old, "o"), (ada, "a")):
        await cli.sojourn.publish(
            ProductAdded(customer_id=customer_id, cart_id=cart, product_id="p")
        )
    await cli.sojourn.alias(Alias(old, ada, "alias", datetime.now(UTC)))
    for name in (old, ada):
        answer = await cli.until(
            "runs", "--customer", name, "--json", holds=lambda a: len(a.json) == 2
        )
        assert {run["workflow_id"] for run in answer.json} == {
            f"abandoned-cart:{old}:o",
            f"abandoned-cart:{ada}:a",
        }
    explained = (await cli("explain", ada)).out
    waits = "wait 24 h after the last Product Added"
    assert explained.count(waits) == 4, "two runs, each among the runs and in the order of events"
