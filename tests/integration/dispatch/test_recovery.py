"""After a restore of Temporal, lost runs are found, shown, and entered with their own enrolment."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copy
from typing import Any
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from sojourn.dispatch import Sojourn
from sojourn.domain.events import Event
from sojourn.events import AccountActivated, OrderCompleted, ProductAdded, SignedUp
from sojourn.settings import Settings
from sojourn.store import Store, events, ledger, people, runs
from sojourn.store.tables import EventRow, LedgerRow, RunRow
from tests.support.cli_stack import Cli

A_DAY_AGO = timedelta(hours=24, minutes=1)
"""A cart that was left then is reminded at once."""


def added(customer: str, ago: timedelta = A_DAY_AGO, cart: str = "k") -> ProductAdded:
    return ProductAdded(
        customer_id=customer,
        cart_id=cart,
        product_id="p",
        occurred_at=datetime.now(UTC) - ago,
    )


async def rows(cli: Cli, customer: str) -> list[LedgerRow]:
    async with cli.store.reading() as session:
        return list(await ledger.of_customer(session, customer))


async def noted(cli: Cli, customer: str) -> list[RunRow]:
    async with cli.store.reading() as session:
        return list(await runs.of_customer(session, customer))


async def until(holds: Callable[[], Any]) -> None:
    deadline = asyncio.get_running_loop().time() + 20
    while not await holds():
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)


async def sent(cli: Cli, customer: str, count: int) -> None:
    async def enough() -> bool:
        return sum(row.state == "sent" for row in await rows(cli, customer)) == count

    await until(enough)


async def waits(cli: Cli, workflow_id: str) -> None:
    """Wait until the run sleeps."""

    async def asleep() -> bool:
        status = await cli.sojourn.client.get_workflow_handle(workflow_id).query("status")
        return status["until"] is not None

    await until(asleep)


async def lose(cli: Cli, workflow_id: str, run_id: str = "") -> None:
    """Delete a run from Temporal, as a restore of an older backup does."""
    client = cli.sojourn.client
    asked = DeleteWorkflowExecutionRequest(
        namespace=client.namespace,
        workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
    )

    async def gone() -> bool:
        with suppress(RPCError):  # gone by now, or a busy server has given the call up
            await client.workflow_service.delete_workflow_execution(asked)
        try:
            await client.get_workflow_handle(workflow_id, run_id=run_id or None).describe()
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND
        return False

    await until(gone)


async def of(cli: Cli, customer: str, *arguments: str) -> list[tuple[str, str]]:
    """Return the standings of a customer's runs, as the command tells them."""
    answer = await cli("recover", "--json", *arguments)
    assert answer.code == 0, answer
    return [
        (one["workflow_id"], one["standing"])
        for one in answer.json["runs"]
        if one["customer_id"] == customer
    ]


async def publish(cli: Cli, event: Event) -> None:
    await cli.sojourn.publish(event)


async def test_a_lost_run_is_shown_first_then_entered_and_sends_nothing_twice(cli: Cli) -> None:
    customer = await cli.identify()
    run = f"abandoned-cart:{customer}:k"
    event = added(customer)
    await publish(cli, event)
    await sent(cli, customer, 1)
    await waits(cli, run)
    assert await of(cli, customer) == []
    await lose(cli, run)
    assert await of(cli, customer) == [(run, "missing")]
    assert await of(cli, customer) == [(run, "missing")]  # looking changed nothing
    told = await cli("recover")
    assert run in told.out
    assert event.message_id in told.out
    assert "--enter" in told.out
    assert await of(cli, customer, "--enter") == [(run, "entered")]
    await waits(cli, run)
    assert [row.state for row in await rows(cli, customer)] == ["sent"]
    assert [row.enrolment for row in await noted(cli, customer)] == [event.message_id] * 2
    assert await of(cli, customer, "--enter") == []
    await publish(
        cli,
        OrderCompleted(customer_id=customer, cart_id="k", order_id="o"),
    )
    result = await cli.sojourn.client.get_workflow_handle(run).result()
    assert result["outcome"] == "converted"


