"""An alias joins two ids into one person, in any order of arrival."""

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from random import Random
from shutil import copy
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client

from sojourn.cli.local.stack import Server
from sojourn.dispatch import Sojourn, aliasing
from sojourn.dispatch.planning import Plan
from sojourn.dispatch.routing import Target
from sojourn.dispatch.telling import Reached, Teller
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Customer, read_identity
from sojourn.domain.events import EmailLinkClicked, OrderCompleted, ProductAdded, SignedUp
from sojourn.domain.messages import Channel, Reason, Status
from sojourn.domain.ordering import CLOCK_SKEW
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.serving import worker
from sojourn.settings import Settings
from sojourn.store import Store, addresses, cards, consents, events, joining, ledger, people, runs
from sojourn.store.tables import CustomerRow, RunRow
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines.temporal import OnTemporal
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.crowd import crowd
from tests.support.desk import REACHABLE, Desk
from tests.support.effort import fewer
from tests.support.project import PROJECT

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# ---- the store -----------------------------------------------------------------------------


async def _identify(store: Store, customer_id: str, hours: int, **traits: Any) -> Customer:
    identity = read_identity(
        traits, customer_id=customer_id, message_id=f"i{hours}", at=NOON + hours * HOUR
    )
    async with store.transaction() as session:
        return await cards.identify(session, identity)


async def _join(store: Store, previous_id: str, customer_id: str) -> joining.Joined:
    async with store.transaction() as session:
        return await joining.join(session, previous_id, customer_id, at=NOON)


async def _card(store: Store, customer_id: str) -> Customer:
    async with store.reading() as session:
        found = await cards.find(session, customer_id)
    assert found is not None
    return found


async def _agreed(store: Store, customer_id: str) -> bool | None:
    async with store.reading() as session:
        said = await consents.current(session, await people.resolve(session, customer_id))
    return said.by_channel.get(Channel.EMAIL)


async def _addresses(store: Store, customer_id: str) -> list[tuple[str, int, str]]:
    async with store.reading() as session:
        root = await people.resolve(session, customer_id)
        rows = await addresses.history(session, root)
    return [(row.value, int((row.at - NOON) / HOUR), row.source) for row in rows]


async def test_ids_that_nobody_named_yet_are_joined_and_land_on_one_row(
    store: Store, customer_id: str
) -> None:
    old = f"{customer_id}-old"
    assert (await _join(store, old, customer_id)).moved
    card = await _identify(store, old, 1, email="ada@shop.example")
    assert card.customer_id == customer_id
    assert await _card(store, old) == await _card(store, customer_id)


async def test_a_repeated_reversed_or_reflexive_alias_changes_nothing(
    store: Store, customer_id: str
) -> None:
    old = f"{customer_id}-old"
    await _join(store, old, customer_id)
    for pair in ((old, customer_id), (customer_id, old), (old, old), (customer_id, customer_id)):
        assert await _join(store, *pair) == joining.Joined(customer_id, moved=False)
    async with store.reading() as session:
        assert await people.ids(session, old) == [customer_id, old]


async def test_an_id_joined_to_itself_makes_no_customer(store: Store, customer_id: str) -> None:
    assert not (await _join(store, customer_id, customer_id)).moved
    async with store.reading() as session:
        assert await cards.find(session, customer_id) is None


async def test_chains_of_aliases_are_followed_to_their_end(store: Store, customer_id: str) -> None:
    a, b, c = (f"{customer_id}-{name}" for name in "abc")
    await _join(store, a, b)
    await _join(store, b, c)
    await _join(store, a, customer_id)  # the chain's first id
    await _identify(store, a, 1, firstName="Ada")
    async with store.reading() as session:
        for each in (a, b, c, customer_id):
            assert await people.resolve(session, each) == customer_id
            found = await cards.find(session, each)
            assert found is not None
            assert found.first_name == "Ada"
        assert set(await people.ids(session, b)) == {a, b, c, customer_id}


