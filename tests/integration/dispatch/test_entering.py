"""An entry into a journey is judged once, in the transaction that stores the event."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import event as sql_events

from sojourn import ALWAYS, EMAIL, ONCE, Journey, Message, after, did, field, hours, trait
from sojourn.dispatch.intake import Intake
from sojourn.dispatch.planning import Plan
from sojourn.dispatch.routing import Start, Target
from sojourn.dispatch.telling import Reached
from sojourn.domain.customer import read_identity
from sojourn.domain.errors import TemporalUnavailable
from sojourn.domain.events import CheckoutStarted, Event, OrderCompleted
from sojourn.domain.messages import Reason
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.store import Store, cards, entries, joining
from sojourn.store.tables import EntryRow, EventRow
from tests.support.project import PROJECT

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def help_if(**keywords: Any) -> Project:
    """Return a project with one journey, which offers help with a checkout."""

    async def steps(self: Journey) -> None:
        """Send nothing."""

    body = {"steps": steps, "help": Message(EMAIL, useful_for=hours(1))}
    given = {
        "starts_on": CheckoutStarted,
        "key": "cart_id",
        "goal": OrderCompleted,
        "restarts_on": CheckoutStarted,
        **keywords,
    }
    made = type("Help", (Journey,), body, name="help", **given)
    return replace(PROJECT, journeys=Journeys([made]))


class Runs:
    """A stand-in for Temporal: it knows which runs are open."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.open: set[str] = set()
        self.heard: list[tuple[str, str]] = []
        self.asked = 0
        self.away = False
        self.lets_go = asyncio.Event()
        self.lets_go.set()

    async def reach(self, target: Target, plan: Plan) -> Reached | None:
        if self.away:
            raise TemporalUnavailable("no Temporal server answers")
        await self.lets_go.wait()
        run, known = target.workflow_id, target.workflow_id in self.open
        if not known and not isinstance(target, Start):
            return None
        self.heard.append((run, plan.row.message_id))
        if known and run in plan.open_runs:
            return Reached()
        if not known:
            self.open.add(run)
            self.begun.append(run)
        return Reached(execution=uuid4().hex)

    async def is_open(self, workflow_id: str, plan: Plan) -> bool:
        self.asked += 1
        return workflow_id in self.open

    def end(self) -> None:
        """Let every run say all that it had to say."""
        self.open.clear()


class Shop:
    """One customer of a shop with one journey."""

    def __init__(self, store: Store, customer_id: str, project: Project) -> None:
        self.store, self.customer_id, self.project = store, customer_id, project
        self.runs = Runs()
        self.taking = self.gateway()
        self.number = 0

    def gateway(self) -> Intake:
        """Return the intake of one more process."""
        return Intake(
            self.store,
            self.runs,  # type: ignore[arg-type]
            self.project,
            timezone="UTC",
            clock=NOON - datetime.now(UTC),
        )

    def checkout(self, at: timedelta = timedelta(), cart: str = "a", **fields: Any) -> Event:
        self.number += 1
        return CheckoutStarted(
            message_id=f"{self.customer_id}-{self.number}",
            customer_id=self.customer_id,
            occurred_at=NOON + at,
            cart_id=cart,
            **fields,
        )

    async def take(self, event: Event, by: Intake | None = None) -> list[str]:
        """Take an event in, and return its notes."""
        row = EventRow(
            message_id=event.message_id,
            customer_id=event.customer_id,
            name=event.event_name,
            occurred_at=event.occurred_at,
            received_at=datetime.now(UTC),
            properties=event.properties(),
        )
        told = await (by or self.taking).take(row, event)
        return [note.reason for note in told.notes]

    async def judged(self) -> list[tuple[bool, str | None, str]]:
        return [(one.taken, one.reason, one.because) for one in await self.rows()]

    async def until_judged(self, number: int) -> None:
        async with asyncio.timeout(20):
            while len(await self.rows()) < number:  # noqa: ASYNC110 (a row has no event)
                await asyncio.sleep(0.01)

    async def rows(self) -> list[EntryRow]:
        async with self.store.reading() as session:
            return list(await entries.of_customer(session, self.customer_id))

    async def identify(self, **traits: Any) -> None:
        identity = read_identity(
            traits, customer_id=self.customer_id, message_id=uuid4().hex, at=NOON
        )
        async with self.store.transaction() as session:
            await cards.identify(session, identity)


@pytest.fixture
def shop(store: Store, customer_id: str, request: pytest.FixtureRequest) -> Shop:
    return Shop(store, customer_id, help_if(**request.param))


