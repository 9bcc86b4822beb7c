"""The database: one history for both kinds, errors in one line, and facts that stay as they are."""

import asyncio
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import IntegrityError, StatementError
from sqlmodel import SQLModel, select

from sojourn.domain.content import Content
from sojourn.domain.customer import Customer, read_identity
from sojourn.domain.errors import BadSetting, StoreUnavailable
from sojourn.domain.events import SHIPPED, Event, OrderCompleted
from sojourn.domain.messages import Channel, Delivery, MessageClass
from sojourn.domain.reports import Kind
from sojourn.domain.states import AttemptState, MessageState
from sojourn.store import (
    Store,
    attempts,
    cards,
    consents,
    engine,
    events,
    ledger,
    people,
    runs,
    settling,
)
from sojourn.store.tables import ConsentRow, ContentRow, EventRow, LedgerRow, RunRow

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


# ---- the database itself -------------------------------------------------------------------


async def test_the_migrations_make_the_tables_of_the_code(store: Store) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, SQLModel.metadata))

    async with store.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_the_indexes_of_unrouted_events_hold_those_alone(store: Store) -> None:
    def condition(connection: Connection) -> str:
        (index,) = (
            i
            for i in inspect(connection).get_indexes("events")
            if i["name"] == "ix_events_unrouted"
        )
        options = index["dialect_options"]
        return str(options[f"{connection.dialect.name}_where"]).strip("()").lower()

    async with store.engine.connect() as connection:
        assert await connection.run_sync(condition) == "routed_at is null"


async def test_an_empty_database_is_migrated_once(database_url: str) -> None:
    for _ in range(2):
        opened = await Store.open(database_url, migrate=True)
        async with opened.reading() as session:
            assert await cards.find(session, "nobody") is None
        await opened.close()


async def test_what_was_being_handed_over_before_there_were_attempts_becomes_one(
    database_url: str,
) -> None:
    opened = await Store.open(database_url, migrate=True)
    ledger_id = await _claimed(opened, "c42")
    assert await _submit(opened, ledger_id, 1)

    def there_and_back(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(engine.MIGRATIONS))
        config.attributes["connection"] = connection
        for version in ("0002", "0003", "0002"):
            (command.upgrade if version == "0003" else command.downgrade)(config, version)

    async with opened.engine.begin() as connection:
        await connection.run_sync(there_and_back)
    await opened.close()
    opened = await Store.open(database_url, migrate=True)
    async with opened.reading() as session:
        (attempt,) = await attempts.unresolved(session, ledger_id)
    row = await _row_of(opened, ledger_id)
    await opened.close()
    assert (attempt.state, attempt.provider, attempt.attempt) == ("submitting", "outbox", 1)
    assert (attempt.submitted_at, attempt.journey_at) == (row.submitted_at, row.decided_at)


async def test_who_migrates_second_waits_and_finds_it_done(database_url: str) -> None:
    first = engine._engine(engine._url(database_url), 1)
    async with first.begin() as connection:
        await connection.run_sync(engine._upgrade)
        second = asyncio.create_task(Store.open(database_url, migrate=True))
        await asyncio.sleep(0.1)
        assert not second.done()
    await (await second).close()
    await first.dispose()


