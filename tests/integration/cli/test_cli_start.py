"""`sojourn start` starts one customer, or a file of customers, and is safe to repeat."""

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sojourn.domain.events import OrderCompleted
from sojourn.store import events, runs
from sojourn.store.tables import EventRow
from tests.support.cli_stack import Cli

CART = ("abandoned-cart",)


async def events_of(cli: Cli, customer: str) -> list[EventRow]:
    async with cli.store.reading() as session:
        return list(await events.of_customer(session, customer))


async def runs_of(cli: Cli, customer: str) -> list[str]:
    async with cli.store.reading() as session:
        return [row.workflow_id for row in await runs.of_customer(session, customer)]


def write(path: Path, *records: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(record) for record in records))
    return path


# ---- one customer ------------------------------------------------------------------------------


async def test_start_begins_a_run_of_one_customer(cli: Cli) -> None:
    ada = await cli.identify()
    answer = await cli("start", "abandoned-cart", ada, "cart_id=007", "product_id=1e5", "price=5")
    assert answer.code == 0
    assert answer.out.startswith(f'started abandoned-cart:{ada}:007 by "Product Added" (message id')
    assert await runs_of(cli, ada) == [f"abandoned-cart:{ada}:007"]
    (stored,) = await events_of(cli, ada)
    assert stored.properties["product_id"] == "1e5"
    assert stored.properties["price"] == "5"


async def test_start_leaves_an_open_run_alone(cli: Cli) -> None:
    ada = await cli.identify()
    await cli("start", "abandoned-cart", ada, "cart_id=k", "product_id=p")
    answer = await cli("start", "abandoned-cart", ada, "cart_id=k", "product_id=p", "--json")
    assert answer.json["standing"] == "running"
    assert len(await events_of(cli, ada)) == 1
    assert (
        "is on already"
        in (await cli("start", "abandoned-cart", ada, "cart_id=k", "product_id=p")).out
    )


async def test_starting_with_the_same_id_starts_once(cli: Cli) -> None:
    ada, same = await cli.identify(), str(uuid4())
    old = (datetime.now(UTC) - timedelta(days=30)).isoformat()
    start = ("start", "onboarding", ada, "--id", same, "--at", old)
    assert (await cli(*start, "--json")).json["standing"] == "started"
    answer = await cli(*start)
    assert (answer.code, answer.out) == (
        0,
        f"nothing new: an event with the id {same} was published before\n",
    )
    (stored,) = await events_of(cli, ada)
    assert stored.occurred_at.isoformat() == old


async def test_a_dry_run_publishes_nothing(cli: Cli) -> None:
    ada = await cli.identify()
    answer = await cli("start", "onboarding", ada, "--dry-run")
    assert (answer.code, answer.out) == (0, f'would start onboarding:{ada} by "Signed Up"\n')
    assert await events_of(cli, ada) == []


async def test_start_says_that_the_goal_was_reached_since(cli: Cli) -> None:
    ada = await cli.identify()
    await cli.sojourn.publish(OrderCompleted(customer_id=ada, order_id="o", cart_id="k"))
    past = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    answer = await cli(
        "start", "abandoned-cart", ada, "cart_id=k", "product_id=p", "--at", past, "--json"
    )
    assert answer.json["standing"] == "over"