async def test_aliases_of_the_same_ids_at_once_end_in_one_person(
    store: Store, customer_id: str
) -> None:
    names = [f"{customer_id}-{n}" for n in range(4)]
    pairs = list(itertools.permutations(names, 2))

    async def use(name: str, hours: int) -> None:
        await _identify(store, name, hours, firstName=f"{hours}")

    async with asyncio.timeout(60):
        await asyncio.gather(
            *(_join(store, *pair) for pair in pairs),
            *(use(name, 4 * n + hours) for n in range(3) for hours, name in enumerate(names)),
        )
    async with store.reading() as session:
        assert len({await people.resolve(session, name) for name in names}) == 1
    assert (await _card(store, names[0])).first_name == "11"


async def test_two_joined_cards_keep_the_newer_word_field_by_field(
    store: Store, customer_id: str
) -> None:
    old = f"{customer_id}-old"
    await _identify(store, old, 1, firstName="Ada", email="1@shop.example", plan="tin", size="M")
    await _identify(store, old, 5, email="5@shop.example")
    await _identify(store, customer_id, 3, email="3@shop.example", phone="", plan="gold")
    await _identify(store, old, 2, phone="+393201234567")
    await _join(store, old, customer_id)
    card = await _card(store, customer_id)
    assert (card.first_name, card.email, card.phone) == ("Ada", "5@shop.example", "")
    assert card.attributes == {"plan": "gold", "size": "M"}
    assert await _addresses(store, old) == [
        ("1@shop.example", 1, "i1"),
        ("+393201234567", 2, "i2"),
        ("3@shop.example", 3, "i3"),
        ("", 3, "i3"),
        ("5@shop.example", 5, "i5"),
    ]


async def test_nothing_personal_stays_on_the_pointer(store: Store, customer_id: str) -> None:
    old = f"{customer_id}-old"
    await _identify(store, old, 1, firstName="Ada", email="ada@shop.example", plan="tin")
    await _join(store, old, customer_id)
    async with store.reading() as session:
        row = await session.get(CustomerRow, old)
    assert row is not None
    assert "Ada" not in str(row.model_dump())
    assert "ada@" not in str(row.model_dump())
    assert row.attributes == {}


async def test_a_customer_erased_under_one_id_is_erased_under_both(
    store: Store, customer_id: str
) -> None:
    old = f"{customer_id}-old"
    async with store.transaction() as session:
        (await people.lock(session, old)).erased_at = NOON
    await _identify(store, customer_id, 1, email="ada@shop.example")
    await _join(store, old, customer_id)
    assert (await _card(store, customer_id)).erased


@pytest.mark.parametrize(
    ("said", "agreed"),
    [
        ({"old": (1, True), "new": (2, False)}, False),
        ({"old": (2, False), "new": (1, True)}, False),
        ({"old": (1, False), "new": (2, True)}, True),
        ({"old": (1, False), "new": (1, True)}, False),
        ({"old": (1, True), "new": (1, False)}, False),
    ],
)
async def test_the_latest_word_on_consent_counts_under_either_id(
    store: Store, customer_id: str, said: dict[str, tuple[int, bool]], agreed: bool
) -> None:
    for name, (hours, granted) in said.items():
        await _identify(store, f"{customer_id}-{name}", hours, marketingConsent={"email": granted})
    await _join(store, f"{customer_id}-old", f"{customer_id}-new")
    assert await _agreed(store, f"{customer_id}-new") is agreed


# ---- addresses -----------------------------------------------------------------------------


async def test_a_changed_address_is_a_new_version_and_a_repeated_one_is_not(
    store: Store, customer_id: str
) -> None:
    for hours, email in enumerate(["a@b.example", "a@b.example", "c@d.example", ""]):
        await _identify(store, customer_id, hours, email=email)
    expected = [("a@b.example", 0, "i0"), ("c@d.example", 2, "i2"), ("", 3, "i3")]
    assert await _addresses(store, customer_id) == expected


