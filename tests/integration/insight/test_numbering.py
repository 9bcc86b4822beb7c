"""A reader who has read up to a number has missed nothing below it."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import delete, update
from sqlmodel import col

from sojourn.domain.states import MessageState
from sojourn.insight.measuring import Measuring
from sojourn.insight.numbering import Numbering
from sojourn.store import Store, changes
from sojourn.store.changes import Change, Kind
from sojourn.store.tables import ChangeRow, ConsentRow, EventRow, LedgerRow, ReportRow, RunRow
from tests.support.rows import NOON, claimed, event_row

SOON = timedelta(milliseconds=40)


@pytest_asyncio.fixture(loop_scope="session")
async def alone(migrated_url: str) -> AsyncIterator[Store]:
    """Open a store whose changes are all this test's."""
    store = await Store.open(migrated_url)
    yield store
    await store.close()


async def followed(store: Store) -> None:
    async with store.transaction() as session:
        await changes.begin(session)


async def numbered(store: Store, since: int = 0) -> list[Change]:
    """Return what has a number by now."""
    await Measuring(store).catch_up()
    await Numbering(store, SOON).catch_up()
    async with store.reading() as session:
        return await changes.since(session, since, 1_000_000, 1_000)


async def one_event(store: Store) -> int:
    row = event_row("c1")
    async with store.transaction() as session:
        session.add(row)
    assert row.seq is not None
    return row.seq


async def test_a_row_that_commits_late_is_not_passed_over(copied_postgresql: str) -> None:
    async with await Store.open(copied_postgresql) as store:
        await followed(store)
        first = await one_event(store)
        assert [c.ref for c in await numbered(store)] == [first]
        late = event_row("c1")
        async with store.transaction() as session:
            session.add(late)
            await session.flush()
            early = await one_event(store)  # a higher number, and committed
            assert late.seq == first + 1 < early == first + 2
            assert [c.ref for c in await numbered(store)] == [first], "the rest waits for the other"
            assert await Numbering(store, SOON).catch_up() == {Kind.EVENT}
        assert [c.ref for c in await numbered(store)] == [first, late.seq, early]
        assert [c.seq for c in await numbered(store)] == [1, 2, 3]


async def test_a_long_transaction_elsewhere_holds_nobody_up(copied_postgresql: str) -> None:
    async with await Store.open(copied_postgresql) as store:
        await followed(store)
        async with store.transaction() as session:
            session.add(
                ConsentRow(customer_id="c2", channel="email", granted=True, at=NOON, source="form")
            )
            await session.flush()
            event = await one_event(store)
            assert [(c.kind, c.ref) for c in await numbered(store)] == [(Kind.EVENT, event)]


async def test_who_begins_to_follow_gets_what_was_before(alone: Store) -> None:
    event, message = await one_event(alone), await claimed(alone, "c1")
    assert await numbered(alone) == []
    await followed(alone)
    assert {(c.kind, c.ref) for c in await numbered(alone)} == {
        (Kind.EVENT, event),
        (Kind.MESSAGE, message),
    }
    assert await numbered(alone, since=2) == []


async def test_what_changes_comes_again_and_what_goes_comes_once_more(alone: Store) -> None:
    await followed(alone)
    event, message = await one_event(alone), await claimed(alone, "c1")
    run = RunRow(workflow_id="w", run_id="r", journey="j", customer_id="c1", enrolment="e",
                 started_at=NOON)  # fmt: skip
    report = ReportRow(provider="p", event_id="x", ledger_id=message, kind="clicked", at=NOON,
                       received_at=NOON)  # fmt: skip
    async with alone.transaction() as session:
        session.add_all([run, report])
    last = (await numbered(alone))[-1].seq
    for change, told in (
        (update(LedgerRow).values(state=MessageState.SENT), (Kind.MESSAGE, message)),
        (update(ReportRow).values(machine="scanner"), (Kind.REPORT, report.id)),
        (update(RunRow).values(closed_at=NOON), (Kind.RUN, run.id)),
        (update(EventRow).values(customer_id="c9"), (Kind.EVENT, event)),
        (delete(EventRow).where(col(EventRow.seq) == event), (Kind.EVENT, event)),
    ):
        async with alone.transaction() as session:
            await session.exec(change)
        found = await numbered(alone, since=last)
        assert told in {(c.kind, c.ref) for c in found}
        assert len({(c.kind, c.ref) for c in found}) == len(found)
        last = found[-1].seq


async def test_news_is_a_new_state_alone(alone: Store) -> None:
    await followed(alone)
    message = await claimed(alone, "c1")

    async def news() -> tuple[int, int, str]:
        await numbered(alone)
        async with alone.reading() as session:
            row = await session.get(ChangeRow, (Kind.MESSAGE, message))
        assert row is not None
        return row.seq, row.news, row.state

    assert (await news())[2] == "claimed"
    async with alone.transaction() as session:
        await session.exec(update(LedgerRow).values(state=MessageState.SENT))
    seq, told, state = await news()
    assert (seq, state) == (told, "sent")
    async with alone.transaction() as session:
        await session.exec(update(LedgerRow).values(customer_id="c2"))
    assert await news() == (seq + 1, told, "sent"), "an alias call is no news of the message"


async def test_a_pass_that_dies_gives_its_numbers_to_nobody(alone: Store) -> None:
    await followed(alone)
    event = await one_event(alone)
    with pytest.raises(RuntimeError):
        await _die_numbering(alone, event)
    assert [(c.seq, c.ref) for c in await numbered(alone)] == [(1, event)]


async def _die_numbering(store: Store, event: int) -> None:
    async with store.transaction() as session:
        assert await changes.gather(session, Kind.EVENT, event, 10) == 1
        raise RuntimeError("killed")
