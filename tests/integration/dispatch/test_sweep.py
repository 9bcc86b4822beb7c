"""The sweep reaches everybody: oldest first, past what fails; what cannot be told is set aside."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError, RPCStatusCode

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.dispatch.quarantine import mend, redrive
from sojourn.dispatch.routing import Target
from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.keys import Reach
from sojourn.domain.messages import Delivery
from sojourn.settings import Settings
from sojourn.store import Store, events, people, quarantine, runs
from sojourn.store.tables import EventRow, QuarantineRow
from tests.support.project import PROJECT
from tests.support.rows import delivery_of

AGO = timedelta(minutes=10)
PRODUCT = {"cart_id": "k", "product_id": "p"}
BAD = {"cart_id": "k", "product_id": "p", "price": "not a price"}


@pytest_asyncio.fixture(loop_scope="session")
async def sojourn(temporal: Server, migrated_url: str) -> AsyncIterator[Sojourn]:
    async with await Store.open(migrated_url) as store:
        client = temporal.client
        yield Sojourn(client, store, Settings(), PROJECT, task_queue=f"nobody-serves-{uuid4()}")


async def left(
    sojourn: Sojourn,
    customers: Sequence[str],
    properties: dict[str, Any],
    *,
    ago: timedelta = AGO,
    name: str = "Product Added",
) -> list[EventRow]:
    """Store events whose runs nobody has told, as a crash leaves them."""
    at = datetime.now(UTC) - ago
    rows = [
        EventRow(
            message_id=f"left-{uuid4()}",
            customer_id=customer,
            name=name,
            occurred_at=at,
            received_at=at,
            properties=properties,
        )
        for customer in customers
    ]
    async with sojourn.store.transaction() as session:
        await people.lock_all(session, customers)
        await events.add_all(session, rows)
    return rows


async def waiting(sojourn: Sojourn, customers: Sequence[str]) -> set[str]:
    async with sojourn.store.reading() as session:
        return set(await events.unrouted(session, customers))


async def kept(sojourn: Sojourn) -> Sequence[QuarantineRow]:
    async with sojourn.store.reading() as session:
        return await quarantine.listed(session)


async def begun(sojourn: Sojourn, customer: str) -> list[str]:
    """Return the enrolments of a customer's runs, and end the runs."""
    async with sojourn.store.reading() as session:
        found = await runs.of_customer(session, customer)
    for run in found:
        with suppress(RPCError):
            await sojourn.client.get_workflow_handle(run.workflow_id).terminate()
    return [run.enrolment for run in found]


async def test_customers_whose_events_cannot_be_read_do_not_hold_up_those_behind_them(
    sojourn: Sojourn,
) -> None:
    """More than one page of them, each older than the good one, as after a stricter class."""
    bad = [f"bad{number:04d}" for number in range(600)]
    await left(sojourn, bad, BAD)
    (good,) = await left(sojourn, ["zgood"], PRODUCT)
    assert await sojourn.sweep() == 1
    assert await begun(sojourn, "zgood") == [good.message_id]
    assert await waiting(sojourn, [*bad, "zgood"]) == set()
    found = await kept(sojourn)
    assert len(found) == 600
    assert {(row.path, row.source) for row in found} == {("properties.price", "store")}
    assert await sojourn.sweep() == 0
    assert len(await kept(sojourn)) == 600