async def test_an_empty_postgresql_is_left_alone_unless_told(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        await (await Store.open(database_url)).close()  # a local file is made ready
    else:
        with pytest.raises(StoreUnavailable, match=r"at version none.*run `sojourn migrate`"):
            await Store.open(database_url)


async def _of_version(url: str, version: str) -> None:
    opened = await Store.open(url, migrate=True)
    async with opened.engine.begin() as connection:
        await connection.exec_driver_sql(f"UPDATE alembic_version SET version_num = '{version}'")
    await opened.close()


async def test_a_database_of_another_version_is_refused(database_url: str) -> None:
    await _of_version(database_url, "0000")
    with pytest.raises(StoreUnavailable, match="at version 0000, this code needs") as refused:
        await Store.open(database_url)
    assert "\n" not in str(refused.value)


async def test_a_database_of_a_newer_version_is_not_migrated(database_url: str) -> None:
    await _of_version(database_url, "9999")
    with pytest.raises(StoreUnavailable, match="made by a newer Sojourn") as refused:
        await Store.open(database_url, migrate=True)
    assert "\n" not in str(refused.value)


def _folder(path: Path) -> str:
    return f"sqlite:///{path}"


def _text_file(path: Path) -> str:
    (path / "notes.db").write_text("milk, eggs, bread\n" * 100)
    return f"sqlite:///{path}/notes.db"


def _below_a_file(path: Path) -> str:
    (path / "file").touch()
    return f"sqlite:///{path}/file/sojourn.db"


def _torn_file(path: Path) -> str:
    shutil.copy(path / "whole.db", path / "torn.db")
    with (path / "torn.db").open("r+b") as file:
        file.write(b"SQLite format 3\0" + b"\xff" * 2000)
    return f"sqlite:///{path}/torn.db"


@pytest.mark.parametrize("spoil", [_folder, _text_file, _below_a_file, _torn_file])
async def test_a_file_that_is_no_database_is_one_clear_line(
    tmp_path: Path, migrated_database: Path, spoil: Callable[[Path], str]
) -> None:
    shutil.copy(migrated_database, tmp_path / "whole.db")
    url = spoil(tmp_path)
    with pytest.raises(StoreUnavailable, match=str(tmp_path)) as refused:
        await Store.open(url, migrate=True)
    assert "\n" not in str(refused.value)


async def test_a_postgresql_that_is_not_there_is_one_clear_line() -> None:
    with pytest.raises(StoreUnavailable, match="cannot open the database") as refused:
        await Store.open("postgresql://me:hunter2@127.0.0.1:1/shop")
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_a_postgresql_without_our_database_or_user_is_one_clear_line(
    database_url: str,
) -> None:
    if database_url.startswith("sqlite"):
        pytest.skip("SQLite has neither")
    server, _, _ = database_url.rpartition("/")
    for url in (f"{server}/elsewhere", database_url.replace("sojourn@", "stranger@")):
        with pytest.raises(StoreUnavailable, match="cannot open the database") as refused:
            await Store.open(url)
        assert "\n" not in str(refused.value)


async def test_an_option_the_driver_does_not_know_is_one_clear_line() -> None:
    with pytest.raises(BadSetting, match="sslmode") as refused:
        await Store.open("postgresql://me@127.0.0.1:1/shop?sslmode=require")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    ["", "shop.db", "mysql://me:hunter2@db/shop", "postgresql://me:hunter2@db:port/shop",
     "postgres//me:hunter2@db/shop"],
)  # fmt: skip
async def test_a_wrong_url_is_one_clear_line_without_its_password(url: str) -> None:
    with pytest.raises(BadSetting, match="SOJOURN_DATABASE_URL") as refused:
        await Store.open(url)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


async def test_errors_of_the_database_do_not_quote_what_was_being_written(
    store: Store, customer_id: str
) -> None:
    """They end up in logs, and in the failures that Temporal keeps."""
    kept, _ = await _keep(store, _row(customer_id))
    twice = _row(customer_id, message_id=kept.message_id, properties={"email": "ada@shop.example"})

    async def write() -> None:
        async with store.transaction() as session:
            session.add(twice)

    with pytest.raises(IntegrityError, match="events") as raised:
        await write()
    assert "ada@shop.example" not in str(raised.value)


# ---- moments -------------------------------------------------------------------------------


async def test_moments_come_back_in_utc_to_the_microsecond(store: Store, customer_id: str) -> None:
    rome = datetime(2024, 7, 1, 14, 30, 5, 123456, tzinfo=timezone(2 * HOUR))
    async with store.transaction() as session:
        kept, _ = await events.add(session, _row(customer_id, at=rome))
    async with store.reading() as session:
        found = await events.find(session, kept.message_id)
    assert found is not None
    assert found.occurred_at == rome
    assert found.occurred_at.tzinfo is UTC


async def test_a_naive_moment_is_refused(store: Store, customer_id: str) -> None:
    with pytest.raises(StatementError, match="no time zone"):
        async with store.transaction() as session:
            await events.add(session, _row(customer_id, at=NOON.replace(tzinfo=None)))


# ---- events --------------------------------------------------------------------------------


def _row(
    customer_id: str,
    *,
    at: datetime = NOON,
    name: str = "Product Added",
    message_id: str = "",
    properties: dict[str, Any] | None = None,
) -> EventRow:
    return EventRow(
        message_id=message_id or str(uuid4()),
        customer_id=customer_id,
        name=name,
        occurred_at=at,
        received_at=NOON,
        properties={"product_id": "p", "cart_id": "c"} if properties is None else properties,
    )


