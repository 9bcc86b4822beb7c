from collections.abc import AsyncIterator

import pytest
from sqlalchemy import delete

from sojourn.domain.messages import Channel
from sojourn.store import Store, pauses
from sojourn.store.tables import (
    RefusalRow,
    SuppressionRow,
)
from tests.support.desk import REACHABLE, Desk


@pytest.fixture
async def desk(
    store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    desk = Desk(store, customer_id)
    monkeypatch.setattr("sojourn.sending.send.monotonic", lambda: desk.passed)
    async with store.transaction() as session:  # all customers here share an address
        await session.exec(delete(SuppressionRow))
        await session.exec(delete(RefusalRow))
    await desk.identify(**REACHABLE)
    desk.start = await desk.add()
    yield desk
    async with (
        store.transaction() as session
    ):  # tests share the store, and a pause holds for every customer
        for channel in Channel:
            await pauses.end(session, channel)