async def test_start_refuses_unidentified_customers_without_anyway(cli: Cli) -> None:
    nobody = f"c-{uuid4().hex}"
    answer = await cli("start", "onboarding", nobody)
    assert (answer.code, answer.out) == (2, "")
    assert f'no customer "{nobody}"' in answer.fault
    assert await events_of(cli, nobody) == []
    assert (await cli("start", "onboarding", nobody, "--anyway")).code == 0
    assert await runs_of(cli, nobody) == [f"onboarding:{nobody}"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("abandoned-kart",), 'did you mean "abandoned-cart"?'),
        (("abandoned-cart",), '"Product Added", which needs cart_id and product_id; it may have'),
        (("abandoned-cart", "c", "product_id=p"), "cart_id missing: abandoned-cart starts on"),
        (("abandoned-cart", "c", "cart_id=", "product_id=p"), "cart_id missing"),
        (("abandoned-cart", "c", "cart_id=k", "product=p"), 'did you mean "product_id"?'),
        (("abandoned-cart", "c", "cart_id=k", "product_id=p", "price=x"), "price: "),
        (("abandoned-cart", "c", "cart_id"), '"cart_id" is not a field: write field=value'),
        (("abandoned-cart", "c", "cart_id=1", "cart_id=2"), "given twice"),
        (("renewal", "c", "subscription_id=s", "expires_at=soon"), "expires_at: write a moment"),
        (("onboarding", "c\n"), "customer_id: has a control character"),
        (("onboarding", "c", "--at", "yesterday"), '--at "yesterday"'),
        (("onboarding", "c", "--at", "2190-01-01T00:00:00Z"), "lies ahead"),
        (("onboarding", "c", "--file", "x"), "leave out CUSTOMER"),
        (("onboarding", "--file", "x", "--rate", "0"), "--rate 0: must be above 0"),
        (("onboarding", "--file", "x", "--rate", "-3"), "--rate -3: must be above 0"),
        (("onboarding", "--file", "x", "--rate", "nan"), "--rate nan: must be above 0"),
    ],
)
async def test_wrong_usage_of_start_is_one_line(
    offline: Cli, arguments: tuple[str, ...], says: str
) -> None:
    answer = await offline("start", *arguments)
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.fault


async def test_start_without_a_server_is_one_line(offline: Cli) -> None:
    ada = await offline.identify()
    answer = await offline("start", "onboarding", ada)
    assert answer.code == 1
    assert "no Temporal server answers" in answer.fault
    assert await events_of(offline, ada) == []


# ---- a file of them ----------------------------------------------------------------------------


async def test_a_file_starts_every_customer_once(cli: Cli, tmp_path: Path) -> None:
    customers = [await cli.identify() for _ in range(5)]
    file = write(tmp_path / "all.jsonl", *({"customer_id": c, "plan": "pro"} for c in customers))
    dry = await cli("start", "onboarding", "--file", file, "--dry-run", "--json")
    assert (dry.json["started"], dry.json["dry_run"]) == (5, True)
    assert await runs_of(cli, customers[0]) == []
    first = await cli("start", "onboarding", "--file", file, "--json")
    assert (first.code, first.json["started"], first.json["before"]) == (0, 5, 0)
    assert first.json["event"] == "Signed Up"
    second = await cli("start", "onboarding", "--file", file, "--json")
    assert (second.code, second.json["started"], second.json["before"]) == (0, 0, 5)
    for customer in customers:
        assert await runs_of(cli, customer) == [f"onboarding:{customer}"]
        assert len(await events_of(cli, customer)) == 1


async def test_a_line_is_told_by_its_content_not_by_its_spelling(cli: Cli, tmp_path: Path) -> None:
    ada = await cli.identify()
    line = {"customer_id": ada, "cart_id": "5", "product_id": 7, "quantity": 2, "note": "x"}
    await cli("start", *CART, "--file", write(tmp_path / "a.jsonl", line))
    for name, text in {
        "same.csv": f"product_id,customer_id,quantity,cart_id\n7,{ada},2,5\n",
        "same.jsonl": json.dumps(
            {"cart_id": 5, "product_id": "7", "quantity": "2"} | {"customer_id": ada}
        ),
    }.items():
        (tmp_path / name).write_text(text)
        answer = await cli("start", *CART, "--file", tmp_path / name, "--json")
        assert (answer.json["before"], answer.json["running"]) == (1, 0)
    other = write(tmp_path / "other.jsonl", {**line, "quantity": 3})
    assert (await cli("start", *CART, "--file", other, "--json")).json["running"] == 1