async def _keep(store: Store, row: EventRow) -> tuple[EventRow, bool]:
    async with store.transaction() as session:
        await people.lock(session, row.customer_id)
        return await events.add(session, row)


async def _events_of(store: Store, customer_id: str) -> list[EventRow]:
    async with store.reading() as session:
        query = select(EventRow).where(EventRow.customer_id == customer_id)
        return list(await session.exec(query))


async def test_an_event_sent_twenty_times_at_once_is_one_row(
    store: Store, customer_id: str
) -> None:
    message_id = str(uuid4())
    kept = await asyncio.gather(
        *(_keep(store, _row(customer_id, message_id=message_id)) for _ in range(20))
    )
    assert sum(new for _, new in kept) == 1
    assert len({row.seq for row, _ in kept}) == 1
    assert len(await _events_of(store, customer_id)) == 1


async def test_one_id_for_two_customers_at_once_keeps_both(store: Store, customer_id: str) -> None:
    message_id, other = str(uuid4()), f"{customer_id}-other"
    kept = await asyncio.gather(
        *(_keep(store, _row(who, message_id=message_id)) for who in [customer_id, other] * 5)
    )
    assert sum(new for _, new in kept) == 2
    assert len(await _events_of(store, customer_id)) == len(await _events_of(store, other)) == 1


async def test_one_id_for_two_events_keeps_the_purchase(store: Store, customer_id: str) -> None:
    message_id = str(uuid4())
    order = {"order_id": "o", "cart_id": "c"}
    await _keep(store, _row(customer_id, message_id=message_id))
    for new in (True, False):
        row = _row(customer_id, message_id=message_id, name="Order Completed", properties=order)
        kept, stored = await _keep(store, row)
        assert stored is new
        assert isinstance(events.typed(kept, SHIPPED), OrderCompleted)


async def test_an_id_that_had_to_be_lengthened_still_is_an_id(store: Store) -> None:
    longest = uuid4().hex + "x" * 168
    await _keep(store, _row(longest, message_id=longest))
    order = {"order_id": "o", "cart_id": "c"}
    row = _row(longest, message_id=longest, name="Order Completed", properties=order)
    kept, stored = await _keep(store, row)
    assert stored
    assert events.typed(kept, SHIPPED).message_id == kept.message_id
    assert not (await _keep(store, row.model_copy(update={"message_id": longest})))[1]


@pytest.mark.parametrize("key", [7, "7", 7.5, 0])
async def test_a_key_that_was_sent_as_a_number_is_that_key(
    store: Store, customer_id: str, key: Any
) -> None:
    order = {"order_id": "o", "cart_id": key}
    await _keep(store, _row(customer_id, name="Order Completed", properties=order))
    async with store.reading() as session:
        for asked, expected in ((str(key), 1), ("another", 0)):
            found = await events.newer(
                session,
                customer_id,
                ["Order Completed"],
                than=(NOON - HOUR, 0),
                key_field="cart_id",
                key=asked,
                known=SHIPPED,
            )
            assert len(found) == expected


async def test_newer_means_later_in_time_or_after_it_at_the_same_moment(
    store: Store, customer_id: str
) -> None:
    first, _ = await _keep(store, _row(customer_id))
    second, _ = await _keep(store, _row(customer_id))
    earlier, _ = await _keep(store, _row(customer_id, at=NOON - timedelta(microseconds=1)))
    assert first.seq is not None

    async def after(at: datetime, seq: int) -> list[str]:
        async with store.reading() as session:
            found = await events.newer(
                session,
                customer_id,
                ["Product Added"],
                than=(at, seq),
                key_field="",
                key="",
                known=SHIPPED,
            )
        return [event.id for event in found]

    assert await after(NOON, first.seq) == [second.message_id]
    assert await after(NOON - HOUR, 0) == [earlier.message_id, first.message_id, second.message_id]


async def _history(store: Store, customer_id: str, start: EventRow) -> list[Event]:
    assert start.seq is not None
    async with store.reading() as session:
        return await events.history(
            session,
            customer_id,
            key_field="cart_id",
            key="c",
            since_goal=["Order Completed"],
            before=(start.occurred_at, start.seq),
            known=SHIPPED,
        )