async def test_a_late_identify_call_takes_its_place_in_the_history_of_addresses(
    store: Store, customer_id: str
) -> None:
    await _identify(store, customer_id, 1, email="a@b.example")
    await _identify(store, customer_id, 3, email="a@b.example")
    await _identify(store, customer_id, 2, email="c@d.example")
    assert (await _card(store, customer_id)).email == "a@b.example"
    assert await _addresses(store, customer_id) == [
        ("a@b.example", 1, "i1"),
        ("c@d.example", 2, "i2"),
        ("a@b.example", 3, "i3"),
    ]


async def test_a_withdrawn_address_is_not_filled_in_by_a_late_call(
    store: Store, customer_id: str
) -> None:
    await _identify(store, customer_id, 3, email="")
    await _identify(store, customer_id, 1, email="a@b.example")
    assert (await _card(store, customer_id)).email == ""
    assert await _addresses(store, customer_id) == [("a@b.example", 1, "i1"), ("", 3, "i3")]


async def test_a_card_without_moments_keeps_its_values(store: Store, customer_id: str) -> None:
    async with store.transaction() as session:
        row = await people.lock(session, customer_id)
        row.email, row.attributes, row.identified_at = "a@b.example", {"note": ""}, NOON
    await _identify(store, customer_id, -1, email="late@b.example", firstName="Ada")
    card = await _card(store, customer_id)
    assert (card.email, card.first_name, card.attributes) == ("a@b.example", "Ada", {"note": ""})
    await _identify(store, customer_id, 1, email="c@d.example")
    assert [value for value, *_ in await _addresses(store, customer_id)] == [
        "late@b.example", "a@b.example", "c@d.example",
    ]  # fmt: skip


# ---- the gate ------------------------------------------------------------------------------


@pytest.fixture
async def desk(store: Store, customer_id: str) -> Desk:
    """Fill a cart under the old id, just before its reminder; give the new id its own address."""
    desk = Desk(store, f"{customer_id}-old")
    await desk.identify(**REACHABLE)
    desk.start = await desk.add()
    await _identify(store, customer_id, 1, email="new@shop.example")
    return desk


async def test_the_gate_judges_by_the_joined_customer(desk: Desk, customer_id: str) -> None:
    await _join(desk.store, desk.customer_id, customer_id)
    assert (await desk.send()).status is Status.SENT
    (parcel,) = desk.carrier.carried
    assert parcel.address == "new@shop.example"
    async with desk.store.reading() as session:
        (row,) = await ledger.of_customer(session, customer_id)
    assert row.workflow_id == f"abandoned-cart:{desk.customer_id}:c"


@pytest.mark.parametrize("alias_first", [True, False])
async def test_the_gate_sees_a_goal_under_either_id(
    desk: Desk, customer_id: str, alias_first: bool
) -> None:
    other = Desk(desk.store, customer_id)
    if alias_first:
        await _join(desk.store, desk.customer_id, customer_id)
        await other.buy()
    else:
        await other.buy()
        await _join(desk.store, desk.customer_id, customer_id)
    assert (await desk.send()).reason is Reason.GOAL_REACHED
    assert desk.carrier.carried == []


async def test_a_step_that_a_joined_customers_other_run_sent_is_not_sent_again(
    desk: Desk, customer_id: str
) -> None:
    twin = f"abandoned-cart:{customer_id}:c"
    async with desk.store.transaction() as session:
        await runs.add(session, [_run(twin, customer_id)])
    await _join(desk.store, desk.customer_id, customer_id)
    assert (await desk.send(workflow_id=twin, n=2)).status is Status.SENT
    assert (await desk.send()).reason is Reason.ALREADY_TOLD
    # a message from before the steps began or restarted does not count
    later = (NOON + 2 * DAY, 10**9)
    assert (await desk.send(n=3, latest=later, useful_until=NOON + 3 * DAY)).status is Status.SENT


