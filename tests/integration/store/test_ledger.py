"""The ledger as operators and links query it, on either database."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError

from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel
from sojourn.domain.reports import reference
from sojourn.domain.states import AttemptState, MessageState
from sojourn.store import Store, attempts, ledger, reports, settling, suppressions
from sojourn.store.ledger import Counts
from sojourn.store.tables import AttemptRow, LedgerRow, ReportRow, SuppressionRow
from tests.support.rows import claimed, row_of

NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture(loop_scope="session")
async def own(migrated_url: str) -> AsyncIterator[Store]:
    store = await Store.open(migrated_url)
    yield store
    await store.close()


async def decided(store: Store, n: int, state: str, channel: Channel = Channel.EMAIL) -> int:
    key = f"abandoned-cart:c:k/e/{n}-reminder/{channel}"
    row = LedgerRow(
        ledger_key=key,
        reference=reference(key),
        message_id=key.rpartition("/")[0],
        workflow_id="abandoned-cart:c:k",
        enrolment="e",
        journey="abandoned-cart",
        customer_id="c",
        n=n,
        step="reminder",
        template="reminder",
        channel=channel.value,
        message_class="promotional",
        topic="cart",
        state=MessageState(state),
        due_at=NOW,
        decided_at=NOW,
        settled_at=NOW,
    )
    async with store.transaction() as session:
        session.add(row)
        await session.flush()
        assert row.id is not None
    return row.id


async def test_each_channel_is_counted_by_itself(own: Store) -> None:
    for n, state in enumerate(("deferred", "claimed", "unknown", "sent", "skipped")):
        await decided(own, n, state)
    await decided(own, 9, "sent", Channel.PUSH)
    async with own.reading() as session:
        recent = await ledger.counts(session, since=NOW)
        later = await ledger.counts(session, since=NOW + HOUR)
    assert recent == {
        Channel.EMAIL: Counts(waiting=2, unknown=1, sent=1),
        Channel.SMS: Counts(),
        Channel.PUSH: Counts(sent=1),
        Channel.WHATSAPP: Counts(),
    }
    assert later[Channel.EMAIL] == Counts(waiting=2, unknown=1)


@contextmanager
def heard(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Record the statements that go to the database during the block."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        asked.append((statement, given))

    event.listen(store.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(store.engine.sync_engine, "before_cursor_execute", note)


async def plan(store: Store, statement: str, given: Any) -> str:
    """Return the database's plan for a ledger that is too long for a full scan."""
    sqlite = store.engine.dialect.name == "sqlite"
    async with store.engine.connect() as connection:
        if not sqlite:
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "
        rows = (await connection.exec_driver_sql(explain + statement, given)).all()
    return "\n".join(str(row[-1]) for row in rows)


@pytest.mark.parametrize("state", ["unknown", "deferred", "rejected"])
async def test_lists_and_counts_of_a_long_ledger_use_its_indexes(own: Store, state: str) -> None:
    for n in range(60):
        await decided(own, n, state if n == 30 else "sent")
    async with own.engine.begin() as connection:
        await connection.execute(text("ANALYZE"))
    with heard(own) as asked:
        async with own.reading() as session:
            await ledger.counts(session, since=NOW + HOUR)
            (row,) = await ledger.listed(session, state=MessageState(state))
    assert row.n == 30
    plans = [await plan(own, *one) for one in asked if "FROM ledger" in one[0]]
    assert ["ix_ledger_unsent" in plans[0], "ix_ledger_sent" in plans[1]] == [True, True], plans
    assert "ix_ledger_unsent" in plans[2], plans[2]


async def test_attempts_and_reports_come_in_their_order_each_to_its_message(own: Store) -> None:
    one, other = await decided(own, 1, "sent"), await decided(own, 2, "sent")
    async with own.transaction() as session:
        for number, attempt in ((one, 1), (other, 1), (one, 2)):
            session.add(
                AttemptRow(
                    ledger_id=number,
                    attempt=attempt,
                    provider="postmark",
                    state=AttemptState.ACCEPTED,
                    submitted_at=NOW,
                    journey_at=NOW,
                )
            )
            await session.flush()
        for kind, at in (("clicked", NOW + HOUR), ("delivered", NOW)):
            session.add(
                ReportRow(
                    provider="postmark",
                    event_id=kind,
                    ledger_id=one,
                    kind=kind,
                    at=at,
                    received_at=at,
                )
            )
    async with own.reading() as session:
        tried = await attempts.of_messages(session, [one, other])
        told = await reports.of_messages(session, [one, other])
        assert await attempts.of_messages(session, []) == {}
    assert [row.attempt for row in tried[one]] == [1, 2]
    assert [row.attempt for row in tried[other]] == [1]
    assert [row.kind for row in told[one]] == ["delivered", "clicked"]
    assert told[other] == []


