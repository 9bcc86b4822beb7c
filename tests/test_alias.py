"""Alias: two ids turn out to be one person, and everything follows, in whatever order it came."""

import asyncio
import dataclasses
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from shutil import copy
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from temporalio.client import Client

import worker
from dispatch.calls import Alias
from domain.customer import Customer, read_identity
from domain.errors import BadEvent
from domain.events import EmailLinkClicked, OrderCompleted, ProductAdded, SignedUp
from domain.messages import Channel
from settings import Settings
from store import Store, customers, events, ledger, runs
from store.tables import CustomerRow
from testkit import JourneyTest
from testkit.kit import MONDAY_NOON as NOON
from workflows.journey import TASK_QUEUE

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


# ---- the store -----------------------------------------------------------------------------


async def _identify(store: Store, customer_id: str, hours: int, **traits: Any) -> Customer:
    identity = read_identity(
        traits, customer_id=customer_id, message_id=f"i{hours}", at=NOON + hours * HOUR
    )
    async with store.transaction() as session:
        return await customers.identify(session, identity)


async def _join(store: Store, previous_id: str, customer_id: str) -> customers.Joined:
    async with store.transaction() as session:
        return await customers.join(session, previous_id, customer_id, at=NOON)


async def _card(store: Store, customer_id: str) -> Customer:
    async with store.reading() as session:
        found = await customers.find(session, customer_id)
    assert found is not None
    return found


async def _agreed(store: Store, customer_id: str) -> bool | None:
    async with store.reading() as session:
        said = await customers.consents(session, await customers.resolve(session, customer_id))
    return said.by_channel.get(Channel.EMAIL)


async def _addresses(store: Store, customer_id: str) -> list[tuple[str, int, str]]:
    async with store.reading() as session:
        root = await customers.resolve(session, customer_id)
        rows = await customers.addresses(session, root)
    return [(row.value, int((row.at - NOON) / HOUR), row.source) for row in rows]


async def test_ids_that_nobody_named_yet_are_joined_and_land_on_one_row(
    store: Store, customer_id: str
) -> None:
    old = f"{customer_id}-old"
    assert (await _join(store, old, customer_id)).moved
    card = await _identify(store, old, 1, email="ada@shop.example")
    assert card.customer_id == customer_id
    assert await _card(store, old) == await _card(store, customer_id)


async def test_the_same_alias_again_or_back_or_to_itself_changes_nothing(
    store: Store, customer_id: str
) -> None:
    old = f"{customer_id}-old"
    await _join(store, old, customer_id)
    for pair in ((old, customer_id), (customer_id, old), (old, old), (customer_id, customer_id)):
        assert await _join(store, *pair) == customers.Joined(customer_id, moved=False)
    async with store.reading() as session:
        assert await customers.ids(session, old) == [customer_id, old]


async def test_an_id_joined_to_itself_makes_no_customer(store: Store, customer_id: str) -> None:
    assert not (await _join(store, customer_id, customer_id)).moved
    async with store.reading() as session:
        assert await customers.find(session, customer_id) is None


async def test_chains_are_followed_to_their_end(store: Store, customer_id: str) -> None:
    a, b, c = (f"{customer_id}-{name}" for name in "abc")
    await _join(store, a, b)
    await _join(store, b, c)
    await _join(store, a, customer_id)  # by its first name
    await _identify(store, a, 1, firstName="Ada")
    async with store.reading() as session:
        for each in (a, b, c, customer_id):
            assert await customers.resolve(session, each) == customer_id
            found = await customers.find(session, each)
            assert found is not None
            assert found.first_name == "Ada"
        assert set(await customers.ids(session, b)) == {a, b, c, customer_id}


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
        assert len({await customers.resolve(session, name) for name in names}) == 1
    assert (await _card(store, names[0])).first_name == "11"


async def test_of_two_cards_the_newer_word_wins_field_by_field(
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


async def test_who_is_erased_under_one_id_is_erased(store: Store, customer_id: str) -> None:
    old = f"{customer_id}-old"
    async with store.transaction() as session:
        (await customers.lock(session, old)).erased_at = NOON
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
async def test_the_latest_word_on_consent_counts_under_whichever_id(
    store: Store, customer_id: str, said: dict[str, tuple[int, bool]], agreed: bool
) -> None:
    for name, (hours, granted) in said.items():
        await _identify(store, f"{customer_id}-{name}", hours, marketingConsent={"email": granted})
    await _join(store, f"{customer_id}-old", f"{customer_id}-new")
    assert await _agreed(store, f"{customer_id}-new") is agreed


# ---- addresses -----------------------------------------------------------------------------


async def test_a_changed_address_is_a_version_and_one_said_again_is_not(
    store: Store, customer_id: str
) -> None:
    for hours, email in enumerate(["a@b.example", "a@b.example", "c@d.example", ""]):
        await _identify(store, customer_id, hours, email=email)
    expected = [("a@b.example", 0, "i0"), ("c@d.example", 2, "i2"), ("", 3, "i3")]
    assert await _addresses(store, customer_id) == expected


async def test_a_late_call_goes_into_the_history_in_its_place(
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


async def test_a_card_from_before_moments_were_kept_keeps_its_words(
    store: Store, customer_id: str
) -> None:
    async with store.transaction() as session:
        row = await customers.lock(session, customer_id)
        row.email, row.attributes, row.identified_at = "a@b.example", {"note": ""}, NOON
    await _identify(store, customer_id, -1, email="late@b.example", firstName="Ada")
    card = await _card(store, customer_id)
    assert (card.email, card.first_name, card.attributes) == ("a@b.example", "Ada", {"note": ""})
    await _identify(store, customer_id, 1, email="c@d.example")
    assert [value for value, *_ in await _addresses(store, customer_id)] == [
        "late@b.example", "a@b.example", "c@d.example",
    ]  # fmt: skip


# ---- in any order --------------------------------------------------------------------------

Say = tuple[int, str, dict[str, Any]]


def _says(hours: int) -> st.SearchStrategy[Say]:
    traits = st.fixed_dictionaries(
        {},
        optional={
            "email": st.sampled_from(["", "a@b.example", "c@d.example"]),
            "firstName": st.sampled_from(["Ada", "Bea"]),
            "plan": st.sampled_from(["tin", "gold"]),
            "marketingConsent": st.fixed_dictionaries({"email": st.booleans()}),
        },
    )
    return st.tuples(st.just(hours), st.sampled_from("abc"), traits)


SAID = st.tuples(*(_says(hours) for hours in range(5)))
JOINS = st.lists(st.sampled_from([("a", "b"), ("b", "c"), ("a", "c"), ("c", "b")]), max_size=3)


@given(said=SAID, joins=JOINS, order=st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=30)
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


async def _take(store: Store, person: str, calls: list[Say | tuple[str, str]]) -> None:
    for call in calls:
        if len(call) == 3:
            await _identify(store, f"{person}-{call[1]}", call[0], **call[2])
        else:
            await _join(store, f"{person}-{call[0]}", f"{person}-{call[1]}")


async def _told(store: Store, person: str, name: str) -> object:
    """What the store knows of somebody, and that the history of addresses agrees with it."""
    async with store.reading() as session:
        card = await customers.find(session, f"{person}-{name}")
    history = await _addresses(store, f"{person}-{name}")
    email = history[-1][0] if history else ""
    assert email == (card.email if card else "")
    agreed = await _agreed(store, f"{person}-{name}")
    # an id that nobody named is as good as one whose calls said nothing
    return dataclasses.replace(card or Customer(""), customer_id="", known=True), agreed