async def test_bad_lines_are_listed_and_the_other_lines_start(cli: Cli, tmp_path: Path) -> None:
    ada, bea = await cli.identify(), await cli.identify()
    file = tmp_path / "carts.csv.gz"
    rows = [
        "customer_id,cart_id,product_id,price,colour",
        f"{ada},k1,p,5.50,red",
        f"{ada},k2,p,cheap,",
        "",
        "stranger,k,p,,",
        f"{bea},,p,,",
        f"{bea},k",
        ",k,p,,",
        f'{bea},k3,"a name\nof two lines",,',
        f"{bea},k4,p,,",
        f"{bea},k4,p,,",
        f"{bea},k4,q,,",
    ]
    file.write_bytes(gzip.compress("\n".join(rows).encode()))
    answer = await cli("start", *CART, "--file", file, "--json")
    assert answer.code == 1
    bad = {line["line"]: line["reason"] for line in answer.json["rejected"]}
    assert list(bad) == [3, 5, 6, 7, 8, 9, 13]
    assert bad[3].startswith("price: ")
    assert 'no customer "stranger"' in bad[5]
    assert bad[6] == "missing: cart_id"
    assert bad[7] == "has 2 cells, the header has 5"
    assert bad[8] == "customer_id is missing"
    assert bad[9] == "product_id: has a control character"
    assert bad[13] == f"line 11 starts abandoned-cart:{bea}:k4 already, with other fields"
    assert answer.json["unused"] == ["colour"]
    assert (answer.json["read"], answer.json["started"], answer.json["before"]) == (10, 2, 1)
    assert await runs_of(cli, ada) == [f"abandoned-cart:{ada}:k1"]
    assert await runs_of(cli, bea) == [f"abandoned-cart:{bea}:k4"]
    assert len(await events_of(cli, ada)) == 1
    again = await cli("start", *CART, "--file", file)
    assert again.code == 1
    assert "  line 3: price: " in again.out
    assert 'for "Product Added" has no such field: colour' in again.out


async def test_start_reads_the_csv_of_a_spreadsheet(cli: Cli, tmp_path: Path) -> None:
    ada = await cli.identify()
    file = tmp_path / "export.csv"
    file.write_bytes(
        f"\ufeffcustomer_id;cart_id;product_id;name\r\n{ada};1;2;Lampa, duża\r\n".encode()
    )
    assert (await cli("start", *CART, "--file", file, "--json")).json["started"] == 1
    (stored,) = await events_of(cli, ada)
    assert stored.properties["name"] == "Lampa, duża"


async def test_starting_a_file_again_finishes_after_a_crash(cli: Cli, tmp_path: Path) -> None:
    ada = await cli.identify()
    file = write(tmp_path / "a.jsonl", {"customer_id": ada})
    await cli("start", "onboarding", "--file", file)
    async with cli.store.transaction() as session:
        (row,) = await events.of_customer(session, ada)
        row.routed_at = None
        session.add(row)
    answer = await cli("start", "onboarding", "--file", file, "--json")
    assert answer.json["started"] == 1
    (row,) = await events_of(cli, ada)
    assert row.routed_at is not None


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"customer_id,cart_id\nc,k\n", 'no column "product_id": it has customer_id, cart_id'),
        (b"id\nc\n", 'no column "customer_id"'),
        (b'[{"customer_id": "c"}]', "is a JSON array"),
        (gzip.compress(b"customer_id,cart_id,product_id\n" * 99, mtime=0)[:40], "cannot read"),
        (None, "No such file"),
    ],
)
async def test_an_unreadable_file_is_one_line(
    cli: Cli, tmp_path: Path, content: bytes | None, says: str
) -> None:
    file = tmp_path / "customers"
    if content is not None:
        file.write_bytes(content)
    answer = await cli("start", *CART, "--file", file, "--json")
    assert (answer.code, answer.out) == (2, "")
    assert says in answer.err.splitlines()[-1]


async def test_an_empty_file_starts_nobody(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "empty").write_text("\n")
    answer = await cli("start", *CART, "--file", tmp_path / "empty", "--json")
    assert (answer.code, answer.json["read"]) == (0, 0)
