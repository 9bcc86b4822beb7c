"""Every audience holds those that an independent count of the raw recording finds."""

import os
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from temporalio.client import Client

from sojourn import (
    EMAIL,
    SMS,
    Audience,
    consents,
    count,
    days,
    did,
    field,
    first,
    last,
    listed,
    total,
    trait,
)
from sojourn.cli.calls import Fault, read_calls
from sojourn.dispatch import Sojourn
from sojourn.dispatch.calls import Track
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.topics import read_topics
from sojourn.events import OrderCompleted, ProductAdded, ProductViewed
from sojourn.insight import audiences
from sojourn.journeys.registry import Journeys
from sojourn.settings import Settings
from sojourn.store import Store, lists
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.all import holders
from tests.support.counted import INSIDE, counted
from tests.support.project import PROJECT, WHOLE
from tests.support.shoppers import BEGIN, END, Shoppers

PEOPLE = int(os.environ.get("SOJOURN_PEOPLE", "90"))
SEED = int(os.environ.get("SOJOURN_SEED", "1"))
RECORDED = os.environ.get("SOJOURN_RECORDING")
"""A file of Segment calls, one a line: to be counted beside the shop that is made up."""
EUROS = field("currency") == "EUR"
OTHERS = {
    "two-good-ones": did(OrderCompleted, at_least=2, within=days(60), where=field("total") >= 50),
    "nothing-big": ~did(OrderCompleted, where=field("total") >= 200),
    "few-added": count(ProductAdded, within=days(30)) <= 1,
    "armfuls": did(ProductAdded, where=field("quantity") >= 2),
    "long-unseen": last(ProductViewed) > days(20),
    "old-hands": first(OrderCompleted) > days(45),
    "euros-long-ago": last(OrderCompleted, where=EUROS) > days(30),
    "spent-little": ~(total(OrderCompleted, "total", within=days(60), where=EUROS) >= 60),
    "offers-welcome": consents(EMAIL, "offers"),
    "offers-refused": ~consents(EMAIL, "offers"),
    "news-welcome": consents(EMAIL, "news"),
    "by-sms": consents(SMS),
    "not-pro": ~(trait("plan") == "pro"),
    "not-pro-or-not-told": (~(trait("plan") == "pro")).or_if_unknown(True),
    "paying": trait("plan").one_of("pro", "team"),
    "vips": trait("tags").contains("vip"),
    "polish": trait("address", "country") == "PL",
    "age-unknown": ~trait("age").is_known,
    "grown-up": trait("age") >= 18,
    "old-customers": trait("since") < date(2024, 1, 1),
    "no-newsletter": ~(trait("newsletter") == True),  # noqa: E712 (of the facts' language)
    "quiet-or-new": (last(OrderCompleted) > days(30)).or_if_unknown(True),
    "not-listed": ~listed("fair"),
    "mixed": ((trait("plan") == "pro") | did(OrderCompleted, at_least=2))
    & ~did(ProductAdded, within=days(7)),
}
ASKED = {
    **{name: WHOLE.audiences[name] for name in ("regulars", "asleep", "newcomers")},
    **{name: PROJECT.audiences[name] for name in ("pro", "fair", "lookers", "spenders", "once")},
    "away": PROJECT.audiences["asleep"],
    **{name: Audience(name, who) for name, who in OTHERS.items()},
}
TOPICS = read_topics(
    {"offers": {"name": {"en": "Offers"}}, "news": {"name": {"en": "News"}, "default": "off"}}
)


SHOP = replace(PROJECT, journeys=Journeys([]), topics=TOPICS)


async def take(store: Store, file: Path, on_list: list[str]) -> None:
    """Take a recording in, call by call, by its own clock."""
    arrived = BEGIN
    nowhere = await Client.connect("127.0.0.1:9", lazy=True)
    settings = Settings(home=PROJECT.root)
    sojourn = Sojourn(nowhere, store, settings, SHOP, now=lambda: arrived)
    for number, call in read_calls(file, SHOP.events):
        assert not isinstance(call, Fault), f"line {number}: {call.reason}"
        if isinstance(call, Identity | Alias | Track):
            arrived = call.at
        match call:
            case Identity():
                heard = await sojourn.hear(call)
                assert not heard.faults, heard.faults
            case Alias():
                await sojourn.alias(call)
            case Track():
                await call.into(sojourn)
    async with store.transaction() as session:
        await lists.add(session, "fair", on_list, at=END, source="a file")


@pytest.fixture(params=["made", "recorded"])
def recording(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, list[str]]:
    """A recording, and who is on the list of its fair."""
    if request.param == "made":
        made = Shoppers(PEOPLE, SEED)
        made.write(tmp_path / "calls.jsonl")
        return tmp_path / "calls.jsonl", made.on_list
    if RECORDED is None:
        pytest.skip("SOJOURN_RECORDING names no file")
    return Path(RECORDED), [f"user_{n:04}" for n in range(0, 600, 3)]


async def test_an_independent_count_finds_the_same_customers_in_every_audience(
    migrated_url: str, recording: tuple[Path, list[str]]
) -> None:
    file, on_list = recording
    expected = counted(file, on_list, END)
    assert expected.keys() == ASKED.keys() == INSIDE.keys()
    found, numbers = {}, {}
    async with await Store.open(migrated_url) as store:
        await take(store, file, on_list)
        async with store.reading() as session:
            connection = await session.connection()
            for name, audience in ASKED.items():
                query = holders(
                    audience.who, END, postgresql=is_postgresql(session), own=TOPICS.own
                )
                found[name] = {*(await connection.execute(query)).scalars()}
                numbers[name] = await audiences.count(session, SHOP, audience, END)
    assert {n: found[n] ^ expected[n] for n in ASKED if found[n] != expected[n]} == {}
    assert numbers == {name: len(who) for name, who in expected.items()}


def test_the_made_up_shop_asks_each_question_of_some_and_not_of_all(tmp_path: Path) -> None:
    made = Shoppers(150, seed=1)
    made.write(tmp_path / "calls.jsonl")
    sizes = {n: len(who) for n, who in counted(tmp_path / "calls.jsonl", made.on_list, END).items()}
    assert {name: size for name, size in sizes.items() if not 0 < size < 150} == {}