def keywords(**given: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("shop", [given], indirect=True, ids=["shop"])


@keywords(enters_if=field("value") >= 20)
async def test_an_event_that_does_not_qualify_starts_nothing_and_says_by_which_value(
    shop: Shop,
) -> None:
    (note,) = await shop.take(shop.checkout(value=12))
    assert note == (
        "starts no run of help: the customer or the event did not meet the journey's condition of "
        "entry"
    )
    assert await shop.judged() == [(False, "not_qualified", "value: 12 of 20")]
    assert await shop.take(shop.checkout(value=25)) == []
    assert (await shop.judged())[1] == (True, None, "value: 25 of 20")
    assert shop.runs.begun == [f"help:{shop.customer_id}:a"]


@keywords(enters_if=(trait("plan") == "pro") & did(CheckoutStarted, at_least=2))
async def test_the_event_itself_has_happened_and_unknown_is_no_entry(shop: Shop) -> None:
    await shop.take(shop.checkout())
    await shop.take(shop.checkout())
    assert shop.runs.begun == []
    await shop.identify(plan="pro")
    await shop.take(shop.checkout())
    assert len(shop.runs.begun) == 1
    why = [because for _, _, because in await shop.judged()]
    assert why[0] == "Checkout Started: 1 of 2"
    assert why[1] == "plan: not known"


@keywords(enters_if=trait("plan") == "pro")
async def test_the_answer_is_that_of_the_moment_at_which_the_event_was_stored(shop: Shop) -> None:
    shop.runs.away = True
    await shop.identify(plan="free")
    early = shop.checkout()
    await shop.identify(plan="pro")
    with pytest.raises(TemporalUnavailable):
        await shop.take(shop.checkout(cart="b"))
    shop.runs.away = False
    await shop.identify(plan="free")
    await shop.gateway().wake(shop.customer_id)
    assert shop.runs.begun == [f"help:{shop.customer_id}:b"], "as judged while it was pro"
    await shop.take(early)
    await shop.identify(plan="pro")
    await shop.take(early)
    assert len(shop.runs.begun) == 1, "the same event again is judged no second time"


@keywords(enters_if=trait("plan") == "pro")
async def test_an_event_is_judged_when_it_is_stored_though_others_are_told_first(
    shop: Shop,
) -> None:
    await shop.identify(plan="pro")
    shop.runs.lets_go.clear()
    first = asyncio.create_task(shop.take(shop.checkout()))
    await shop.until_judged(1)
    second = asyncio.create_task(shop.take(shop.checkout(cart="b")))
    await shop.until_judged(2)
    await shop.identify(plan="free")
    shop.runs.lets_go.set()
    assert await first == await second == []
    assert len(shop.runs.begun) == 2


@keywords(enters_if=field("value") >= 20)
async def test_an_open_run_hears_what_could_not_have_started_it(shop: Shop) -> None:
    await shop.take(shop.checkout(value=30))
    assert await shop.take(shop.checkout(value=1)) == []
    assert [run for run, _ in shop.runs.heard] == [f"help:{shop.customer_id}:a"] * 2
    assert await shop.judged() == [(True, None, "value: 30 of 20")], "a restart is no entry"
    shop.runs.end()
    assert len(await shop.take(shop.checkout(value=1))) == 1
    assert (await shop.judged())[1] == (False, "not_qualified", "value: 1 of 20")


@keywords(again=ONCE)
async def test_once_holds_over_carts_after_the_end_and_without_temporals_memory(
    shop: Shop,
) -> None:
    await shop.take(shop.checkout())
    assert await shop.take(shop.checkout()) == [], "a restart is no re-entry"
    shop.runs.end()
    await shop.take(shop.checkout())
    await shop.take(shop.checkout(400 * DAY, cart="b"))
    assert shop.runs.begun == [f"help:{shop.customer_id}:a"]
    refused = [(reason, because) for taken, reason, because in await shop.judged() if not taken]
    assert refused == [("came_again", "had a run that began on 8 January 2024; one is all")] * 2


@keywords(again=after(days=30))
async def test_after_some_days_a_customer_enters_again(shop: Shop) -> None:
    await shop.take(shop.checkout())
    await shop.take(shop.checkout(20 * DAY))
    shop.runs.end()
    await shop.take(shop.checkout(29 * DAY))
    await shop.take(shop.checkout(29 * DAY + timedelta(hours=12)))
    assert len(shop.runs.begun) == 2
    await shop.take(shop.checkout(40 * DAY, cart="b"))
    assert (await shop.judged())[-1] == (
        False,
        "came_again",
        "had a run that began on 7 February 2024; after 30 days: 8 March 2024",
    )


@keywords(again=ONCE)
async def test_what_happened_under_a_joined_id_counts(shop: Shop) -> None:
    await shop.take(shop.checkout())
    shop.runs.end()
    async with shop.store.transaction() as session:
        await joining.join(session, shop.customer_id, f"{shop.customer_id}-new", at=NOON)
    await shop.take(shop.checkout(cart="b"))
    shop.customer_id += "-new"
    await shop.take(shop.checkout(cart="c"))
    assert len(shop.runs.begun) == 1
    assert [taken for taken, _, _ in await shop.judged()] == [True, False, False]


@keywords(again=ONCE)
async def test_a_start_that_hits_a_run_which_its_goal_has_ended_begins_no_second(
    shop: Shop,
) -> None:
    await shop.take(shop.checkout())
    bought = OrderCompleted(
        customer_id=shop.customer_id, occurred_at=NOON + DAY, order_id="o", cart_id="a"
    )
    await shop.take(bought)  # the run has heard it, and is not closed yet
    await shop.take(shop.checkout(2 * DAY))
    assert [message for _, message in shop.runs.heard][1:] == [bought.message_id]
    assert (await shop.judged())[-1][1] == "came_again"


@keywords(at_most=2)
async def test_no_more_runs_are_open_than_the_journey_allows(shop: Shop) -> None:
    await shop.take(shop.checkout(cart="a"))
    await shop.take(shop.checkout(cart="b"))
    assert shop.runs.asked == 0, "below the limit nobody asks Temporal"
    (note,) = await shop.take(shop.checkout(cart="c"))
    assert "as many open runs" in note
    _, reason, because = (await shop.judged())[-1]
    assert reason == "enough_runs"
    assert because.startswith("2 open, of 2 at most: help:")
    assert await shop.take(shop.checkout(cart="b")) == [], "an open run is told"
    shop.runs.open.discard(f"help:{shop.customer_id}:a")  # it has said all
    assert await shop.take(shop.checkout(cart="d")) == []
    assert [run.rpartition(":")[2] for run in shop.runs.begun] == ["a", "b", "d"]


@keywords(at_most=1)
async def test_a_run_that_its_goal_has_ended_takes_no_place(shop: Shop) -> None:
    await shop.take(shop.checkout(cart="a"))
    await shop.take(
        OrderCompleted(customer_id=shop.customer_id, occurred_at=NOON, order_id="o", cart_id="a")
    )
    await shop.take(shop.checkout(cart="b"))
    assert [run.rpartition(":")[2] for run in shop.runs.begun] == ["a", "b"]


@keywords(again=ONCE)
async def test_fifty_starts_at_once_by_two_gateways_are_one_run(shop: Shop) -> None:
    gateways = [shop.gateway(), shop.gateway()]
    starts = [shop.checkout(cart=f"c{n}") for n in range(50)]
    await asyncio.gather(*(shop.take(e, gateways[n % 2]) for n, e in enumerate(starts)))
    assert len(set(shop.runs.begun)) == 1
    judged = await shop.judged()
    assert [taken for taken, _, _ in judged].count(True) == 1
    assert len(judged) == 50


@keywords(at_most=3)
async def test_fifty_starts_at_once_by_two_gateways_keep_to_the_limit(shop: Shop) -> None:
    gateways = [shop.gateway(), shop.gateway()]
    starts = [shop.checkout(cart=f"c{n}") for n in range(50)]
    await asyncio.gather(*(shop.take(e, gateways[n % 2]) for n, e in enumerate(starts)))
    assert len(set(shop.runs.begun)) == 3


@keywords()
async def test_an_ordinary_start_costs_nothing_and_a_late_one_is_a_row(shop: Shop) -> None:
    with statements(shop.store) as seen:
        await shop.take(shop.checkout())
    assert [one for one in seen if "entries" in one] == []
    await shop.take(
        OrderCompleted(
            customer_id=shop.customer_id, occurred_at=NOON + DAY, order_id="o", cart_id="b"
        )
    )
    await shop.take(shop.checkout(cart="b"))
    assert [reason for _, reason, _ in await shop.judged()] == [Reason.GOAL_REACHED.value]


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    """Count the statements of a store."""
    seen: list[str] = []

    def note(*given: Any) -> None:
        seen.append(given[2])

    engine = store.engine.sync_engine
    sql_events.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        sql_events.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"again": "once"}, "again= takes ALWAYS, ONCE"),
        ({"again": ONCE.per_key, "key": ""}, "add key="),
        ({"at_most": 0}, "from 1 on"),
        ({"at_most": True}, "from 1 on"),
        ({"at_most": 1, "key": ""}, "leave at_most= out"),
        ({"again": ONCE, "goal": CheckoutStarted}, "CheckoutStarted is the goal"),
    ],
)
def test_a_rule_that_makes_no_sense_is_named_when_the_class_is_made(
    given: Mapping[str, Any], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        help_if(**given)
    assert ALWAYS.is_open
