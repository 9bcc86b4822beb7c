"""The store's knowledge for a plan: no more of a customer's past than the plan asks about."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from sojourn import Journey, load_project
from sojourn.dispatch.knowing import since_of
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
    assert {who: {one.name for one in rows} for who, rows in found.items()} == {
        customer_id: {"Order Completed"},
        browser: {"Order Completed", "Product Added"},
    }


def one_names(journey: type[Journey]) -> list[str]:
    return [event.event_name for event in journey.terms.goal]
