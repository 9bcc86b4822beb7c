"""A journey's test whose events arrive by the journeys' clock, as in an installation."""

from sojourn.dispatch.calls import WRITTEN_HERE
from sojourn.domain.sayings import TOLD, TOLD_ON
from sojourn.store import events
from sojourn.testkit import JourneyTest


class Dated(JourneyTest):
    """A test that leaves in its store when events arrived: late ones when they are published."""

    _dated = 0

    async def settled(self) -> None:
        await super().settled()
        async with self.store.transaction() as session:
            rows = await events.of_customer(session, self.customer_id)
            for row in [row for row in rows if (row.seq or 0) > self._dated]:
                is_ours = row.name in WRITTEN_HERE or row.message_id.startswith((TOLD, TOLD_ON))
                published = row.occurred_at if is_ours else self._present
                row.received_at = max(published, row.occurred_at)
                session.add(row)
            self._dated = max([self._dated, *(row.seq or 0 for row in rows)])