def _run(workflow_id: str, customer_id: str) -> RunRow:
    return RunRow(
        workflow_id=workflow_id,
        run_id="r",
        journey="abandoned-cart",
        customer_id=customer_id,
        key="c",
        enrolment="e",
        started_at=NOON,
    )


# ---- in any order --------------------------------------------------------------------------

Say = tuple[int, str, dict[str, Any]]


def _says(hours: int, consents: st.SearchStrategy[bool]) -> st.SearchStrategy[Say]:
    traits = st.fixed_dictionaries(
        {},
        optional={
            "email": st.sampled_from(["", "a@b.example", "c@d.example"]),
            "firstName": st.sampled_from(["Ada", "Bea"]),
            "plan": st.sampled_from(["tin", "gold"]),
            "marketingConsent": st.fixed_dictionaries({"email": consents}),
        },
    )
    return st.tuples(st.just(hours), st.sampled_from("abc"), traits)


SAID = st.tuples(*(_says(hours, st.just(value=True)) for hours in range(5)))
"""A refusal counts from its arrival, so words with refusals keep their order."""
ANYTHING = st.tuples(*(_says(hours, st.booleans()) for hours in range(5)))
JOINS = st.lists(st.sampled_from([("a", "b"), ("b", "c"), ("a", "c"), ("c", "b")]), max_size=3)


@given(said=SAID, joins=JOINS, order=st.randoms(use_true_random=False))
@fewer(0.2)
async def test_identify_and_alias_in_any_order_end_in_the_same_card_and_consents(
    store: Store, said: tuple[Say, ...], joins: list[tuple[str, str]], order: Random
) -> None:
    in_order, shuffled = uuid4().hex, uuid4().hex
    calls: list[Say | tuple[str, str]] = [*said, *joins]
    await _take(store, in_order, calls)
    order.shuffle(calls)
    await _take(store, shuffled, calls)
    for name in "abc":
        assert await _told(store, shuffled, name) == await _told(store, in_order, name)


@given(said=ANYTHING, joins=JOINS, order=st.randoms(use_true_random=False))
@fewer(0.2)
async def test_an_alias_at_any_time_ends_in_the_same_card_and_consents(
    store: Store, said: tuple[Say, ...], joins: list[tuple[str, str]], order: Random
) -> None:
    after, between = uuid4().hex, uuid4().hex
    await _take(store, after, [*said, *joins])
    calls: list[Say | tuple[str, str]] = [*said]
    last = 0
    for join in joins:
        last = order.randint(last, len(calls))
        calls.insert(last, join)
        last += 1
    await _take(store, between, calls)
    for name in "abc":
        assert await _told(store, between, name) == await _told(store, after, name)


async def _take(store: Store, person: str, calls: list[Say | tuple[str, str]]) -> None:
    for call in calls:
        if len(call) == 3:
            await _identify(store, f"{person}-{call[1]}", call[0], **call[2])
        else:
            await _join(store, f"{person}-{call[0]}", f"{person}-{call[1]}")


async def _told(store: Store, person: str, name: str) -> object:
    """Return the customer's card, and check that the history of addresses agrees with it."""
    async with store.reading() as session:
        card = await cards.find(session, f"{person}-{name}")
    history = await _addresses(store, f"{person}-{name}")
    email = history[-1][0] if history else ""
    assert email == (card.email if card else "")
    agreed = await _agreed(store, f"{person}-{name}")
    # an id without calls equals an id whose calls set no field
    return dataclasses.replace(card or Customer(""), customer_id="", known=True), agreed


# ---- the engine ----------------------------------------------------------------------------

