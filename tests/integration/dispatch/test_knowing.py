"""The store's knowledge for a plan: no more of a customer's past than the plan asks about."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn import Journey, load_project
from sojourn.dispatch.beginning import revives
from sojourn.dispatch.knowing import before_of, since_of
from sojourn.dispatch.planning import readable
from sojourn.project import Project
from sojourn.store import Store
from sojourn.store.tables import EventRow
from tests.support.markdown import ROOT

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIELDS = {"cart_id": "k", "product_id": "p", "order_id": "o"}


def row(customer_id: str, name: str, at: datetime, *, waits: bool = False) -> EventRow:
    return EventRow(
        message_id=str(uuid4()),
        customer_id=customer_id,
        name=name,
        occurred_at=at,
        received_at=at,
        routed_at=None if waits else at,
        properties=FIELDS,
    )


async def test_events_that_concern_no_run_about_to_start_are_not_read(
    store: Store, customer_id: str
) -> None:
    project: Project = load_project(ROOT)
    goals = {name for one in project.journeys.values() for name in one_names(one)}
    assert "Product Added" in goals, "it is the goal of browse-abandonment, which it never starts"
    browser = f"{customer_id}-2"
    past = [row(customer_id, "Product Added", NOW + n * MINUTE) for n in range(3)]
    past += [row(one, "Order Completed", NOW + MINUTE) for one in (customer_id, browser)]
    past.append(row(browser, "Product Added", NOW + MINUTE))
    cart = row(customer_id, "Product Added", NOW, waits=True)
    look = row(browser, "Product Viewed", NOW, waits=True)
    async with store.transaction() as session:
        session.add_all([*past, cart, look])
        await session.flush()
        waiting = {one.customer_id: readable([one], project.events)[0] for one in (cart, look)}
        found = await since_of(session, waiting, project.journeys, timedelta(0))
    assert {who: {one.name for one in since.rows} for who, since in found.items()} == {
        customer_id: {"Order Completed"},
        browser: {"Order Completed", "Product Added"},
    }


def one_names(journey: type[Journey]) -> list[str]:
    return [event.event_name for event in journey.terms.goal]


async def test_what_was_told_before_a_change_is_found_without_reading_all_that_was(
    store: Store, customer_id: str
) -> None:
    project: Project = load_project(ROOT)

    def changed(thing: str, minutes: int, *, waits: bool = False) -> EventRow:
        found = row(customer_id, "Subscription Changed", NOW + minutes * MINUTE, waits=waits)
        ends = (NOW + timedelta(days=90, minutes=minutes)).isoformat()
        found.properties = {"subscription_id": thing, "expires_at": ends}
        return found

    async def read_for(session: AsyncSession, waits: EventRow) -> list[int]:
        waiting = {customer_id: readable([waits], project.events)[0]}
        found = (await before_of(session, waiting, project))[customer_id]
        (event,) = (event for _, event in waiting[customer_id])
        assert revives(project.journeys["renewal"], event, waits, found)
        return [one.seq or 0 for one, _ in found]

    async with store.transaction() as session:
        past = [changed("old", 0), *(changed(f"s{n % 5}", n) for n in range(1, 250))]
        often, seldom = changed("s1", 300, waits=True), changed("old", 301, waits=True)
        later = changed("s1", 400)
        session.add_all([*past, often, seldom, later])
        await session.flush()
        numbers = [one.seq for one in past]
        assert await read_for(session, often) == numbers[-100:], "one page has it"
        assert await read_for(session, seldom) == [*numbers, often.seq]