async def test_the_oldest_event_of_all_customers_goes_first(
    sojourn: Sojourn, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    async def reach(target: Target, plan: Any) -> None:
        order.append(plan.row.customer_id)

    monkeypatch.setattr(sojourn.teller, "reach", reach)
    monkeypatch.setattr("sojourn.dispatch.client.SWEEP_BATCH", 2)
    monkeypatch.setattr("sojourn.dispatch.sweeping.AT_ONCE", 1)
    for customer in ("z", "m", "a", "k", "b"):
        await left(sojourn, [customer], PRODUCT)
    await left(sojourn, ["a"], PRODUCT)
    assert await sojourn.sweep() == 6
    assert order == ["z", "m", "a", "a", "k", "b"]


async def test_a_run_that_cannot_be_told_now_does_not_end_the_sweep(
    sojourn: Sojourn, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = sojourn.teller.reach

    async def picky(target: Target, plan: Any) -> Any:
        if plan.row.customer_id == "busy":
            raise TemporalUnavailable("Temporal does not answer (deadline_exceeded)")
        return await reach(target, plan)

    await left(sojourn, ["busy"], PRODUCT, ago=timedelta(hours=3))
    await left(sojourn, ["fine"], PRODUCT)
    with monkeypatch.context() as patch:
        patch.setattr(sojourn.teller, "reach", picky)
        assert await sojourn.sweep() == 1
    assert len(await begun(sojourn, "fine")) == 1
    assert await waiting(sojourn, ["busy"]) == {"busy"}
    assert await kept(sojourn) == []  # it waits, however old it is: nothing is wrong with it
    assert await sojourn.sweep() == 1
    assert len(await begun(sojourn, "busy")) == 1


async def test_without_temporal_the_sweep_ends_and_sets_nothing_aside(sojourn: Sojourn) -> None:
    customers = [f"c{number}" for number in range(120)]
    await left(sojourn, customers, PRODUCT, ago=timedelta(hours=3))
    away = await Client.connect("127.0.0.1:1", lazy=True, data_converter=pydantic_data_converter)
    nobody = Sojourn(away, sojourn.store, Settings(), PROJECT)
    with pytest.raises(TemporalUnavailable):
        await nobody.sweep()
    assert await kept(sojourn) == []
    assert await waiting(sojourn, customers) == set(customers)


async def test_an_event_that_temporal_refuses_for_an_hour_is_set_aside_and_can_be_redriven(
    sojourn: Sojourn, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = sojourn.teller.reach

    async def picky(target: Target, plan: Any) -> Any:
        if plan.row.message_id == first.message_id:
            raise RPCError("blob size exceeds limit", RPCStatusCode.INVALID_ARGUMENT, b"")
        return await reach(target, plan)

    customers = ["young", "old"]
    (first,) = await left(sojourn, ["young"], PRODUCT)
    with monkeypatch.context() as patch:
        patch.setattr(sojourn.teller, "reach", picky)
        assert await sojourn.sweep() == 0
        assert await kept(sojourn) == []
        (first,) = await left(sojourn, ["old"], PRODUCT, ago=timedelta(hours=2))
        (behind,) = await left(sojourn, ["old"], {**PRODUCT, "cart_id": "second"})
        assert await sojourn.sweep() == 2  # young's, and the one behind the refused one
        (row,) = await kept(sojourn)
    assert "blob size exceeds limit" in row.reason
    assert await begun(sojourn, "old") == [behind.message_id]
    assert row.id is not None
    published = await redrive(sojourn, row.id)
    assert (published.message_id, published.runs) == (
        first.message_id,
        ("abandoned-cart:old:k",),
    )
    assert set(await begun(sojourn, "old")) == {first.message_id, behind.message_id}
    assert await waiting(sojourn, customers) == set()
    assert await kept(sojourn) == []


async def test_a_refusal_of_everything_sets_nothing_aside(
    sojourn: Sojourn, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(target: Target, plan: Any) -> None:
        raise next(errors)

    errors = iter(
        [
            RPCError("no right to do that", RPCStatusCode.PERMISSION_DENIED, b""),
            RPCError(
                "search attribute Journey is not defined", RPCStatusCode.INVALID_ARGUMENT, b""
            ),
        ]
    )
    monkeypatch.setattr(sojourn.teller, "reach", refused)
    await left(sojourn, ["a", "b"], PRODUCT, ago=timedelta(hours=2))
    assert await sojourn.sweep() == 0
    assert await waiting(sojourn, ["a", "b"]) == {"a", "b"}
    assert await kept(sojourn) == []


async def test_an_event_that_was_set_aside_is_mended_and_starts_its_run_once(
    sojourn: Sojourn,
) -> None:
    (bad,) = await left(sojourn, ["c1"], BAD)
    assert await sojourn.sweep() == 0
    (row,) = await kept(sojourn)
    assert row.id is not None
    await mend(
        sojourn.store,
        row.id,
        [("properties.price", 3), ("properties.currency", "EUR")],
        PROJECT.events,
    )
    published = await redrive(sojourn, row.id)
    assert not published.stored  # it was stored before
    assert published.runs == ("abandoned-cart:c1:k",)
    assert await begun(sojourn, "c1") == [bad.message_id]
    async with sojourn.store.reading() as session:
        stored = await events.find(session, bad.message_id)
    assert stored is not None
    assert (stored.aside_at, stored.properties["price"]) == (None, 3)
    assert stored.routed_at is not None
    assert await sojourn.sweep() == 0


async def test_an_event_whose_class_is_gone_is_set_aside(sojourn: Sojourn) -> None:
    await left(sojourn, ["c1"], {}, name="Level Reached")
    (good,) = await left(sojourn, ["c1"], PRODUCT)
    assert await sojourn.sweep() == 1
    assert await begun(sojourn, "c1") == [good.message_id]
    (row,) = await kept(sojourn)
    assert (row.name, row.path) == ("Level Reached", "event")


async def test_a_purchase_that_cannot_be_read_is_seen_by_the_gate(
    sojourn: Sojourn,
) -> None:
    """Nobody can read what was bought; that something was is enough to send no reminder."""
    await left(sojourn, ["c1"], {"cart_id": "k", "total": {}}, name="Order Completed")
    await left(sojourn, ["c1"], BAD)
    delivery: Delivery = delivery_of("c1")
    async with sojourn.store.reading() as session:
        found = await events.newer(
            session,
            "c1",
            ["Order Completed", "Product Added"],
            than=delivery.start,
            reach=Reach("cart_id"),
            key="k",
            known=PROJECT.events,
            regardless=["Order Completed"],
        )
    assert [(h.name, h.fields) for h in found] == [("Order Completed", {"cart_id": "k"})]