Kit = Callable[[], JourneyTest]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def kit(
    time_skipping_client: Client,
    tmp_path_factory: pytest.TempPathFactory,
    migrated_database: Path,
) -> AsyncIterator[Kit]:
    """Make customers under test, with one worker for all."""
    folder = tmp_path_factory.mktemp("alias")
    copy(migrated_database, folder / "sojourn.db")
    here = Settings(home=folder, database_url=f"sqlite:///{folder}/sojourn.db", quiet_hours=None)
    queue = f"{TASK_QUEUE}-{uuid4().hex[:8]}"
    opened = await Store.open(here.store_url)
    await crowd(opened)

    def customer() -> JourneyTest:
        name = f"c-{uuid4().hex[:12]}"
        return JourneyTest(
            OnTemporal(time_skipping_client, queue, PROJECT.journeys),
            opened,
            here,
            queue,
            name,
            project=PROJECT,
        )

    async with worker.serving(time_skipping_client, opened, here, task_queue=queue):
        yield customer
    await opened.close()


@pytest_asyncio.fixture(loop_scope="session")
async def journey(kit: Kit) -> AsyncIterator[JourneyTest]:
    test = kit()
    yield test
    await test.stop_all()


def _old(journey: JourneyTest) -> str:
    return f"{journey.customer_id}-old"


def _added(customer_id: str, hours: float = 0, **fields: Any) -> ProductAdded:
    given = {"cart_id": "c", "product_id": "p", "occurred_at": NOON + hours * HOUR, **fields}
    return ProductAdded(customer_id=customer_id, **given)


def _bought(customer_id: str, hours: float = 1, **fields: Any) -> OrderCompleted:
    given = {"cart_id": "c", "order_id": "o", "occurred_at": NOON + hours * HOUR, **fields}
    return OrderCompleted(customer_id=customer_id, **given)


async def _alias(journey: JourneyTest) -> None:
    sojourn = await journey._ready()
    await sojourn.alias(Alias(_old(journey), journey.customer_id, "alias", NOON))
    await journey.settled()


async def _run_ids(journey: JourneyTest) -> list[str]:
    async with journey.store.reading() as session:
        return [row.workflow_id for row in await runs.of_customer(session, journey.customer_id)]


async def test_open_runs_go_on_and_a_purchase_under_the_new_id_ends_them(
    journey: JourneyTest,
) -> None:
    old = _old(journey)
    (run,) = (await journey.publish(_added(old))).runs
    await _alias(journey)
    assert run == f"abandoned-cart:{old}:c"
    assert journey.outcomes == ["open"]
    assert (await journey.publish(_bought(journey.customer_id))).runs == (run,)
    assert journey.outcomes == ["converted"]


async def test_a_purchase_under_the_old_id_ends_the_runs_of_the_new_one(
    journey: JourneyTest,
) -> None:
    await journey.publish(_added(journey.customer_id))
    await _alias(journey)
    await journey.publish(_bought(_old(journey)))
    assert journey.outcomes == ["converted"]


@pytest.mark.parametrize("buys", ["old", "new"])
async def test_a_purchase_from_before_the_alias_counts(journey: JourneyTest, buys: str) -> None:
    ids = [_old(journey), journey.customer_id]
    buyer, shopper = ids if buys == "old" else reversed(ids)
    await journey.publish(_added(shopper))
    await journey.publish(_bought(buyer))
    await _alias(journey)
    assert journey.outcomes == ["converted"]


async def test_a_start_under_the_new_id_reaches_the_open_run(journey: JourneyTest) -> None:
    (run,) = (await journey.publish(_added(_old(journey)))).runs
    await _alias(journey)
    assert (await journey.publish(_added(journey.customer_id, 2))).runs == (run,)
    await journey.until(NOON + 27 * HOUR)
    assert journey.sent == ["reminder"]
    assert [row.due_at for row in await journey.messages()] == [NOON + 26 * HOUR]
    assert set(await _run_ids(journey)) == {run}


