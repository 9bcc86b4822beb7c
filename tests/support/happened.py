"""Store a customer's events as dispatch does."""

from datetime import datetime
from typing import Any
from uuid import uuid4

from sojourn.store.tables import EventRow, RunRow
from tests.support.cli_stack import Cli


async def happened(
    cli: Cli, customer_id: str, name: str, at: datetime, *, routed: bool = True, **properties: Any
) -> EventRow:
    """Store an event; its runs were told of it unless ``routed`` says otherwise."""
    row = EventRow(
        message_id=str(uuid4()),
        customer_id=customer_id,
        name=name,
        occurred_at=at,
        received_at=at,
        routed_at=at if routed else None,
        properties=properties,
    )
    async with cli.store.transaction() as session:
        session.add(row)
        await session.flush()
    return row


async def begun(cli: Cli, journey: str, start: EventRow, key: str = "", **changes: Any) -> RunRow:
    """Store a run that an event started."""
    parts = [journey, start.customer_id, *([key] if key else [])]
    row = RunRow(
        workflow_id=":".join(parts),
        run_id=str(uuid4()),
        journey=journey,
        customer_id=start.customer_id,
        key=key,
        enrolment=start.message_id,
        started_at=start.occurred_at,
        **changes,
    )
    async with cli.store.transaction() as session:
        session.add(row)
        await session.flush()
    return row