async def test_a_lost_run_takes_no_old_news_for_new(cli: Cli) -> None:
    """A product that came in late, after the reminder of its cart, had begun no ladder."""
    customer = await cli.identify()
    run = f"abandoned-cart:{customer}:k"
    await publish(cli, added(customer))
    await sent(cli, customer, 1)
    await publish(cli, added(customer, A_DAY_AGO - timedelta(minutes=1)))
    await waits(cli, run)
    await lose(cli, run)
    assert await of(cli, customer, "--enter") == [(run, "entered")]

    async def asked() -> bool:
        status = await cli.sojourn.client.get_workflow_handle(run).query("status")
        return bool(status["messages"])

    await until(asked)
    assert [(row.step, row.state) for row in await rows(cli, customer)] == [("reminder", "sent")]


async def test_a_lost_run_whose_cart_was_bought_is_not_entered(cli: Cli) -> None:
    customer = await cli.identify()
    run = f"abandoned-cart:{customer}:k"
    await publish(cli, added(customer, timedelta(hours=1)))
    await waits(cli, run)
    await lose(cli, run)
    await publish(cli, OrderCompleted(customer_id=customer, cart_id="k", order_id="o"))
    assert await of(cli, customer, "--enter") in ([], [(run, "over")])
    assert len(await noted(cli, customer)) == 1


async def test_a_lost_run_knows_what_it_heard_before(cli: Cli) -> None:
    """Three carts were filled again: the plan begins with the newest product."""
    customer = await cli.identify()
    run = f"abandoned-cart:{customer}:k"
    first, second = added(customer, timedelta(hours=30)), added(customer, timedelta(hours=2))
    await publish(cli, first)
    await publish(cli, second)
    await waits(cli, run)
    await lose(cli, run)
    assert await of(cli, customer, "--enter") == [(run, "entered")]
    await waits(cli, run)
    status = await cli.sojourn.client.get_workflow_handle(run).query("status")
    due = datetime.fromisoformat(status["until"])
    assert abs(due - (second.occurred_at + timedelta(hours=24))) < timedelta(seconds=1)
    await cli.sojourn.client.get_workflow_handle(run).terminate()


async def test_a_lost_run_is_found_although_an_earlier_one_has_its_id(cli: Cli) -> None:
    customer = await cli.identify()
    run = f"abandoned-cart:{customer}:k"
    await publish(cli, added(customer, timedelta(hours=3)))
    await publish(
        cli,
        OrderCompleted(
            customer_id=customer,
            cart_id="k",
            order_id="o",
            occurred_at=datetime.now(UTC) - timedelta(hours=2),
        ),
    )
    await cli.sojourn.client.get_workflow_handle(run).result()
    again = added(customer, timedelta(hours=1))
    await publish(cli, again)
    newest = (await noted(cli, customer))[-1]
    assert newest.enrolment == again.message_id
    await waits(cli, run)
    await lose(cli, run, newest.run_id)
    assert await of(cli, customer, "--enter") == [(run, "entered")]
    assert (await noted(cli, customer))[-1].enrolment == again.message_id
    await cli.sojourn.client.get_workflow_handle(run).terminate()