async def test_two_open_runs_of_a_joined_customer_send_each_step_once(journey: JourneyTest) -> None:
    await journey.publish(_added(_old(journey)))
    await journey.publish(_added(journey.customer_id, 3))
    await _alias(journey)
    await journey.after(9 * DAY)
    assert sorted(journey.sent) == ["nudge", "offer", "reminder"]
    assert {reason for _, reason in journey.skipped} <= {"already_told", "superseded"}
    assert "already_told" in dict(journey.skipped).values()


async def test_two_onboardings_end_as_one(journey: JourneyTest) -> None:
    for hours, customer_id in enumerate((_old(journey), journey.customer_id)):
        await journey.publish(SignedUp(customer_id=customer_id, occurred_at=NOON + hours * HOUR))
    await _alias(journey)
    before = len(journey.sent)
    await journey.after(10 * DAY)
    later = journey.sent[before:]
    assert later
    assert len(later) == len(set(later))


async def test_the_message_goes_to_the_joined_customers_address(journey: JourneyTest) -> None:
    await journey.publish(_added(_old(journey)))
    await _alias(journey)
    await journey.identify(email="new@shop.example")
    await journey.after(25 * HOUR)
    async with journey.store.reading() as session:
        ((row, kept),) = await ledger.outbox(session, customer_id=journey.customer_id)
    assert (row.step, kept.address) == ("reminder", "new@shop.example")
    assert row.workflow_id == f"abandoned-cart:{_old(journey)}:c"


async def test_a_refusal_under_the_old_id_is_respected(journey: JourneyTest) -> None:
    sojourn = await journey._ready()
    await journey.publish(_added(journey.customer_id))
    refusal = read_identity(
        {"marketingConsent": {"email": False}},
        customer_id=_old(journey),
        message_id="refusal",
        at=NOON + HOUR,
    )
    await sojourn.identify(refusal)
    await _alias(journey)
    await journey.after(25 * HOUR)
    assert journey.skipped == [("reminder", "no_consent")]


async def _crash(journey: JourneyTest, event: ProductAdded) -> None:
    """Store an event and die before any run is told."""
    sojourn = await journey._ready()

    async def dying(*_: object) -> str | None:
        raise asyncio.CancelledError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sojourn.teller, "reach", dying)
        with pytest.raises(asyncio.CancelledError):
            await sojourn.publish(event)


async def test_events_left_by_a_crash_are_routed_and_start_one_run(journey: JourneyTest) -> None:
    """The process that stored the event may start its run now: both must start the same run."""
    event = _added(_old(journey))
    await _crash(journey, event)
    await _alias(journey)
    assert await _run_ids(journey) == [f"abandoned-cart:{_old(journey)}:c"]
    assert not (await journey.publish(event)).stored
    await journey.publish(_added(journey.customer_id, 1))
    assert set(await _run_ids(journey)) == {f"abandoned-cart:{_old(journey)}:c"}


async def test_a_run_started_while_the_ids_were_joined_is_found_under_the_new_one(
    journey: JourneyTest,
) -> None:
    sojourn = await journey._ready()
    reach = sojourn.teller.reach

    async def joining(target: Target, plan: Any) -> Reached | None:
        answer = await reach(target, plan)
        await _join(journey.store, _old(journey), journey.customer_id)
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sojourn.teller, "reach", joining)
        await sojourn.publish(_added(_old(journey)))
    assert await _run_ids(journey) == [f"abandoned-cart:{_old(journey)}:c"]


async def test_an_event_that_a_run_waits_for_counts_from_before_the_alias(
    journey: JourneyTest,
) -> None:
    await journey.publish(SignedUp(customer_id=journey.customer_id, occurred_at=NOON))
    await journey.publish(
        EmailLinkClicked(
            customer_id=_old(journey), journey="onboarding", step="welcome",
            occurred_at=NOON + HOUR,
        )
    )  # fmt: skip
    for _ in range(2):
        await _alias(journey)
    told = [
        event.workflow_execution_signaled_event_attributes.signal_name
        for event in (await journey.history()).events
        if event.HasField("workflow_execution_signaled_event_attributes")
    ]
    assert told == ["Signed Up", "Email Link Clicked"]


