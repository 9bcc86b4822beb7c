"""Tables give up what is older than their days, and nothing that somebody may still need."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import event, text
from sqlmodel import select

from sojourn.dispatch import aging as windows
from sojourn.dispatch.aging import Aging
from sojourn.domain.retention import AGING
from sojourn.domain.states import MessageState
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.store.rights import aging
from sojourn.store.rights.holdings import HOLDINGS
from sojourn.store.tables import ContentRow, EventRow, LedgerRow, QuarantineRow, ReportRow, RunRow
from tests.support.rows import claimed, event_row, keep, submit

NOW = datetime.now(UTC)
OLD, NEW = NOW - timedelta(days=40), NOW - timedelta(days=20)


async def closed(workflow_id: str) -> bool:
    return False


async def age(store: Store, days: dict[str, int], is_open: Any = closed) -> int:
    """Sweep until nothing is left to do."""
    one, given_up = Aging(store, days, is_open), 0
    while found := await one.sweep():
        given_up += found
    return given_up


async def _sent(store: Store, ada: str, at: datetime, state: str = "sent") -> int:
    number = await claimed(store, ada)
    assert await submit(store, number, 1)
    async with store.transaction() as session:
        row = await session.get(LedgerRow, number)
        assert row is not None
        row.decided_at, row.state, row.detail = at, MessageState(state), "550 ada@shop.example"
        session.add(row)
        session.add(
            ReportRow(
                provider="p",
                event_id=f"r-{ada}-{number}",
                ledger_id=number,
                kind="bounced",
                at=at,
                received_at=at,
                detail="550 ada@shop.example",
            )
        )
    return number


def test_the_setting_knows_the_tables_that_age() -> None:
    assert {name for name, holding in HOLDINGS.items() if holding.aging} == set(AGING)


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("consents=30", '"consents" keeps everything. Choose one of: contents,'),
        ("contents", "contents: write the days"),
        ("contents=0", "contents: write the days"),
        ("contents=9,contents=8", "contents stands there twice"),
    ],
)
def test_a_retention_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, written: str, fault: str
) -> None:
    monkeypatch.setenv("SOJOURN_RETENTION", written)
    with pytest.raises(ValidationError, match=fault):
        Settings()
    monkeypatch.setenv("SOJOURN_RETENTION", "contents=90, events=730")
    assert Settings().retention == {"contents": 90, "events": 730}


async def test_the_text_of_a_message_goes_and_the_rest_stays(
    store: Store, customer_id: str
) -> None:
    old, new = [await _sent(store, customer_id, at) for at in (OLD, NEW)]
    waiting = await _sent(store, f"w-{customer_id}", OLD, "submitting")
    await age(store, {"contents": 30, "reports": 30, "ledger": 30})
    async with store.reading() as session:
        texts = {
            number: (await session.get_one(ContentRow, number)) for number in (old, new, waiting)
        }
        rows = {number: await session.get_one(LedgerRow, number) for number in (old, new)}
        query = select(ReportRow).where(ReportRow.event_id == f"r-{customer_id}-{old}")
        report = (await session.exec(query)).one()
    assert (texts[old].content, texts[old].address) == ({}, "a@b.example")
    assert texts[new].content["text"] == "hello"
    assert texts[waiting].content["text"] == "hello", "it may have to be handed over again"
    assert (rows[old].detail, rows[old].state) == (None, "sent")
    assert rows[new].detail is not None
    assert (report.detail, report.kind) == ("", "bounced")


async def test_events_keep_their_details_while_a_run_is_open(
    store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = f"o-{customer_id}"
    for who in (customer_id, other):
        for at in (OLD, NEW):
            row = event_row(who, properties={"cart_id": "c", "note": "for Ada"})
            row.received_at, row.routed_at = at, at
            await keep(store, row)
    async with store.transaction() as session:
        session.add(
            RunRow(
                workflow_id=f"abandoned-cart:{other}:c",
                run_id=other,
                journey="abandoned-cart",
                customer_id=other,
                enrolment="e",
                started_at=OLD,
            )
        )

    busy = True

    async def is_open(workflow_id: str) -> bool:
        return busy and other in workflow_id

    await age(store, {"events": 30}, is_open)

    async def kept(who: str) -> list[dict[str, Any]]:
        async with store.reading() as session:
            query = select(EventRow).where(EventRow.customer_id == who).order_by("received_at")
            return [row.properties for row in await session.exec(query)]

    whole = {"cart_id": "c", "note": "for Ada"}
    assert await kept(customer_id) == [{}, whole]
    assert await kept(other) == [whole, whole]
    one = Aging(store, {"events": 30}, is_open)
    while await one.sweep():
        pass
    busy = False
    assert await one.sweep() == 0, "what was passed over is not looked at all the time"
    monkeypatch.setattr("sojourn.dispatch.aging.AGAIN", timedelta(0))
    assert await one.sweep() == 1
    assert await kept(other) == [{}, whole]


async def test_a_settled_call_in_quarantine_goes_and_an_open_one_stays(
    store: Store, customer_id: str
) -> None:
    async with store.transaction() as session:
        for number, settled in enumerate((OLD, NEW, None)):
            session.add(
                QuarantineRow(
                    digest=f"{customer_id} {number}",
                    call={},
                    name="n",
                    path="p",
                    reason="r",
                    source="s",
                    received_at=OLD,
                    settled_at=settled,
                )
            )
    assert await age(store, {"quarantine": 30}) >= 1
    async with store.reading() as session:
        query = select(QuarantineRow.digest).where(QuarantineRow.digest.startswith(customer_id))
        left = (await session.exec(query.order_by(QuarantineRow.digest))).all()
    assert list(left) == [f"{customer_id} 1", f"{customer_id} 2"]


async def test_every_table_can_be_gone_through(store: Store, customer_id: str) -> None:
    assert await age(store, dict.fromkeys(AGING, 30_000)) == 0


@pytest.mark.parametrize("name", AGING)
async def test_old_rows_are_found_by_an_index(store: Store, name: str) -> None:
    sqlite = store.engine.dialect.name == "sqlite"
    aging_of = HOLDINGS[name].aging
    assert aging_of is not None
    reach = {"after": 5, "until": 9} if aging_of.by_key else {}
    statements: list[Any] = []

    def heard(connection: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        statements.append((statement, given))

    async with store.reading() as session:
        connection = await session.connection()
        if not sqlite:  # in a table this small it reads everything
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
        event.listen(store.engine.sync_engine, "before_cursor_execute", heard)
        try:
            await aging.old(session, name, before=OLD, **reach)
        finally:
            event.remove(store.engine.sync_engine, "before_cursor_execute", heard)
        ((statement, given),) = statements
        how = "EXPLAIN QUERY PLAN" if sqlite else "EXPLAIN"
        plan = str((await connection.exec_driver_sql(f"{how} {statement}", given)).all())
    if aging_of.by_key:
        wanted = "INTEGER PRIMARY KEY (rowid>? AND rowid<?)" if sqlite else f"{name}_pkey"
    else:
        wanted = INDEXES[name]
    assert wanted in plan, plan
    assert "SCAN" not in plan, plan
    assert "Seq Scan" not in plan, plan


INDEXES = {
    "hits": "ix_hits_received",
    "attempts": "ix_attempts_words",
    "handovers": "ix_handovers_submitted",
    "reports": "ix_reports_words",
    "quarantine": "ix_quarantine_open",
    "identify_calls": "ix_identify_calls_heard",
    "tickets": "ix_tickets_closed_at",
    "tasks": "ix_tasks_ended_at",
    "entries": "ix_entries_explained",
    "ledger": "ix_ledger_words",
}


async def test_the_newest_old_row_is_found_by_halving(migrated_url: str) -> None:
    async with await Store.open(migrated_url) as store:
        async with store.reading() as session:
            assert await aging.span_of(session, "events", NOW) is None
        for number in (0, 1, 2, 3, 5, 8, 13, 14, 15):  # days; events that are gone leave gaps
            row = event_row("ada")
            row.seq, row.received_at = 10 + number, OLD + timedelta(days=number)
            async with store.transaction() as session:
                session.add(row)
        async with store.reading() as session:
            found = [
                await aging.span_of(session, "events", OLD + timedelta(days=days, seconds=1))
                for days in (1, 4, 8, 20)
            ]
        assert found == [(10, 11), (10, 13), (10, 18), (10, 25)]


async def test_no_statement_reads_a_whole_table_whose_rows_gave_up_long_ago(
    migrated_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "WINDOW", 10)
    async with await Store.open(migrated_url) as store:
        async with store.transaction() as session:
            for number in range(100):
                row = event_row("ada", properties={"note": "for Ada"} if number == 95 else {})
                row.seq, row.received_at, row.routed_at = 1 + number, OLD, OLD
                session.add(row)
        looked: list[tuple[int | None, int | None]] = []
        old = aging.old

        async def noted(*given: Any, after: int, until: int, **more: Any) -> Any:
            looked.append((after, until))
            return await old(*given, after=after, until=until, **more)

        monkeypatch.setattr(aging, "old", noted)
        one = Aging(store, {"events": 30}, closed)
        assert await one.sweep() == 1
        assert looked == [(first, first + 10) for first in range(0, 100, 10)]
        while await one.sweep():
            pass
        assert len(looked) == 11, "all of it was looked at"


async def test_a_row_that_a_send_holds_is_left_for_a_later_pass(copied_postgresql: str) -> None:
    async with await Store.open(copied_postgresql) as store:
        numbers = [await _sent(store, f"ada{n}", OLD) for n in range(2)]
        one = Aging(store, {"ledger": 30}, closed)
        async with store.transaction() as held:
            await held.get_one(LedgerRow, numbers[0], with_for_update=True)
            async with asyncio.timeout(20):  # else it would wait for ever
                assert await one.sweep() == 1
        assert await one.sweep() == 1
