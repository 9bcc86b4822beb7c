"""The gate asks at each claim whether the journey's condition still holds."""

from datetime import timedelta

import pytest
from sqlalchemy import event as sql_events

from sojourn import days, did, field, hours, last, trait
from sojourn.domain.errors import TransientError
from sojourn.domain.events import OrderCompleted, ProductAdded
from sojourn.domain.facts import Fact
from sojourn.domain.messages import MessageClass, Reason, Status
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, Desk

PRO = trait("plan") == "pro"


async def test_a_message_is_skipped_when_its_journey_is_not_for_the_customer_any_more(
    desk: Desk,
) -> None:
    desk.stays_if = PRO & ~did(OrderCompleted, where=field("total") >= 20)
    await desk.identify(plan="pro")
    assert (await desk.send()).status is Status.SENT
    await desk.identify(hours=1, plan="free")
    receipt = await desk.send(n=2, step="nudge")
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.NO_LONGER)
    row = (await desk.rows())[-1]
    assert (row.reason, row.detail) == ("no_longer", 'plan: "free", wanted "pro"')


@pytest.mark.parametrize("of", list(MessageClass))
async def test_the_condition_holds_for_messages_of_every_class(
    desk: Desk, of: MessageClass
) -> None:
    desk.stays_if = PRO
    receipt = await desk.send(message_class=of)
    assert (receipt.status, receipt.reason) == (Status.SKIPPED, Reason.NO_LONGER)
    assert (await desk.row()).detail == "plan: not known"


async def test_events_after_the_journeys_moment_do_not_count(desk: Desk) -> None:
    desk.stays_if = did(ProductAdded, at_least=2)
    await desk.add(hours=25, cart_id="another")
    assert (await desk.send()).reason is Reason.NO_LONGER  # decided on at NOON + DAY
    assert (await desk.row()).detail == "Product Added: 1 of 2"


async def test_a_retry_is_judged_again(desk: Desk) -> None:
    desk.stays_if = PRO
    await desk.identify(plan="pro")
    desk.carrier.answers.append(TransientError("busy"))
    await desk.again()
    await desk.identify(hours=1, plan="free")
    assert (await desk.send(waited=timedelta(minutes=1))).reason is Reason.NO_LONGER
    assert desk.carrier.carried == []


async def test_a_customer_whom_nobody_has_identified_is_waited_for_as_ever(desk: Desk) -> None:
    desk.stays_if = trait("plan") == "pro"
    desk.customer_id += "-new"
    desk.start = await desk.add()
    receipt = await desk.send()
    assert (receipt.status, receipt.reason) == (Status.DEFERRED, Reason.UNKNOWN_CUSTOMER)


@pytest.mark.parametrize(
    ("fact", "more"),
    [
        (PRO, 0),
        (did(ProductAdded), 1),
        (PRO & did(ProductAdded) & (last(ProductAdded) < days(30)) & ~did(OrderCompleted), 1),
        (did(ProductAdded, at_least=2, where=field("cart_id") == "c") | (PRO & PRO), 1),
    ],
)
async def test_a_condition_costs_one_statement_at_most(desk: Desk, fact: Fact, more: int) -> None:
    await desk.identify(plan="pro")
    await desk.claim()
    without = await statements(desk, n=2, step="second")
    desk.stays_if = fact
    assert await statements(desk, n=3, step="third") == without + more


async def statements(desk: Desk, **changes: object) -> int:
    """Count the statements of a claim."""
    said: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement)

    engine = desk.store.engine.sync_engine
    sql_events.listen(engine, "before_cursor_execute", note)
    try:
        await desk.gate.pass_or_refuse(desk.delivery(**changes), NOON + DAY + hours(1))
    finally:
        sql_events.remove(engine, "before_cursor_execute", note)
    return len(said)
