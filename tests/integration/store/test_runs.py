"""Runs that were started."""

from sojourn.store import (
    Store,
    runs,
)
from sojourn.store.tables import RunRow
from tests.support.rows import NOON


async def test_a_run_is_noted_once(store: Store, customer_id: str) -> None:
    def run() -> RunRow:
        return RunRow(
            workflow_id=f"onboarding:{customer_id}",
            run_id="r1",
            journey="onboarding",
            customer_id=customer_id,
            enrolment="e",
            started_at=NOON,
        )

    for _ in range(2):
        async with store.transaction() as session:
            await runs.add(session, [run()])
    async with store.transaction() as session:
        (noted,) = await runs.maybe_open(session, customer_id)
        assert noted.id is not None
        await runs.mark_closed(session, [noted.id], NOON)
        assert await runs.maybe_open(session, customer_id) == []
        assert len(await runs.of_customer(session, customer_id)) == 1