async def test_history_is_of_the_key_or_of_none_and_begins_after_the_last_goal(
    store: Store, customer_id: str
) -> None:
    async def add(hours: int, name: str = "Product Added", **properties: Any) -> EventRow:
        given = {"product_id": "p", "order_id": "o", **properties}
        row = _row(customer_id, at=NOON + hours * HOUR, name=name, properties=given)
        return (await _keep(store, row))[0]

    await add(0, cart_id="c")  # bought
    await add(1, "Order Completed", cart_id="c")
    start = await add(2, cart_id="c")
    other = await add(3, "Order Completed", cart_id="another")
    anywhere = await add(4)
    await add(5, "Something Else", cart_id="c")
    late = await add(6, "Order Completed", cart_id="c")  # this run's own goal
    found = [event.message_id for event in await _history(store, customer_id, start)]
    assert found == [start.message_id, anywhere.message_id, late.message_id]
    assert other.message_id not in found


async def test_a_batch_of_customers_with_unrouted_events_names_each_once(
    store: Store, customer_id: str
) -> None:
    for _ in range(3):
        await _keep(store, _row(customer_id))
    async with store.reading() as session:
        found = await events.left_unrouted(session, before=NOON + HOUR, limit=500)
        assert list(found).count(customer_id) == 1
        assert customer_id not in await events.left_unrouted(session, before=NOON, limit=500)
        waiting = (await events.unrouted(session, [customer_id]))[customer_id]
    async with store.transaction() as session:
        await events.mark_routed(session, [row.seq for row in waiting if row.seq], NOON)
        assert await events.unrouted(session, [customer_id]) == {}


# ---- customers and consents ----------------------------------------------------------------


async def _identify(store: Store, customer_id: str, hours: int, **traits: Any) -> Customer:
    identity = read_identity(
        traits, customer_id=customer_id, message_id=str(uuid4()), at=NOON + hours * HOUR
    )
    async with store.transaction() as session:
        return await cards.identify(session, identity)


async def _agreed(store: Store, customer_id: str) -> bool | None:
    async with store.reading() as session:
        said = await consents.current(session, customer_id)
    return said.by_channel.get(Channel.EMAIL)


def _email(granted: bool) -> dict[str, bool]:
    return {"email": granted}


async def test_an_older_identify_only_fills_in_what_is_missing(
    store: Store, customer_id: str
) -> None:
    await _identify(store, customer_id, 2, email="new@shop.example", plan="gold")
    card = await _identify(
        store, customer_id, 1, email="old@shop.example", firstName="Ada", plan="tin", size="M"
    )
    assert (card.email, card.first_name) == ("new@shop.example", "Ada")
    assert card.attributes == {"plan": "gold", "size": "M"}
    card = await _identify(store, customer_id, 3, email="newest@shop.example")
    assert (card.email, card.first_name) == ("newest@shop.example", "Ada")


async def test_identify_calls_at_once_make_one_customer(store: Store, customer_id: str) -> None:
    await asyncio.gather(
        *(_identify(store, customer_id, n, email=f"{n}@shop.example") for n in range(10))
    )
    async with store.reading() as session:
        found = await cards.find(session, customer_id)
    assert found is not None
    assert found.email == "9@shop.example"


async def test_an_event_alone_makes_nobody_known(store: Store, customer_id: str) -> None:
    await _keep(store, _row(customer_id))
    async with store.reading() as session:
        found = await cards.find(session, customer_id)
    assert found is not None
    assert not found.known


WORDS = {
    "the later word counts": ([(1, True), (2, False)], False),
    "and may take it back": ([(1, False), (2, True)], True),
    "a grant that comes late does not": ([(2, False), (1, True)], False),
    "a refusal that comes late neither": ([(2, True), (1, False)], True),
    "a retry after a refusal": ([(1, True), (2, False), (1, True)], False),
    "a refusal said twice, a late grant between": ([(1, False), (3, False), (2, True)], False),
    "a grant said twice, a late refusal between": ([(1, True), (3, True), (2, False)], True),
    "a refusal wins at the same moment": ([(1, False), (1, True)], False),
    "whichever comes first": ([(1, True), (1, False)], False),
    "and stays": ([(1, True), (1, False), (1, True)], False),
}