Step = Callable[[JourneyTest], Awaitable[Any]]

SHOPPING: dict[str, Step] = {
    "fill": lambda test: test.publish(_added(_old(test))),
    "buy": lambda test: test.publish(_bought(test.customer_id)),
    "agree": lambda test: test.identify(email="ada@shop.example"),
    "alias": _alias,
}


async def test_a_purchase_cancels_in_any_order_of_events_and_aliases(kit: Kit) -> None:
    for order in itertools.permutations(SHOPPING):
        test = kit()
        for step in order:
            await SHOPPING[step](test)
        await test.settled()
        assert (order, test.outcome in (None, "converted")) == (order, True)
        assert (order, test.sent) == (order, [])


FILLING: dict[str, Step] = {
    "old": lambda test: test.publish(_added(_old(test))),
    "new": lambda test: test.publish(_added(test.customer_id, 1)),
    "alias": _alias,
}


async def test_each_step_is_sent_once_in_any_order_of_events_and_aliases(kit: Kit) -> None:
    tests = {order: kit() for order in itertools.permutations(FILLING)}
    for order, test in tests.items():
        for step in order:
            await FILLING[step](test)
    await next(iter(tests.values())).after(9 * DAY)
    for order, test in tests.items():
        await test.settled()
        assert (order, sorted(test.sent)) == (order, ["nudge", "offer", "reminder"])


async def test_simultaneous_events_and_aliases_leave_no_event_unrouted(
    store: Store, temporal: Server, customer_id: str
) -> None:
    """On PostgreSQL, locks taken in another order would end in a deadlock here."""
    sojourn = Sojourn(temporal.client, store, Settings(), task_queue="nobody-serves-this")
    names = [f"{customer_id}-{n}" for n in range(3)]
    aliases = [Alias(*pair, "alias", NOON) for pair in itertools.permutations(names, 2)]
    made = [
        make(name, hours)
        for hours in range(4)
        for name in names
        for make in (_added, _bought)
    ]  # fmt: skip
    async with asyncio.timeout(60):
        await asyncio.gather(*map(sojourn.publish, made), *map(sojourn.alias, aliases))
        await asyncio.gather(*(sojourn.alias(alias) for alias in aliases))
    async with store.reading() as session:
        (root,) = {await people.resolve(session, name) for name in names}
        kept = await events.of_customer(session, root)
        assert {row.message_id for row in kept} == {event.message_id for event in made}
        assert [row for row in kept if row.routed_at is None] == []
        for name in set(names) - {root}:
            assert await runs.of_customer(session, name) == []
        started = {row.workflow_id for row in await runs.of_customer(session, root)}
    for run in started:
        await temporal.client.get_workflow_handle(run).terminate()


async def test_a_run_that_is_being_started_while_its_ids_are_joined_hears_of_the_purchase(
    journey: JourneyTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The alias call finds no run; the run is noted before anybody routes its events again."""
    sojourn, reach = await journey._ready(), Teller.reach
    starting, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(teller: Teller, target: Target, plan: Plan) -> Reached | None:
        if plan.row.customer_id == _old(journey):
            starting.set()
            await go_on.wait()
        return await reach(teller, target, plan)

    monkeypatch.setattr(Teller, "reach", slowly)
    filling = asyncio.create_task(sojourn.publish(_added(_old(journey))))
    await starting.wait()
    await sojourn.publish(_bought(journey.customer_id))
    await aliasing.join(
        journey.store,
        _old(journey),
        journey.customer_id,
        PROJECT,
        at=NOON,
        timezone="UTC",
        within=CLOCK_SKEW,
    )
    go_on.set()
    await filling
    await sojourn.drain()
    await journey.settled()
    assert journey.outcomes == ["converted"]
