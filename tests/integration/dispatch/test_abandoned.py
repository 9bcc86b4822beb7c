"""Messages of runs that somebody terminated are settled; those of open runs are left alone."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn
from sojourn.dispatch.abandoned import FORGOTTEN, Abandoned
from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.events import ProductAdded
from sojourn.domain.messages import Channel
from sojourn.domain.states import AttemptState, MessageState
from sojourn.settings import Settings
from sojourn.store import Store, ledger
from sojourn.store.tables import AttemptRow, LedgerRow
from tests.support.project import PROJECT
from tests.support.rows import delivery_of

AGO = timedelta(minutes=20)


@pytest_asyncio.fixture(loop_scope="session")
async def sojourn(temporal: Server, migrated_url: str) -> AsyncIterator[Sojourn]:
    async with await Store.open(migrated_url) as store:
        queue = f"nobody-serves-{uuid4()}"
        yield Sojourn(temporal.client, store, Settings(), PROJECT, task_queue=queue)


async def _begin(sojourn: Sojourn, customer: str) -> tuple[str, str]:
    """Start a run; return its id and its enrolment."""
    event = ProductAdded(customer_id=customer, cart_id="k", product_id="p")
    (run,) = (await sojourn.publish(event)).runs
    return run, event.message_id


async def _waiting(
    sojourn: Sojourn,
    customer: str,
    run: str,
    enrolment: str,
    state: MessageState,
    *,
    since: timedelta = AGO,
    attempts: tuple[AttemptState, ...] = (),
) -> int:
    at = datetime.now(UTC) - since
    delivery = delivery_of(customer).model_copy(
        update={"workflow_id": run, "enrolment": enrolment, "customer_id": customer}
    )
    row = ledger.new_row(delivery, Channel.EMAIL)
    row.state, row.decided_at, row.attempt = state, at, len(attempts)
    row.held_until = at if state is MessageState.DEFERRED else None
    row.claimed_at = None if state is MessageState.DEFERRED else at
    row.submitted_at = at if attempts else None
    async with sojourn.store.transaction() as session:
        session.add(row)
        await session.flush()
        assert row.id is not None
        for number, each in enumerate(attempts, 1):
            session.add(
                AttemptRow(
                    ledger_id=row.id,
                    attempt=number,
                    provider="postmark",
                    state=each,
                    submitted_at=at,
                    journey_at=at,
                )
            )
        return row.id


async def _row(sojourn: Sojourn, number: int) -> LedgerRow:
    async with sojourn.store.reading() as session:
        row = await ledger.found(session, str(number))
    assert row is not None
    return row


async def _settle(sojourn: Sojourn) -> int:
    return await Abandoned(sojourn.store, sojourn.client).settle()


@pytest.fixture
def customer() -> str:
    return f"c-{uuid4().hex[:12]}"


CASES: list[tuple[MessageState, tuple[AttemptState, ...], tuple[str, str | None]]] = [
    (MessageState.DEFERRED, (), ("skipped", "run_stopped")),
    (MessageState.CLAIMED, (), ("skipped", "run_stopped")),
    (MessageState.CLAIMED, (AttemptState.RELEASED,), ("skipped", "run_stopped")),
    (MessageState.CLAIMED, (AttemptState.AMBIGUOUS, AttemptState.RELEASED), ("unknown", None)),
    (MessageState.SUBMITTING, (AttemptState.SUBMITTING,), ("unknown", None)),
]


@pytest.mark.parametrize(("state", "attempts", "expected"), CASES)
async def test_a_message_of_a_terminated_run_is_settled(
    sojourn: Sojourn,
    customer: str,
    state: MessageState,
    attempts: tuple[AttemptState, ...],
    expected: tuple[str, str | None],
) -> None:
    run, enrolment = await _begin(sojourn, customer)
    number = await _waiting(sojourn, customer, run, enrolment, state, attempts=attempts)
    assert await _settle(sojourn) == 0
    assert (await _row(sojourn, number)).state is state  # its run is open
    await sojourn.client.get_workflow_handle(run).terminate("wrong price")
    assert await _settle(sojourn) == 1
    row = await _row(sojourn, number)
    assert (row.state, row.reason) == expected
    assert row.detail == "its run is over: terminated"
    assert await _settle(sojourn) == 0


async def test_an_attempt_that_may_still_be_at_work_is_left_alone(
    sojourn: Sojourn, customer: str
) -> None:
    run, enrolment = await _begin(sojourn, customer)
    number = await _waiting(
        sojourn,
        customer,
        run,
        enrolment,
        MessageState.SUBMITTING,
        since=timedelta(minutes=5),
        attempts=(AttemptState.SUBMITTING,),
    )
    await sojourn.client.get_workflow_handle(run).terminate()
    assert await _settle(sojourn) == 0
    assert (await _row(sojourn, number)).state is MessageState.SUBMITTING


async def test_a_message_whose_hold_goes_on_is_left_alone(sojourn: Sojourn, customer: str) -> None:
    run, enrolment = await _begin(sojourn, customer)
    await sojourn.client.get_workflow_handle(run).terminate()
    later = timedelta(hours=-5)
    await _waiting(sojourn, customer, run, enrolment, MessageState.DEFERRED, since=later)
    assert await _settle(sojourn) == 0


async def test_a_later_run_of_the_same_id_does_not_keep_the_messages_of_the_former(
    sojourn: Sojourn, customer: str
) -> None:
    run, enrolment = await _begin(sojourn, customer)
    former = await _waiting(sojourn, customer, run, enrolment, MessageState.CLAIMED)
    handle = sojourn.client.get_workflow_handle(run)
    await handle.terminate()
    again, enrolment = await _begin(sojourn, customer)
    assert again == run
    current = await _waiting(sojourn, customer, run, enrolment, MessageState.DEFERRED)
    assert await _settle(sojourn) == 1
    assert (await _row(sojourn, former)).state is MessageState.SKIPPED
    assert (await _row(sojourn, current)).state is MessageState.DEFERRED
    await handle.terminate()


async def test_a_run_that_temporal_does_not_know_may_have_been_lost(
    sojourn: Sojourn, customer: str
) -> None:
    """`sojourn recover` may find it; after a week it was over and is forgotten."""
    young, old = [
        await _waiting(
            sojourn, customer, "abandoned-cart:no:k", each, MessageState.DEFERRED, since=since
        )
        for each, since in (("e1", AGO), ("e2", FORGOTTEN + AGO))
    ]
    assert await _settle(sojourn) == 1
    assert (await _row(sojourn, young)).state is MessageState.DEFERRED
    assert (await _row(sojourn, old)).state is MessageState.SKIPPED


async def test_the_pages_go_on_behind_messages_of_open_runs(
    sojourn: Sojourn, customer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sojourn.dispatch.abandoned.PAGE", 1)
    run, enrolment = await _begin(sojourn, customer)
    await _waiting(sojourn, customer, run, enrolment, MessageState.DEFERRED)
    other, enrolment = await _begin(sojourn, f"{customer}-2")
    number = await _waiting(sojourn, f"{customer}-2", other, enrolment, MessageState.DEFERRED)
    await sojourn.client.get_workflow_handle(other).terminate()
    abandoned = Abandoned(sojourn.store, sojourn.client)
    assert [await abandoned.settle() for _ in range(3)] == [0, 1, 0]
    assert (await _row(sojourn, number)).state is MessageState.SKIPPED
    await sojourn.client.get_workflow_handle(run).terminate()


async def test_without_temporal_nothing_is_settled(sojourn: Sojourn, customer: str) -> None:
    number = await _waiting(sojourn, customer, "gone", "e", MessageState.DEFERRED, since=FORGOTTEN)
    away: Any = await Client.connect(
        "127.0.0.1:1", lazy=True, data_converter=pydantic_data_converter
    )
    with pytest.raises(TemporalUnavailable):
        await Abandoned(sojourn.store, away).settle()
    assert (await _row(sojourn, number)).state is MessageState.DEFERRED
