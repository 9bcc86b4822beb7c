"""Many events in one transaction are all kept, and no customer's fault delays another."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sojourn.dispatch import Published, committing, intake, later, turns
from sojourn.dispatch.intake import Intake
from sojourn.dispatch.lanes import Arrival, Work, customer_of
from sojourn.dispatch.planning import Plan
from sojourn.dispatch.routing import Start, Target
from sojourn.dispatch.telling import Reached
from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.events import Event, OrderCompleted, ProductAdded, read_event
from sojourn.domain.messages import Reason
from sojourn.domain.switches import Part, Scope
from sojourn.store import Store, events, people, switches
from sojourn.store.tables import EventRow
from tests.support.project import PROJECT

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Runs:
    """A stand-in for Temporal that records the events each run was told, in order.

    This file tests the transactions; test_dispatch.py tests the whole way.
    """

    def __init__(self) -> None:
        self.told: dict[str, list[str]] = {}
        self.away = False
        self.open = asyncio.Event()
        self.open.set()

    async def reach(self, target: Target, plan: Plan) -> Reached:
        if self.away:
            raise TemporalUnavailable("no Temporal server answers")
        await self.open.wait()
        self.told.setdefault(target.workflow_id, []).append(plan.row.message_id)
        return Reached(execution="x" if isinstance(target, Start) else "")


def _intake(store: Store) -> tuple[Intake, Runs]:
    told = Runs()
    return Intake(
        store,
        told,  # type: ignore[arg-type]
        PROJECT,
        timezone="UTC",
        clock=timedelta(0),
    ), told


def _row(event: Event) -> EventRow:
    return EventRow(
        message_id=event.message_id,
        customer_id=event.customer_id,
        name=event.event_name,
        occurred_at=event.occurred_at,
        received_at=NOON,
        properties=event.properties(),
    )


async def _take(taking: Intake, event: Event) -> Published:
    return await taking.take(_row(event), event)


def _added(customer_id: str, n: int = 0, **fields: object) -> ProductAdded:
    return ProductAdded(
        message_id=f"{customer_id}-{n}",
        customer_id=customer_id,
        cart_id="c",
        product_id="p",
        occurred_at=NOON + n * SECOND,
    ).model_copy(update=fields)


async def test_each_customers_events_keep_their_order(store: Store) -> None:
    taking, told = _intake(store)
    people = [f"c-{uuid4().hex[:12]}" for _ in range(30)]
    all_events = [_added(who, n) for n in range(8) for who in people]
    published = await asyncio.gather(*(_take(taking, event) for event in all_events))
    await taking.drain()
    assert all(answer.stored and len(answer.runs) == 1 for answer in published)
    for who in people:
        assert told.told[f"abandoned-cart:{who}:c"] == [f"{who}-{n}" for n in range(8)]
    async with store.reading() as session:
        assert await events.unrouted(session, people) == {}


async def test_the_same_event_many_times_at_once_is_one(store: Store, customer_id: str) -> None:
    taking, told = _intake(store)
    event = _added(customer_id)
    published = await asyncio.gather(*(_take(taking, event) for _ in range(20)))
    assert sorted(answer.stored for answer in published) == [False] * 19 + [True]
    assert told.told == {f"abandoned-cart:{customer_id}:c": [event.message_id]}


async def test_a_message_id_used_twice_in_one_transaction_is_two_events(
    store: Store, customer_id: str
) -> None:
    taking, _ = _intake(store)
    bought = OrderCompleted(
        message_id=f"{customer_id}-0", customer_id=customer_id, order_id="o", occurred_at=NOON
    )
    first, second, again = await asyncio.gather(
        _take(taking, _added(customer_id)), _take(taking, bought), _take(taking, bought)
    )
    assert (first.stored, second.stored, again.stored) == (True, True, False)
    assert second.message_id == again.message_id != first.message_id


async def test_each_event_is_stored_once_in_any_order_and_batch(store: Store) -> None:
    rnd = random.Random(11)
    taking, told = _intake(store)
    people = [f"c-{uuid4().hex[:12]}" for _ in range(10)]
    all_events = [_added(who, n) for n in range(10) for who in people] * 2
    rnd.shuffle(all_events)
    published = await asyncio.gather(*(_take(taking, event) for event in all_events))
    await taking.drain()
    assert sum(answer.stored for answer in published) == 100
    for who in people:
        ids = told.told[f"abandoned-cart:{who}:c"]
        assert sorted(ids) == sorted({f"{who}-{n}" for n in range(10)})


async def test_an_event_that_the_database_refuses_harms_no_other_customer(
    store: Store, customer_id: str
) -> None:
    taking, _ = _intake(store)
    bad = _row(_added(f"{customer_id}-bad"))
    bad.name = None  # type: ignore[assignment]
    event = read_event(
        ProductAdded, bad.properties, message_id="m", customer_id="c", at=bad.occurred_at
    )
    answers = await asyncio.gather(
        *(_take(taking, _added(f"{customer_id}-{n}")) for n in range(5)),
        taking.take(bad, event),
        *(_take(taking, _added(f"{customer_id}-{n}", 1)) for n in range(5)),
        return_exceptions=True,
    )
    await taking.drain()
    assert isinstance(answers.pop(5), DBAPIError)
    assert all(isinstance(answer, Published) and answer.stored for answer in answers)


# SQLite has a single lock, which covers every customer
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_customer_whose_lock_is_held_keeps_nobody_waiting(
    store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committing, "LOCK_TIMEOUT_MS", 50)
    taking, _ = _intake(store)
    held, other = f"{customer_id}-held", f"{customer_id}-other"
    async with store.transaction() as session:
        await people.lock(session, held)
        # in one transaction with others first, then alone
        busy = [asyncio.create_task(_take(taking, _added(who))) for who in (other, held)]
        assert (await busy[0]).stored
        assert (await _take(taking, _added(other, 1))).stored
        assert not busy[1].done()
    assert (await busy[1]).stored


async def test_a_row_that_cannot_be_read_is_passed_over(store: Store, customer_id: str) -> None:
    taking, told = _intake(store)
    async with store.transaction() as session:
        await people.lock(session, customer_id)
        bad = _row(_added(customer_id))
        bad.properties = {}
        await events.add(session, bad)
    assert (await _take(taking, _added(customer_id, 1))).runs
    assert told.told[f"abandoned-cart:{customer_id}:c"] == [f"{customer_id}-1"]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_a_line_to_the_database_that_was_cut_is_replaced(
    database_url: str, customer_id: str
) -> None:
    async with await Store.open(database_url, migrate=True, pool_size=2) as store:
        taking, _ = _intake(store)
        assert (await _take(taking, _added(customer_id))).stored
        async with store.engine.connect() as connection:
            name = (await connection.execute(text("SELECT current_database()"))).scalar_one()
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = :name AND pid <> pg_backend_pid()"
                ),
                {"name": name},
            )
        # a connection that was cut is replaced before it is used
        assert (await _take(taking, _added(customer_id, 1))).stored


# ---- acknowledged means stored -----------------------------------------------------------------


class Watching:
    """A watch that remembers."""

    def __init__(self) -> None:
        self.lags: list[float] = []
        self.later = 0
        self.most = 0
        self.refusals: list[tuple[str, Reason]] = []

    def told(self, seconds: float) -> None:
        self.lags.append(seconds)

    def telling(self, customers: int) -> None:
        self.most = max(self.most, customers)

    def refused(self, journey: str, reason: Reason) -> None:
        self.refusals.append((journey, reason))

    def left(self) -> None:
        self.later += 1


async def _store(taking: Intake, event: Event) -> Published:
    return await taking.take(_row(event), event, wait=False)


async def test_an_event_that_nobody_waits_for_is_answered_when_it_is_stored(
    store: Store, customer_id: str
) -> None:
    taking, told = _intake(store)
    taking.watch = watching = Watching()
    told.open.clear()  # no run answers
    answers = [await _store(taking, _added(customer_id, n)) for n in range(3)]
    assert [(answer.stored, answer.runs) for answer in answers] == [(True, ())] * 3
    answers.append(await _store(taking, _added(customer_id, 3)))
    asked = asyncio.create_task(_take(taking, _added(customer_id, 3)))
    assert not (await _store(taking, _added(customer_id, 3))).stored, "the same event"
    assert not asked.done()
    told.open.set()
    assert (await asked).runs
    await taking.drain()
    assert told.told[f"abandoned-cart:{customer_id}:c"] == [f"{customer_id}-{n}" for n in range(4)]
    assert len(watching.lags) == 4
    async with store.reading() as session:
        assert await events.unrouted(session, [customer_id]) == {}


async def test_a_flood_of_one_customer_takes_a_share_of_each_transaction(
    store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    taking, told = _intake(store)
    batches: list[Counter[str]] = []
    run = committing.Transaction.run

    async def noted(self: Any, session: Any, batch: Sequence[Work], *, patient: bool) -> None:
        batches.append(Counter(customer_of(one) for one in batch if isinstance(one, Arrival)))
        await run(self, session, batch, patient=patient)

    monkeypatch.setattr(committing.Transaction, "run", noted)
    flood = [asyncio.create_task(_store(taking, _added(customer_id, n))) for n in range(300)]
    await flood[0]
    other = f"{customer_id}-other"
    before = len(batches)
    await _store(taking, _added(other))
    assert len(batches) - before <= 2, "the transaction under way, and the next"
    await asyncio.gather(*flood)
    assert max(batch[customer_id] for batch in batches) <= turns.SHARE
    await taking.drain()
    ids = [f"{customer_id}-{n}" for n in range(300)]
    assert told.told[f"abandoned-cart:{customer_id}:c"] == ids


async def test_a_row_that_cannot_be_read_stands_in_nobodys_way_however_many_there_are(
    store: Store, customer_id: str
) -> None:
    taking, told = _intake(store)
    async with store.transaction() as session:
        await people.lock(session, customer_id)
        for n in range(2 * committing.WINDOW):
            bad = _row(_added(customer_id, n))
            bad.properties = {}
            await events.add(session, bad)
    assert (await _take(taking, _added(customer_id, 99))).runs
    await taking.drain()
    assert told.told[f"abandoned-cart:{customer_id}:c"] == [f"{customer_id}-99"]


async def test_what_cannot_be_told_is_told_once_that_is_possible(
    store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(later, "AGAIN_SECONDS", 0.01)
    taking, told = _intake(store)
    told.away = True
    people = [f"{customer_id}-{n}" for n in range(5)]
    for who in people:
        assert (await _store(taking, _added(who))).stored
    told.away = False
    await _until(lambda: len(told.told) == 5)
    await taking.drain()
    async with store.reading() as session:
        assert await events.unrouted(session, people) == {}


async def test_the_customers_whose_runs_are_told_are_bounded_and_none_is_forgotten(
    store: Store, customer_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MOST_LANES", 3)
    monkeypatch.setattr(later, "AGAIN_SECONDS", 0.01)
    taking, told = _intake(store)
    taking.watch = watching = Watching()
    told.open.clear()
    people = [f"{customer_id}-{n}" for n in range(8)]
    for who in people:
        await _store(taking, _added(who))
    assert watching.later == 5
    assert watching.most <= 4, "three, and one that is tried again"
    told.open.set()
    await _until(lambda: len(told.told) == 8)
    await taking.drain()


async def test_an_event_starts_nothing_while_entries_are_held_back_and_everybody_is_told(
    store: Store, customer_id: str
) -> None:
    taking, told = _intake(store)
    taking.watch = watching = Watching()
    first = _added(f"{customer_id}-open")
    await _take(taking, first)
    async with store.transaction() as session:
        await switches.begin(
            session, Scope.TOPIC, "cart", [Part.ENTRIES], closed=False, because="x", by="anna"
        )
    try:
        answer = await _take(taking, _added(customer_id))
        unawaited = await _store(taking, _added(f"{customer_id}-2"))
        again = await _take(taking, _added(f"{customer_id}-open", 1))
        await taking.drain()
    finally:
        async with store.transaction() as session:
            await switches.end(
                session, Scope.TOPIC, "cart", [Part.ENTRIES], because="ok", by="anna"
            )
    for one in (answer, unawaited):
        assert (one.stored, one.runs) == (True, ())
        assert [str(note) for note in one.notes] == [
            "event: starts no run of abandoned-cart: an operator holds it back"
        ]
    assert watching.refusals == [("abandoned-cart", Reason.HELD_BACK)] * 2
    assert again.runs, "a run that is open hears its events"
    assert set(told.told) == {f"abandoned-cart:{customer_id}-open:c"}
    await _take(taking, _added(customer_id, 5))
    assert told.told[f"abandoned-cart:{customer_id}:c"] == [f"{customer_id}-5"], "no catching up"


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 (what is told has no event)
            await asyncio.sleep(0.01)