async def test_a_run_that_temporal_may_have_forgotten_is_entered_only_when_told_since_when(
    cli: Cli,
) -> None:
    customer = await cli.identify()
    run = f"abandoned-cart:{customer}:k"
    long_ago = datetime.now(UTC) - timedelta(days=400)
    row = EventRow(
        message_id=f"old-{uuid4()}",
        customer_id=customer,
        name="Product Added",
        occurred_at=long_ago,
        received_at=long_ago,
        routed_at=long_ago,
        properties={"cart_id": "k", "product_id": "p"},
    )
    async with cli.store.transaction() as session:
        await people.lock(session, customer)
        await events.add(session, row)
        await runs.add(
            session,
            [
                RunRow(
                    workflow_id=run,
                    run_id=str(uuid4()),
                    journey="abandoned-cart",
                    customer_id=customer,
                    key="k",
                    enrolment=row.message_id,
                    started_at=long_ago,
                )
            ],
        )
    assert await of(cli, customer, "--enter") == [(run, "unclear")]
    since = (long_ago - timedelta(days=1)).isoformat()
    assert await of(cli, customer, "--since", since) == [(run, "missing")]


@pytest.mark.parametrize("behind", [timedelta(0), timedelta(minutes=1)])
async def test_an_open_run_is_told_again_what_arrived_since_the_backup(
    cli: Cli, behind: timedelta
) -> None:
    """Signals that came after the backup are lost; the run drops those that it has heard.

    An activation that a clock behind ours dated before the sign-up counts as it did then.
    """
    customer = await cli.identify()
    run = f"onboarding:{customer}"
    signed = SignedUp(customer_id=customer)
    await publish(cli, signed)
    await waits(cli, run)
    backup = datetime.now(UTC)
    moment = signed.occurred_at - behind if behind else datetime.now(UTC)
    activated = AccountActivated(customer_id=customer, occurred_at=moment)
    lost = EventRow(  # as if its signal had reached the Temporal that was lost
        message_id=activated.message_id,
        customer_id=customer,
        name=activated.event_name,
        occurred_at=activated.occurred_at,
        received_at=datetime.now(UTC),
        routed_at=datetime.now(UTC),
        properties={},
    )
    async with cli.store.transaction() as session:
        await people.lock(session, customer)
        await events.add(session, lost)
        # the run had ended over it, as the store has learnt
        (ended,) = await runs.maybe_open(session, customer)
        assert ended.id is not None
        await runs.mark_closed(session, [ended.id], datetime.now(UTC))

    async def signals() -> list[str]:
        history = await cli.sojourn.client.get_workflow_handle(run).fetch_history()
        return [
            event.workflow_execution_signaled_event_attributes.signal_name
            for event in history.events
            if event.HasField("workflow_execution_signaled_event_attributes")
        ]

    before = await signals()
    answer = await cli("recover", "--json", "--since", backup.isoformat())
    assert answer.json["told"] >= 1
    assert await signals() == before
    await cli("recover", "--since", backup.isoformat(), "--enter")
    assert await signals() == [*before, "Account Activated"]
    result = await cli.sojourn.client.get_workflow_handle(run).result()
    assert result["outcome"] == "converted"


async def test_a_run_whose_event_the_store_lost_is_listed(
    cli: Cli, tmp_path: Path, migrated_database: Path
) -> None:
    """The other store is the one that was restored: it knows nothing of the run."""
    copy(migrated_database, tmp_path / "other.db")
    settings = Settings(home=tmp_path, database_url=f"sqlite:///{tmp_path}/other.db")
    newer = await Store.open(settings.store_url)
    customer = f"c-{uuid4().hex[:10]}"
    run = f"abandoned-cart:{customer}:k"
    event = added(customer, timedelta(hours=1))
    await Sojourn(cli.sojourn.client, newer, settings).publish(event)
    await newer.close()
    await cli.until("runs", "--customer", customer, holds=lambda answer: run in answer.out)
    assert await of(cli, customer) == [(run, "event missing")]
    told = await cli("recover")
    assert event.message_id in told.out
    await cli.sojourn.client.get_workflow_handle(run).terminate()


async def test_a_moment_that_lies_ahead_is_refused(cli: Cli) -> None:
    answer = await cli("recover", "--since", "2190-01-01T00:00:00Z")
    assert (answer.code, answer.fault) == (
        2,
        '--since "2190-01-01T00:00:00Z" lies ahead: name a moment that has been',
    )