@pytest.mark.parametrize("case", WORDS)
async def test_the_latest_word_on_consent_counts(store: Store, customer_id: str, case: str) -> None:
    said, expected = WORDS[case]
    for hours, granted in said:
        await _identify(store, customer_id, hours, marketingConsent=_email(granted))
    assert await _agreed(store, customer_id) is expected


async def test_a_refusal_by_form_stands_against_an_identify_of_the_same_moment(
    store: Store, customer_id: str
) -> None:
    async with store.transaction() as session:
        person = await people.lock(session, customer_id)
        for granted in (False, True):
            await consents.record(
                session, person, Channel.EMAIL, granted=granted, at=NOON, source="form"
            )
    assert await _agreed(store, customer_id) is False


async def test_repeating_a_call_leaves_one_statement(store: Store, customer_id: str) -> None:
    for _ in range(3):
        await _identify(store, customer_id, 1, marketingConsent=_email(True))
    async with store.reading() as session:
        query = select(ConsentRow).where(ConsentRow.customer_id == customer_id)
        assert len(list(await session.exec(query))) == 1


# ---- runs and the ledger -------------------------------------------------------------------


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


CONTENT = Content(channel=Channel.EMAIL, template="t", locale="en", text="hello")


async def _claimed(store: Store, customer_id: str) -> int:
    delivery = Delivery(
        workflow_id=f"abandoned-cart:{customer_id}:c",
        journey="abandoned-cart",
        customer_id=customer_id,
        key="c",
        key_field="cart_id",
        enrolment=str(uuid4()),
        n=1,
        step="reminder",
        template="reminder",
        channels=(Channel.EMAIL,),
        message_class=MessageClass.PROMOTIONAL,
        topic="cart",
        due=NOON,
        useful_until=NOON + HOUR,
        now=NOON,
        start=(NOON, 1),
        latest=(NOON, 1),
        goals=(),
        ends=(),
        restarts=(),
        timezone="UTC",
    )
    async with store.transaction() as session:
        row = ledger.new_row(delivery, Channel.EMAIL)
        row.state, row.attempt = MessageState.CLAIMED, 1
        session.add(row)
        await session.flush()
        assert row.id is not None
        return row.id


async def _row_of(store: Store, ledger_id: int) -> LedgerRow:
    async with store.reading() as session:
        row = await session.get(LedgerRow, ledger_id)
    assert row is not None
    return row


async def _submit(store: Store, ledger_id: int, attempt: int) -> bool:
    async with store.transaction() as session:
        return await settling.submit(
            session,
            ledger_id,
            attempt,
            provider="outbox",
            address="a@b.example",
            content=CONTENT,
            now=NOON,
        )


async def test_only_the_attempt_that_holds_the_claim_may_submit(
    store: Store, customer_id: str
) -> None:
    ledger_id = await _claimed(store, customer_id)
    assert not await _submit(store, ledger_id, 2)
    async with store.reading() as session:
        assert await session.get(ContentRow, ledger_id) is None
    tried = await asyncio.gather(*(_submit(store, ledger_id, 1) for _ in range(5)))
    assert sorted(tried) == [False] * 4 + [True]


async def test_what_was_sent_stays_sent(store: Store, customer_id: str) -> None:
    ledger_id = await _claimed(store, customer_id)
    assert await _submit(store, ledger_id, 1)
    told = (
        (MessageState.SENT, None),
        (MessageState.REJECTED, "a slower attempt"),
        (MessageState.UNKNOWN, None),
    )
    for state, detail in told:
        async with store.transaction() as session:
            await settling.settle(session, ledger_id, state, detail=detail, provider_id="p1")
    row = await _row_of(store, ledger_id)
    assert (row.state, row.detail, row.provider_id) == ("sent", None, "p1")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
async def test_progress_only_moves_forward(
    store: Store, customer_id: str, order: tuple[int, ...]
) -> None:
    ledger_id = await _claimed(store, customer_id)
    kinds = (Kind.DELIVERED, Kind.OPENED, Kind.CLICKED)
    for n in order:
        async with store.transaction() as session:
            await settling.advance(session, ledger_id, kinds[n], NOON + n * HOUR)
    row = await _row_of(store, ledger_id)
    assert (row.progress, row.progress_at) == ("clicked", NOON + 2 * HOUR)


