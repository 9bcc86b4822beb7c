"""Facts that the gate gathers: the runs of a joined customer, the settings of the project."""

from typing import Any

import pytest

from sojourn.domain.messages import Channel, Reason, Status
from sojourn.domain.rules import NO_RULES
from sojourn.domain.states import MessageState
from sojourn.sending.gathering import Gathered, gather
from sojourn.sending.grounds import Grounds
from sojourn.store import people, runs
from sojourn.store.tables import RunRow
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.desk import DAY, Desk


async def gathered(desk: Desk, **given: Any) -> Gathered:
    """Gather for a message, as the gate does."""
    async with desk.store.transaction() as session:
        return await gather(
            session,
            desk.delivery(),
            NOON + DAY,
            Grounds(lambda: NO_RULES, "UTC", **given),
            rules=NO_RULES,
            templates=(Channel.SMS,),
        )


async def with_twin(desk: Desk, *, merged: bool = True, **changes: Any) -> str:
    """Note another run of the customer, and return its id."""
    row = RunRow(
        workflow_id=f"abandoned-cart:{desk.customer_id}-2:c",
        run_id="r",
        journey="abandoned-cart",
        customer_id=desk.customer_id,
        key="c",
        enrolment="e",
        started_at=NOON,
    )
    for name, value in changes.items():
        setattr(row, name, value)
    async with desk.store.transaction() as session:
        person = await people.lock(session, desk.customer_id)
        person.merged = merged
        session.add(person)
        await runs.add(session, [row])
    return row.workflow_id


@pytest.mark.parametrize(
    ("changes", "is_told"),
    [
        ({}, True),
        ({"merged": False}, False),
        ({"journey": "renewal"}, False),
        ({"key": "another"}, False),
    ],
)
async def test_a_step_counts_as_told_if_a_joined_customers_same_run_sent_it(
    desk: Desk, changes: dict[str, Any], *, is_told: bool
) -> None:
    twin = await with_twin(desk, **changes)
    assert (await desk.send(workflow_id=twin, n=2)).status is Status.SENT
    circumstances = (await gathered(desk)).case.circumstances
    assert circumstances is not None
    assert circumstances.already_told is is_told


async def test_a_run_is_no_twin_of_itself(desk: Desk) -> None:
    await with_twin(desk, workflow_id=desk.delivery().workflow_id)
    assert (await desk.send(n=2)).status is Status.SENT
    circumstances = (await gathered(desk)).case.circumstances
    assert circumstances is not None
    assert circumstances.already_told is False


async def test_a_twins_other_or_earlier_step_does_not_count_as_told(desk: Desk) -> None:
    twin = await with_twin(desk)
    await desk.send(workflow_id=twin, n=2, step="another")
    assert (await desk.send()).status is Status.SENT
    await desk.send(workflow_id=twin, n=3)
    later = (NOON + 2 * DAY, 10**9)
    again = await desk.send(n=4, latest=later, useful_until=NOON + 3 * DAY)
    assert again.reason is not Reason.ALREADY_TOLD


@pytest.mark.parametrize("switched_off", [True, False])
async def test_what_the_project_has_set_reaches_the_verdict(
    desk: Desk, *, switched_off: bool
) -> None:
    case = (await gathered(desk, off=["abandoned-cart"] if switched_off else [])).case
    assert (case.switched_off, case.templates) == (switched_off, (Channel.SMS,))


async def test_a_settled_message_is_gathered_with_its_customer_and_its_row(desk: Desk) -> None:
    await desk.send()
    found = await gathered(desk)
    assert found.case.circumstances is None
    assert found.customer.customer_id == desk.customer_id
    assert [row.state for row in found.rows] == [MessageState.SENT]
