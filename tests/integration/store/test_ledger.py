"""The ledger as operators and links query it, on either database."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import select

from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel
from sojourn.domain.reports import reference
from sojourn.domain.states import AttemptState, MessageState
from sojourn.store import (
    Store,
    attempts,
    joining,
    ledger,
    reports,
    settling,
    suppressions,
    unsent,
)
from sojourn.store.ledger import Counts
from sojourn.store.tables import (
    AttemptRow,
    ContentRow,
    LedgerRow,
    ReportRow,
    SuppressionRow,
    UnsentRow,
)
from tests.support.rows import CONTENT, claimed, delivery_of, row_of

NOW = datetime(2024, 3, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest_asyncio.fixture(loop_scope="session")
async def own(migrated_url: str) -> AsyncIterator[Store]:
    async with await Store.open(migrated_url) as store:
        yield store


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
        if state == "sent":
            session.add(accepted(row.id))
    return row.id


def accepted(number: int, at: datetime = NOW) -> AttemptRow:
    """Return the attempt by which a message was sent."""
    return AttemptRow(
        ledger_id=number,
        attempt=1,
        provider="postmark",
        state=AttemptState.ACCEPTED,
        submitted_at=NOW,
        journey_at=NOW,
        settled_at=at,
    )


async def test_each_channel_is_counted_by_itself(own: Store) -> None:
    for n, state in enumerate(("deferred", "claimed", "unknown", "sent", "skipped")):
        await decided(own, n, state)
    for n, state in enumerate(("sent", "unknown", "unknown", "deferred"), 9):
        await decided(own, n, state, Channel.PUSH)
    async with own.reading() as session:
        recent = await ledger.counts(session, since=NOW)
        later = await ledger.counts(session, since=NOW + HOUR)
    assert recent == {
        Channel.EMAIL: Counts(waiting=2, unknown=1, sent=1),
        Channel.SMS: Counts(),
        Channel.PUSH: Counts(waiting=1, unknown=2, sent=1),
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
    plans = [
        await plan(own, *one) for one in asked if "FROM ledger" in one[0] or "FROM unsent" in one[0]
    ]
    wanted = ("unsent", "ix_attempts_accepted", "ix_unsent_state")
    assert [index in one for index, one in zip(wanted, plans, strict=True)] == [True] * 3, plans
    assert not any("Seq Scan" in one or "SCAN ledger" in one for one in plans), plans


async def test_attempts_and_reports_come_in_their_order_each_to_its_message(own: Store) -> None:
    one, other = await decided(own, 1, "skipped"), await decided(own, 2, "skipped")
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
        assert await suppressions.lift(session, Channel.PUSH, "TOKEN", at=NOW, by="o") is False
        assert (
            await suppressions.lift(session, Channel.EMAIL, "ANNA@shop.example", at=NOW, by="o")
            is True
        )


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


async def put(store: Store, customer_id: str = "c", **changes: Any) -> int:
    """Write a message of a run that this row alone has, and return the number of its row."""
    row = ledger.new_row(delivery_of(customer_id), Channel.EMAIL)
    for name, value in changes.items():
        setattr(row, name, value)
    async with store.transaction() as session:
        session.add(row)
        await session.flush()
        assert row.id is not None
    return row.id


async def handed_over(store: Store, address: str, customer_id: str = "c", **changes: Any) -> int:
    """Write a message together with its full text."""
    number = await put(store, customer_id, **changes)
    async with store.transaction() as session:
        session.add(ContentRow(ledger_id=number, address=address, content=CONTENT.filled()))
        if changes.get("state") is MessageState.SENT:
            session.add(accepted(number, changes["settled_at"]))
    return number


def test_a_new_row_holds_what_the_ledger_keeps_of_a_message() -> None:
    delivery = delivery_of("c").model_copy(update={"due": NOW, "now": NOW + HOUR, "n": 3})
    row = ledger.new_row(delivery, Channel.SMS)
    key = delivery.ledger_key(Channel.SMS)
    assert (row.ledger_key, row.reference, row.channel) == (key, reference(key), "sms")
    assert (row.message_id, row.enrolment) == (delivery.message_id, delivery.enrolment)
    assert (row.workflow_id, row.journey) == ("abandoned-cart:c:c", "abandoned-cart")
    assert (row.customer_id, row.n, row.step, row.template) == ("c", 3, "reminder", "reminder")
    assert (row.message_class, row.topic, row.state) == ("promotional", "cart", "deferred")
    assert (row.due_at, row.decided_at) == (NOW, NOW + HOUR)


async def test_a_row_is_found_by_its_number_or_by_its_reference_in_any_capitals(
    own: Store,
) -> None:
    await put(own)
    number = await put(own)
    name = (await row_of(own, number)).reference
    async with own.transaction() as session:
        for given in (str(number), f"00{number}", name, name.upper()):
            for hold in (False, True):
                row = await ledger.found(session, given, hold=hold)
                assert row is not None
                assert row.id == number


async def test_a_name_that_is_of_no_row_finds_none(own: Store) -> None:
    number = await put(own)
    assert number == 1
    async with own.reading() as session:
        for name in ("", "2", "-1", "1.0", "one", "١", "²", "0" * 15 + "1", "0" * 32, "a" * 32):
            assert await ledger.found(session, name) is None, name


async def test_a_number_of_fifteen_digits_is_the_longest_that_is_looked_up(own: Store) -> None:
    assert await put(own) == 1
    async with own.reading() as session:
        assert await ledger.found(session, "0" * 14 + "1")


async def test_the_ledger_of_a_customer_is_theirs_alone_and_oldest_first(own: Store) -> None:
    numbers = [await put(own, customer) for customer in ("ada", "eva", "ada")]
    async with own.reading() as session:
        ada = await ledger.of_customer(session, "ada")
        every = await ledger.every(session)
    assert [row.id for row in ada] == [numbers[0], numbers[2]]
    assert [row.id for row in every] == numbers


async def test_the_addresses_that_a_customers_messages_went_to_are_told(own: Store) -> None:
    one = await handed_over(own, "ada@old.example", "ada")
    await put(own, "ada")
    other = await handed_over(own, "ada@new.example", "ada")
    await handed_over(own, "eva@shop.example", "eva")
    async with own.reading() as session:
        went = await ledger.went_to(session, "ada")
        kept = await ledger.content(session, one)
    assert went == {one: "ada@old.example", other: "ada@new.example"}
    assert kept is not None
    assert kept.address == "ada@old.example"


@pytest.mark.parametrize(
    ("changes", "is_under_way"),
    [
        ({"state": MessageState.CLAIMED}, True),
        ({"state": MessageState.SUBMITTING}, True),
        ({"state": MessageState.SENT}, True),
        ({"state": MessageState.UNKNOWN}, True),
        ({"state": MessageState.DEFERRED}, False),
        ({"state": MessageState.SKIPPED}, False),
        ({"state": MessageState.REJECTED}, False),
        ({"step": "another"}, False),
        ({"workflow_id": "another"}, False),
        ({"decided_at": NOW - HOUR}, False),
        ({"decided_at": NOW + HOUR}, True),
    ],
)
async def test_a_step_is_under_way_if_one_of_the_runs_may_have_sent_it_since(
    own: Store, changes: dict[str, Any], *, is_under_way: bool
) -> None:
    given: dict[str, Any] = {
        "state": MessageState.SENT,
        "workflow_id": "w",
        "decided_at": NOW,
        **changes,
    }
    await put(own, **given)
    async with own.reading() as session:
        told = await ledger.is_under_way(session, ["v", "w"], "reminder", since=NOW)
    assert told is is_under_way


async def test_a_list_of_messages_is_newest_first_and_as_long_as_was_asked(own: Store) -> None:
    numbers = [await put(own) for _ in range(52)]
    async with own.reading() as session:
        some = await ledger.listed(session, limit=2)
        usual = await ledger.listed(session)
    assert [row.id for row in some] == [numbers[-1], numbers[-2]]
    assert len(usual) == 50


async def test_a_list_of_messages_is_of_one_state_and_one_customer(own: Store) -> None:
    numbers = {
        (state, customer): await put(own, customer, state=state)
        for state in MessageState
        for customer in ("ada", "eva")
    }
    async with own.reading() as session:
        for state in MessageState:
            both = await ledger.listed(session, state=state)
            assert [row.id for row in both] == [numbers[state, "eva"], numbers[state, "ada"]]
            (one,) = await ledger.listed(session, state=state, customer_id="ada")
            assert one.id == numbers[state, "ada"]
        of_eva = await ledger.listed(session, customer_id="eva")
    assert {row.customer_id for row in of_eva} == {"eva"}
    assert len(of_eva) == len(MessageState)


async def test_the_outbox_shows_the_texts_that_went_out_and_the_latest_first(own: Store) -> None:
    sent = {"state": MessageState.SENT}
    held = await handed_over(own, "held@a.example", "ada", settled_at=NOW + 2 * HOUR, **sent)
    first = await handed_over(own, "first@a.example", "ada", settled_at=NOW, **sent)
    same = await handed_over(own, "same@a.example", "eva", settled_at=NOW, **sent)
    await handed_over(own, "cut@a.example", "ada", state=MessageState.UNKNOWN, settled_at=NOW)
    await put(own, "ada", settled_at=NOW, **sent)
    async with own.reading() as session:
        shown = await ledger.outbox(session)
        of_ada = await ledger.outbox(session, customer_id="ada")
        newest = await ledger.outbox(session, limit=1)
    assert [row.id for row, _ in shown] == [held, same, first]
    assert [content.address for _, content in shown] == [
        "held@a.example", "same@a.example", "first@a.example",
    ]  # fmt: skip
    assert [row.id for row, _ in of_ada] == [held, first]
    assert [row.id for row, _ in newest] == [held]


async def test_the_rows_of_a_message_are_one_for_each_channel_oldest_first(own: Store) -> None:
    delivery = delivery_of("c")
    await put(own)
    async with own.transaction() as session:
        for channel in (Channel.SMS, Channel.EMAIL):
            session.add(ledger.new_row(delivery, channel))
            await session.flush()
    async with own.transaction() as session:
        rows, _ = await ledger.of_message(session, delivery)
    assert [row.channel for row in rows] == ["sms", "email"]


async def test_what_is_not_sent_stands_in_a_table_of_its_own_whatever_the_order_of_states(
    own: Store,
) -> None:
    rows = [await put(own, f"c{number}") for number in range(3)]
    draw = Random(7)
    for _ in range(60):
        number, state = draw.choice(rows), draw.choice(list(MessageState))
        async with own.transaction() as session:
            row = await session.get_one(LedgerRow, number)
            row.state, row.would = state, "deferred" if state is MessageState.SHADOW else None
            session.add(row)
        async with own.reading() as session:
            every = await ledger.every(session)
            kept = (await session.exec(select(UnsentRow))).all()
            held = await ledger.held_by(session, ["c0", "c1", "c2"])
        wanted = {
            row.id: (row.customer_id, row.workflow_id, unsent.kept_as([row.state])[0])
            for row in every
            if row.state not in (MessageState.SENT, MessageState.SKIPPED)
        }
        assert {
            row.ledger_id: (row.customer_id, row.workflow_id, row.state) for row in kept
        } == wanted
        waits = {MessageState.DEFERRED, MessageState.SHADOW}
        assert [row.id for row in held] == [row.id for row in every if row.state in waits]


async def test_it_moves_and_goes_with_its_message(own: Store) -> None:
    first, second = await put(own, "ada"), await put(own, "ada")
    async with own.transaction() as session:
        await joining.join(session, "ada", "eve", at=NOW)
        await session.delete(await session.get_one(LedgerRow, first))
    async with own.reading() as session:
        kept = (await session.exec(select(UnsentRow))).all()
    assert [(row.ledger_id, row.customer_id) for row in kept] == [(second, "eve")]


def test_nobody_looks_there_for_what_is_sent() -> None:
    with pytest.raises(ValueError, match="in the ledger alone"):
        unsent.among([MessageState.SENT])