async def test_progress_told_again_keeps_its_first_moment(store: Store, customer_id: str) -> None:
    ledger_id = await _claimed(store, customer_id)
    for at in (NOON, NOON + HOUR):
        async with store.transaction() as session:
            await settling.advance(session, ledger_id, Kind.CLICKED, at)
    assert (await _row_of(store, ledger_id)).progress_at == NOON


async def test_a_message_is_found_by_the_name_that_links_have_for_it(
    store: Store, customer_id: str
) -> None:
    row = await _row_of(store, await _claimed(store, customer_id))
    async with store.reading() as session:
        found = await ledger.of_reference(session, row.reference)
        assert found is not None
        assert found.id == row.id
        assert await ledger.of_reference(session, customer_id) is None


async def test_an_old_attempt_cannot_release_what_a_newer_one_submits(
    store: Store, customer_id: str
) -> None:
    ledger_id = await _claimed(store, customer_id)
    assert await _submit(store, ledger_id, 1)
    async with store.transaction() as session:
        await settling.release(session, ledger_id, 0, "too slow")
    assert (await _row_of(store, ledger_id)).state == "submitting"
    async with store.transaction() as session:
        await settling.release(session, ledger_id, 1, "try again")
    assert (await _row_of(store, ledger_id)).state == "claimed"


async def test_what_an_old_attempt_met_says_nothing_of_a_newer_one(
    store: Store, customer_id: str
) -> None:
    ledger_id = await _claimed(store, customer_id)
    assert await _submit(store, ledger_id, 1)
    async with store.transaction() as session:
        row = await session.get(LedgerRow, ledger_id)
        assert row is not None
        row.state, row.attempt, row.possible_duplicate = MessageState.CLAIMED, 2, True
        await attempts.end(session, ledger_id, AttemptState.SUPERSEDED, by="gate")
    assert await _submit(store, ledger_id, 2)
    async with store.transaction() as session:
        await settling.refuse(session, ledger_id, 1, "refused", detail="550 no")
        await settling.absent(session, ledger_id, 1, provider="outbox")
    assert (await _row_of(store, ledger_id)).state == "submitting"
    async with store.reading() as session:
        tried = (await attempts.of_messages(session, [ledger_id]))[ledger_id]
    assert [attempt.state for attempt in tried] == ["refused", "submitting"]
    async with store.transaction() as session:
        await settling.absent(session, ledger_id, 2, provider="outbox")
    row = await _row_of(store, ledger_id)
    assert (row.state, row.possible_duplicate) == ("claimed", False)


async def test_why_there_was_doubt_is_kept_when_a_look_up_ends_it(
    store: Store, customer_id: str
) -> None:
    ledger_id = await _claimed(store, customer_id)
    assert await _submit(store, ledger_id, 1)
    async with store.transaction() as session:
        await settling.doubt(session, ledger_id, 1, "HTTP 500", error="AmbiguousSend")
    async with store.transaction() as session:
        await settling.absent(session, ledger_id, 1, provider="outbox")
    async with store.reading() as session:
        (tried,) = (await attempts.of_messages(session, [ledger_id]))[ledger_id]
    assert (tried.state, tried.settled_by, tried.detail) == ("released", "look-up", "HTTP 500")


async def test_whatever_a_provider_says_can_be_written_down(store: Store, customer_id: str) -> None:
    ledger_id = await _claimed(store, customer_id)
    said = "550 bo\udceete pleine\0" + "!" * 600  # Latin-1 as aiosmtplib reads it
    async with store.transaction() as session:
        await settling.settle(
            session, ledger_id, MessageState.REJECTED, reason="refused", detail=said
        )
    row = await _row_of(store, ledger_id)
    assert row.state == "rejected"
    assert row.detail is not None
    assert row.detail.startswith("550 bo")
    assert len(row.detail) == 500


async def test_erasing_a_ledger_row_takes_its_text_along(store: Store, customer_id: str) -> None:
    ledger_id = await _claimed(store, customer_id)
    assert await _submit(store, ledger_id, 1)
    async with store.transaction() as session:
        row = await session.get(LedgerRow, ledger_id)
        await session.delete(row)
    async with store.reading() as session:
        assert await session.get(ContentRow, ledger_id) is None
