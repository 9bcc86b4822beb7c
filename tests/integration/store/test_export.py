"""An export has all that is held of a person, under each of their ids, and of nobody else."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlmodel import SQLModel

from sojourn.dispatch import quarantine as quarantining
from sojourn.domain.errors import BadEvent, UnknownName
from sojourn.domain.messages import Channel
from sojourn.store import Store, addresses, joining, quarantine, refusals, suppressions, tickets
from sojourn.store.rights.exporting import exported
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.rights.register import Find
from sojourn.store.tables import QuarantineRow, ReportRow, RestrictionRow, RunRow
from tests.support.rows import NOON, claimed, event_row, identify, keep, submit


async def export(store: Store, customer_id: str, page: int = 500) -> Any:
    async with store.reading() as session:
        return json.loads("".join([p async for p in exported(session, customer_id, page=page)]))


def _call(number: int, customer_id: str, call: dict[str, Any], source: str = "w1") -> QuarantineRow:
    return QuarantineRow(
        digest=f"{customer_id} {number}",
        call=call,
        name="Order Completed",
        path="properties.total",
        reason="must be a number",
        source=source,
        received_at=NOON,
    )


LIVED = {
    "contents", "attempts", "reports", "quarantine", "suppressions", "refusals", "identify_calls",
    "events", "addresses", "consents", "tickets", "restrictions", "runs", "ledger", "customers",
}  # fmt: skip
"""Tables that `lived` writes to."""


async def lived(store: Store, ada: str, anonymous: str) -> None:
    """Let a customer have a row in every table that holds anything of customers."""
    await identify(store, ada, 0, email=f"{ada}@old.example", first_name="Ada", plan="pro")
    await identify(
        store,
        ada,
        1,
        email=f"Ada.{ada}@new.example",
        phone="+39 333 123 4567",
        marketingConsent={"email": True},
    )
    await keep(store, event_row(anonymous))
    row = event_row(ada, name="Order Completed")
    row.as_sent = {"event": "order_completed", "properties": {"coupon": f"for {ada}"}}
    await keep(store, row)
    async with store.transaction() as session:
        await joining.join(session, anonymous, ada, at=NOON)
    sent = await claimed(store, ada)
    assert await submit(store, sent, 1)
    async with store.transaction() as session:
        session.add(
            ReportRow(
                provider="postmark",
                event_id=f"r-{ada}",
                ledger_id=sent,
                kind="bounced",
                at=NOON,
                received_at=NOON,
                detail="no such mailbox",
            )
        )
        session.add(
            RunRow(
                workflow_id=f"abandoned-cart:{ada}:c",
                run_id=ada,
                journey="abandoned-cart",
                customer_id=ada,
                enrolment="e",
                started_at=NOON,
            )
        )
        session.add(RestrictionRow(customer_id=ada, at=NOON, why="asked", by="anna"))
        await tickets.keep(session, name=f"t-{ada}", customer_id=ada, run="r", subject="call")
        await suppressions.add(
            session,
            Channel.EMAIL,
            f"{ada}@OLD.example",
            because="bounced",
            at=NOON,
            source="postmark:1",
        )
        await refusals.add(
            session, Channel.EMAIL, f"ada.{ada}@new.example", topic="", at=NOON, source="link"
        )
        for number, call in enumerate(
            (
                {"type": "track", "userId": anonymous, "properties": {"total": "much"}},
                {"type": "track", "properties": {"to": f"Ada <ADA.{ada}@new.example>"}},
                {"type": "track", "userId": f"{ada}-other", "properties": {}},
            )
        ):
            await quarantine.add(session, _call(number, ada if number < 2 else ada[::-1], call))


async def test_an_export_has_rows_of_every_table_that_holds_anything(
    store: Store, customer_id: str
) -> None:
    await lived(store, customer_id, f"anon-{customer_id}")
    told = await export(store, f"anon-{customer_id}")
    assert (told["format"], told["version"]) == ("sojourn-customer", 1)
    assert (told["customer_id"], told["ids"]) == (customer_id, [customer_id, f"anon-{customer_id}"])
    assert f"{customer_id}@old.example" in told["addresses"], "an address of the past"
    held = told["held"]
    assert list(held) == [n for n, holding in HOLDINGS.items() if holding.find is not Find.NOBODY]
    assert {name for name, rows in held.items() if rows} >= LIVED
    assert {row["name"] for row in held["events"]} == {"Product Added", "Order Completed"}
    assert {str(row["as_sent"]) for row in held["events"]} == {
        "None",
        str({"event": "order_completed", "properties": {"coupon": f"for {customer_id}"}}),
    }
    assert held["contents"][0]["content"]["text"] == "hello"
    assert held["attempts"][0]["state"] == "submitting"
    assert held["reports"][0]["detail"] == "no such mailbox"
    assert held["ledger"][0]["due_at"] == "2024-01-08T12:00:00Z"
    assert [row["digest"] for row in held["quarantine"]] == [f"{customer_id} 0", f"{customer_id} 1"]
    assert len(held["identify_calls"]) == 2
    assert len(held["customers"]) == 2


async def test_an_export_has_every_column_of_a_table(store: Store, customer_id: str) -> None:
    await lived(store, customer_id, f"anon-{customer_id}")
    for name, rows in (await export(store, customer_id))["held"].items():
        if rows:
            assert list(rows[0]) == SQLModel.metadata.tables[name].columns.keys()


async def test_an_export_has_nothing_of_somebody_else(store: Store, customer_id: str) -> None:
    await lived(store, customer_id, f"anon-{customer_id}")
    other = customer_id[::-1]
    await identify(store, other, 0, email=f"{other}@else.example")
    await keep(store, event_row(other))
    assert other not in json.dumps(await export(store, customer_id))
    assert customer_id not in json.dumps(await export(store, other))


async def test_small_pages_tell_the_same(store: Store, customer_id: str) -> None:
    await lived(store, customer_id, f"anon-{customer_id}")
    for _ in range(5):
        await keep(store, event_row(customer_id))
    whole, paged = [await export(store, customer_id, page) for page in (500, 1)]
    assert paged["held"] == whole["held"]
    assert len(paged["held"]["events"]) == 7


async def test_calls_from_before_their_customer_was_kept_are_found(
    store: Store, customer_id: str
) -> None:
    await identify(store, customer_id, 0, email=f"{customer_id}@old.example")
    async with store.transaction() as session:
        (said,) = await addresses.history(session, customer_id)
        found = SQLModel.metadata.tables["identify_calls"]
        await session.exec(
            found.update().where(found.c.message_id == said.source).values(customer_id=None)
        )
    (heard,) = (await export(store, customer_id))["held"]["identify_calls"]
    assert heard["message_id"] == said.source


async def test_a_shops_request_in_quarantine_is_found_by_the_shops_own_id(store: Store) -> None:
    number = str(abs(hash(datetime.now(UTC))) % 10**12)
    ada = f"shopify:{number}"
    await identify(store, ada, 0, first_name="Ada")
    call = {
        "source": "shopify",
        "about": "orders/paid",
        "id": number,
        "body": {"customer": {"id": int(number)}},
    }
    await quarantining.keep_request(
        store, call, BadEvent("total", "is missing"), source="shopify", name="shopify orders/paid"
    )
    (kept,) = (await export(store, ada))["held"]["quarantine"]
    assert kept["call"] == call


async def test_an_unknown_customer_has_no_export(store: Store) -> None:
    with pytest.raises(UnknownName, match='customer "nobody"'):
        await export(store, "nobody")
