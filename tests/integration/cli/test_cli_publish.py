"""`sojourn publish` takes one event, or a file of Segment calls."""

import json
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sojourn.store import cards, events
from tests.support.cli_stack import Cli

WHEN = "2024-01-04T11:45:38Z"


def call(kind: str, customer: str | None, **more: Any) -> dict[str, Any]:
    owner = {} if customer is None else {"userId": customer}
    return {"type": kind, "messageId": str(uuid4()), "timestamp": WHEN, **owner, **more}


def write(path: Path, *calls: dict[str, Any] | str) -> Path:
    path.write_text("\n".join(c if isinstance(c, str) else json.dumps(c) for c in calls))
    return path


async def names_of(cli: Cli, customer: str) -> list[str]:
    async with cli.store.reading() as session:
        return [row.name for row in await events.of_customer(session, customer)]


# ---- one event ---------------------------------------------------------------------------------


async def test_one_event_says_which_runs_it_reached(cli: Cli) -> None:
    ada = await cli.identify()
    await cli("start", "abandoned-cart", ada, "cart_id=k", "product_id=p")
    answer = await cli("publish", "Order Completed", ada, "order_id=o", "cart_id=k", "total=9.90")
    assert answer.code == 0
    assert answer.out.endswith(f"and reached abandoned-cart:{ada}:k\n")
    await cli.until("runs", "--customer", ada, holds=lambda a: "converted" in a.out)


async def test_an_event_without_a_run_says_who_would_hear_it(cli: Cli) -> None:
    ada = await cli.identify()
    answer = await cli("publish", "Account Activated", ada)
    assert "onboarding would hear it, but has no run it concerns" in answer.out
    answer = await cli("publish", "Product Removed", ada, "product_id=p")
    assert "no journey listens to it" in answer.out


async def test_a_run_that_has_ended_is_not_said_to_be_reached(cli: Cli) -> None:
    ada = await cli.identify()
    buy = ("publish", "Order Completed", ada, "order_id=o", "cart_id=k", "--json")
    await cli("start", "abandoned-cart", ada, "cart_id=k", "product_id=p")
    assert (await cli(*buy)).json["runs"] == [f"abandoned-cart:{ada}:k"]
    await cli.until("runs", "--customer", ada, holds=lambda a: "converted" in a.out)
    assert (await cli(*buy)).json["runs"] == []


async def test_publishing_an_id_twice_stores_it_once(cli: Cli) -> None:
    ada, same = await cli.identify(), str(uuid4())
    publish = ("publish", "Feature Used", ada, "feature=search", "--id", same)
    assert (await cli(*publish, "--json")).json["stored"] is True
    assert (await cli(*publish, "--json")).json["stored"] is False
    assert (await cli(*publish)).out.startswith("nothing new:")
    assert await names_of(cli, ada) == ["Feature Used"]


async def test_publish_takes_objects_as_json(cli: Cli) -> None:
    ada = await cli.identify()
    products = '[{"product_id": 7, "price": 1.5}]'
    await cli("publish", "Order Completed", ada, "order_id=7", f"products={products}", "--at", WHEN)
    async with cli.store.reading() as session:
        (row,) = await events.of_customer(session, ada)
    assert row.properties["order_id"] == "7"
    assert row.properties["products"][0]["price"] == 1.5
    assert row.occurred_at.isoformat() == "2024-01-04T11:45:38+00:00"


async def test_an_unknown_event_is_published_with_anyway_alone(cli: Cli) -> None:
    ada = await cli.identify()
    answer = await cli("publish", "Order Complete", ada)
    assert (answer.code, answer.fault) == (
        2,
        'no event "Order Complete": did you mean "Order Completed"?',
    )
    answer = await cli("publish", "Poll Answered", ada, "stars=5", "why=great", "--anyway")
    assert (answer.code, await names_of(cli, ada)) == (0, ["Poll Answered"])
    async with cli.store.reading() as session:
        (row,) = await events.of_customer(session, ada)
    assert row.properties == {"stars": 5, "why": "great"}


async def test_an_unknown_field_is_published_with_anyway_alone(cli: Cli) -> None:
    ada = await cli.identify()
    answer = await cli("publish", "Order Completed", ada, "order_id=1", "cart=k")
    assert answer.code == 2
    assert 'did you mean "cart_id"?' in answer.fault
    assert await names_of(cli, ada) == []
    assert (
        await cli("publish", "Order Completed", ada, "order_id=1", "cart=k", "--anyway")
    ).code == 0