async def test_addresses_are_compared_as_their_channel_does(own: Store) -> None:
    async with own.transaction() as session:
        for channel, address in (("email", "anna@shop.example"), ("push", "Token")):
            session.add(
                SuppressionRow(channel=channel, address=address, because="gone", at=NOW, source="r")
            )
    pairs = {
        (Channel.EMAIL, "Anna@SHOP.example"),
        (Channel.EMAIL, "bob@shop.example"),
        (Channel.PUSH, "Token"),
        (Channel.PUSH, "TOKEN"),
        (Channel.SMS, "anna@shop.example"),
    }
    async with own.transaction() as session:
        assert await suppressions.suppressed(session, set()) == set()
        assert await suppressions.suppressed(session, pairs) == {
            (Channel.EMAIL, "Anna@SHOP.example"),
            (Channel.PUSH, "Token"),
        }
        assert await suppressions.lift(session, Channel.PUSH, "TOKEN") is False
        assert await suppressions.lift(session, Channel.EMAIL, "ANNA@shop.example") is True


async def test_the_first_of_two_operators_settles_a_message(own: Store) -> None:
    number = await decided(own, 1, "unknown")

    async def settle(by: str, *, sent: bool) -> None:
        async with own.transaction() as session:
            row = await ledger.found(session, str(number), hold=True)
            assert row is not None
            await settling.settle_by_hand(session, row, sent=sent, because="x", by=by, now=NOW)

    await settle("anna", sent=True)
    with pytest.raises(BadInput, match="is sent"):
        await settle("bob", sent=False)


@pytest.mark.parametrize("sent", [True, False])
async def test_an_operator_settles_the_attempts_whose_end_nobody_knows(
    own: Store, *, sent: bool
) -> None:
    number = await decided(own, 1, "claimed")
    async with own.transaction() as session:
        for n, state in enumerate(("superseded", "ambiguous", "released"), 1):
            session.add(
                AttemptRow(
                    ledger_id=number,
                    attempt=n,
                    provider="postmark",
                    state=AttemptState(state),
                    submitted_at=NOW,
                    journey_at=NOW,
                )
            )
    async with own.transaction() as session:
        row = await ledger.found(session, str(number), hold=True)
        assert row is not None
        with pytest.raises(BadInput, match="10 minutes"):
            await settling.settle_by_hand(session, row, sent=sent, because="x", by="anna", now=NOW)
        await settling.settle_by_hand(
            session, row, sent=sent, because="x", by="anna", now=NOW + HOUR
        )
    async with own.reading() as session:
        tried = await attempts.of_messages(session, [number])
    ended = [attempt.state for attempt in tried[number]]
    assert ended == (
        ["superseded", "accepted", "released"] if sent else ["refused", "refused", "released"]
    )


@pytest.mark.parametrize("migrated_url", ["postgresql"], indirect=True)
async def test_a_message_that_one_operator_settles_is_held_from_the_other(own: Store) -> None:
    number = await decided(own, 1, "unknown")
    async with own.transaction() as anna, own.transaction() as bob:
        assert await ledger.found(anna, str(number), hold=True)
        assert await ledger.found(bob, str(number))
        await (await bob.connection()).execute(text("SET LOCAL lock_timeout = '100ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            await ledger.found(bob, str(number), hold=True)


async def test_a_message_is_found_by_the_name_that_links_have_for_it(
    own: Store, customer_id: str
) -> None:
    row = await row_of(own, await claimed(own, customer_id))
    async with own.reading() as session:
        found = await ledger.of_reference(session, row.reference)
        assert found is not None
        assert found.id == row.id
        assert await ledger.of_reference(session, customer_id) is None
