"""A fact about one customer: joined ids, copies, erasure, and the way to the rows."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from sojourn import count, days, did, field, last, total, trait
from sojourn.domain.facts import Fact, Finding
from sojourn.events import OrderCompleted, ProductAdded
from sojourn.store import Store, cards, joining, people
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts import all as everybody
from sojourn.store.facts import one
from sojourn.store.facts.clauses import Clauses
from sojourn.store.tables import CustomerRow
from tests.support.rows import NOON, event_row, identify, keep

LATER = NOON + timedelta(hours=1)


async def judged(store: Store, customer_id: str, fact: Fact) -> Finding:
    async with store.reading() as session:
        person = await session.get(CustomerRow, await people.resolve(session, customer_id))
        assert person is not None
        return await one.judged(session, person, fact, LATER)


async def is_among(store: Store, customer_id: str, fact: Fact) -> bool:
    async with store.reading() as session:
        statement = everybody.holders(fact, LATER, postgresql=is_postgresql(session))
        connection = await session.connection()
        found = await connection.execute(
            statement.where(text("customer_id = :id").bindparams(id=customer_id))
        )
        return found.first() is not None


async def bought(store: Store, customer_id: str, days_ago: float = 0, **changes: object) -> str:
    row = event_row(
        customer_id,
        name="Order Completed",
        at=NOON - days(days_ago),
        properties={"order_id": "o", "total": "30", "currency": "EUR"},
    )
    for name, value in changes.items():
        setattr(row, name, value)
    await keep(store, row)
    return row.message_id


async def test_joined_ids_are_one_customer(store: Store, customer_id: str) -> None:
    other = f"{customer_id}-2"
    await identify(store, customer_id, -2, plan="pro")
    await bought(store, customer_id)
    await bought(store, other)
    async with store.transaction() as session:
        await joining.join(session, customer_id, other, at=NOON)
    fact = did(OrderCompleted, at_least=2) & (trait("plan") == "pro")
    assert (await judged(store, customer_id, fact)).holds is True
    assert await is_among(store, other, fact)
    assert not await is_among(store, customer_id, fact)  # the pointer is nobody


async def test_a_copy_for_another_id_counts_once(store: Store, customer_id: str) -> None:
    other = f"{customer_id}-2"
    original = await bought(store, other)
    await bought(store, customer_id, copy_of=original)
    once = count(OrderCompleted) == 1
    assert (await judged(store, customer_id, once)).holds is True
    async with store.transaction() as session:
        await joining.join(session, other, customer_id, at=NOON)
    assert (await judged(store, customer_id, once)).holds is True
    assert await is_among(store, customer_id, once)


async def test_nothing_is_known_of_an_erased_customer(store: Store, customer_id: str) -> None:
    await identify(store, customer_id, -2, plan="pro")
    await bought(store, customer_id)
    async with store.transaction() as session:
        await cards.erase(session, customer_id, NOON)
    for fact in (did(OrderCompleted), ~did(OrderCompleted), ~trait("plan").is_known):
        found = await judged(store, customer_id, fact)
        assert (found.holds, found.because) == (None, "the customer is erased")
        assert not await is_among(store, customer_id, fact)


async def test_what_happened_after_the_moment_does_not_count(
    store: Store, customer_id: str
) -> None:
    await bought(store, customer_id, days_ago=-1)
    found = await judged(store, customer_id, did(OrderCompleted))
    assert found.because == "Order Completed: 0 of 1"


async def test_the_field_of_an_event_at_hand_is_read_from_it(
    store: Store, customer_id: str
) -> None:
    await identify(store, customer_id, -2)
    fact = field("total") >= 20
    async with store.reading() as session:
        person = await session.get(CustomerRow, customer_id)
        assert person is not None
        found = await one.judged(session, person, fact, LATER, fields={"total": "12"})
        assert (found.holds, found.because) == (False, "total: 12 of 20")
        assert (await one.judged(session, person, fact, LATER)).because == "total: not known"


async def test_values_are_measured(store: Store, customer_id: str) -> None:
    await identify(store, customer_id, -2, plan="pro", tags=["a"])
    for n in range(3):
        await bought(store, customer_id, days_ago=n)
    async with store.reading() as session:
        person = await session.get(CustomerRow, customer_id)
        assert person is not None
        for of, value in (
            (count(OrderCompleted), 3),
            (count(OrderCompleted, within=days(2)), 2),
            (last(OrderCompleted), timedelta(hours=1)),
            (last(OrderCompleted, where=field("cart_id") == "c"), None),
            (total(OrderCompleted, "total", where=field("currency") == "EUR"), 90),
            (trait("plan"), "pro"),
            (trait("tags"), None),
            (trait("nothing"), None),
        ):
            assert await one.measured(session, person, of.of, LATER) == value


@pytest.mark.parametrize("fact", [did(OrderCompleted, at_least=2), last(OrderCompleted) > days(1)])
async def test_the_index_leads_to_a_customers_events(
    store: Store, customer_id: str, fact: Fact
) -> None:
    async with store.reading() as session:
        clauses = Clauses(
            postgresql=is_postgresql(session),
            now=LATER,
            customer_id=customer_id,
            agrees=lambda _: pytest.fail("no consent is asked"),
        )
        connection = await session.connection()
        statement = (clauses.of(fact)).compile(
            dialect=connection.dialect, compile_kwargs={"literal_binds": True}
        )
        if is_postgresql(session):
            await connection.execute(text("SET LOCAL enable_seqscan = off"))
            how = f"EXPLAIN SELECT {statement}"
        else:
            how = f"EXPLAIN QUERY PLAN SELECT {statement}"
        plan = " ".join(map(str, await connection.exec_driver_sql(how)))
    assert "ix_events_customer" in plan


@pytest.mark.parametrize("strange", ["a\0b", "a\ud83d", "\ude00b", "\ude00\ud83d", "\\u0000"])
async def test_a_row_with_a_character_that_postgresql_cannot_read_ends_no_query(
    store: Store, customer_id: str, strange: str
) -> None:
    """Calls with such characters are refused; rows may be older than that."""
    plan, smile = f"p {customer_id}", f"s {customer_id} \U0001f600"
    traits = {"note": strange, strange: 1, "plan": plan, "smile": smile, "tags": [strange, plan]}
    async with store.transaction() as session:
        session.add(CustomerRow(customer_id=customer_id, identified_at=NOON, attributes=traits))
        row = event_row(customer_id, properties={"note": strange, "cart_id": plan})
        session.add(row)
    for fact in (
        trait("plan") == plan,
        trait("smile") == smile,
        trait("tags").contains(plan),
        did(ProductAdded, where=(field("cart_id") == plan)),
    ):
        async with store.reading() as session:
            asked = everybody.holders(fact, NOON, postgresql=is_postgresql(session))
            found = (await (await session.connection()).execute(asked)).scalars().all()
        assert found == [customer_id], fact