async def test_an_unidentified_customer_is_mentioned(cli: Cli) -> None:
    answer = await cli("publish", "Account Activated", f"c-{uuid4().hex}")
    assert answer.code == 0
    assert "is not identified" in answer.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "give an event and a customer"),
        (("Order Completed",), "give an event and a customer"),
        (("Order Completed", "c"), "order_id: field required"),
        (("Order Completed", "c", "order_id=1", "total=much"), "total: "),
        (("Order Completed", "c", "--file", "x"), "leave out EVENT"),
        (("--file", "x", "--rate", "0"), "--rate 0: must be above 0"),
        (("--file", "/nowhere"), "cannot read /nowhere: No such file"),
    ],
)
async def test_wrong_usage_of_publish_is_one_line(
    cli: Cli, arguments: tuple[str, ...], says: str
) -> None:
    answer = await cli("publish", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.fault


# ---- a file of calls ---------------------------------------------------------------------------


async def test_a_file_is_counted_and_can_be_published_again(cli: Cli, tmp_path: Path) -> None:
    ada = f"c-{uuid4().hex}"
    file = write(
        tmp_path / "calls.jsonl",
        call("identify", ada, traits={"email": "ada@example.com"}),
        call("track", ada, event="Signed Up"),
        call("track", ada, event="Page Scrolled", properties={"deep": {"er": 1}}),
        "",
        call("page", ada),
    )
    answer = await cli("publish", "--file", file, "--json")
    assert answer.code == 0
    assert answer.json == {
        "read": 4, "identified": 1, "joined": 0, "stored": 2, "repeated": 0, "ignored": 1,
        "rejected": [], "left_out": [],
    }  # fmt: skip
    again = (await cli("publish", "--file", file, "--json")).json
    assert (again["stored"], again["repeated"]) == (0, 2)
    assert sorted(await names_of(cli, ada)) == ["Page Scrolled", "Signed Up"]
    async with cli.store.reading() as session:
        found = await cards.find(session, ada)
    assert found is not None
    assert found.known


async def test_a_file_keeps_the_order_of_each_customers_events(cli: Cli, tmp_path: Path) -> None:
    people = [f"c-{uuid4().hex}" for _ in range(3)]
    names = [f"Step {n}" for n in range(8)]
    file = write(
        tmp_path / "calls.jsonl",
        *(call("track", person, event=name) for name in names for person in people),
    )
    await cli("publish", "--file", file)
    for person in people:
        assert (
            await names_of(cli, person) == names
        )  # events of one moment keep their order of arrival


async def test_bad_lines_of_a_file_are_listed_and_not_stored(cli: Cli, tmp_path: Path) -> None:
    ada = await cli.identify()
    file = write(
        tmp_path / "calls.jsonl",
        "{broken",
        call("track", ada, event="Product Added", properties={"product_id": "p", "price": "x"}),
        call("track", None, event="Signed Up"),
        call("track", ada, event="Feature Used", properties={"feature": "search"}),
        call("identify", ada, traits={"email": "no address"}),
        "[]",
    )
    answer = await cli("publish", "--file", file, "--json")
    assert answer.code == 1
    bad = {line["line"]: line["reason"] for line in answer.json["rejected"]}
    assert list(bad) == [1, 2, 3, 5, 6]
    assert bad[2].startswith("properties.price: ")
    assert bad[3] == "userId: is missing: a call needs userId or anonymousId"
    assert bad[5].startswith("traits.email: ")
    assert await names_of(cli, ada) == ["Feature Used"]
    listed = await cli("publish", "--file", file)
    assert (listed.code, listed.out.count("  line ")) == (1, 5)


@pytest.mark.parametrize("arguments", [("-",), ("--file", "-")])
async def test_publish_reads_calls_from_standard_input(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    ada = await cli.identify()
    file = write(tmp_path / "calls.jsonl", call("track", ada, event="Page Scrolled"))
    with file.open() as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        answer = await cli("publish", *arguments, "--json")
    assert (answer.code, answer.json["stored"]) == (0, 1)
    assert await names_of(cli, ada) == ["Page Scrolled"]


# ---- Temporal is away --------------------------------------------------------------------------


async def test_an_event_is_stored_while_temporal_is_away_and_it_is_said(offline: Cli) -> None:
    ada = await offline.identify()
    answer = await offline("publish", "Product Added", ada, "product_id=p", "cart_id=k")
    assert answer.code == 0
    assert answer.out.startswith('"Product Added" is stored (message id ')
    assert "Temporal is away, and runs are told by the next sweep of a worker" in answer.err
    answer = await offline("publish", "Product Added", ada, "product_id=q", "cart_id=k", "--json")
    assert (answer.json["stored"], answer.json["told"]) == (True, False)
    assert await names_of(offline, ada) == ["Product Added"] * 2


async def test_a_file_is_stored_while_temporal_is_away_and_it_is_said(
    offline: Cli, tmp_path: Path
) -> None:
    added = [
        call("track", who, event="Product Added", properties={"product_id": "p", "cart_id": f"{n}"})
        for who in ("ada", "bob")
        for n in range(20)
    ]
    joined = call("alias", "ada", previousId="bob")
    file = write(tmp_path / "calls.jsonl", *added, joined)
    answer = await offline("publish", "--file", str(file))
    assert answer.code == 0, answer.err
    assert "Temporal is away, and runs are told by the next sweep of a worker" in answer.err
    stored = [name for who in ("ada", "bob") for name in await names_of(offline, who)]
    assert stored == ["Product Added"] * 40
