"""Every audience holds those that an independent count of the raw recording finds."""

import json
import os
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from sojourn import (
    EMAIL,
    SMS,
    Audience,
    clicked,
    consents,
    count,
    days,
    did,
    did_not_react,
    field,
    first,
    last,
    listed,
    reached_goal,
    received,
    total,
    trait,
)
from sojourn.cli.calls import Fault, read_calls
from sojourn.dispatch import Sojourn
from sojourn.dispatch.calls import Track
from sojourn.domain.alias import Alias
from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.customer import Identity
from sojourn.domain.states import MessageState
from sojourn.domain.topics import read_topics
from sojourn.events import OrderCompleted, ProductAdded, ProductViewed
from sojourn.insight import audiences
from sojourn.journeys.registry import Journeys
from sojourn.settings import Settings
from sojourn.store import Store, lists
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.all import holders
from sojourn.store.tables import CampaignRow, LedgerRow, ReportRow
from tests.support.counted import INSIDE, counted
from tests.support.project import PROJECT, WHOLE
from tests.support.shoppers import BEGIN, CAMPAIGN, END, Shoppers, letters

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
    "had": received("spring"),
    "not-had": ~received("spring"),
    "clicked": clicked("spring"),
    "bought": reached_goal("spring"),
    "silent": did_not_react("spring"),
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


STATES = {
    "accepted": MessageState.SENT,
    "doubt": MessageState.UNKNOWN,
    "skipped": MessageState.SKIPPED,
}


async def send(store: Store, sent: list[dict[str, Any]]) -> None:
    """Store a campaign, its letters and the clicks in them; ids that are joined later move them."""
    async with store.transaction() as session:
        session.add(
            CampaignRow(
                id="spring", name="spring", digest="d", launched_at=CAMPAIGN, launched_by="anna",
                plan={"model": {"goals": ["Order Completed"]}}, state=CampaignState.FINISHED,
                frozen_at=CAMPAIGN, changed_at=CAMPAIGN,
            )
        )  # fmt: skip
        for number, one in enumerate(sent):
            key = f"letter-{number}"
            row = LedgerRow(
                ledger_key=key, reference=key, message_id=key, workflow_id="campaign:spring",
                enrolment=one["to"], journey="spring", customer_id=one["to"], n=1, step="message",
                template="message", channel=one["channel"], message_class="promotional",
                topic="offers", state=STATES[one["outcome"]], due_at=CAMPAIGN, decided_at=CAMPAIGN,
            )  # fmt: skip
            session.add(row)
            await session.flush()
            if one["clicked"]:
                session.add(
                    ReportRow(
                        provider="links", event_id=key, ledger_id=row.id, kind="clicked",
                        at=CAMPAIGN, received_at=CAMPAIGN,
                    )
                )  # fmt: skip


async def take(store: Store, file: Path, on_list: list[str], sent: list[dict[str, Any]]) -> None:
    """Take a recording in, call by call, by its own clock."""
    await send(store, sent)
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
def recording(
    request: pytest.FixtureRequest, tmp_path: Path
) -> tuple[Path, list[str], list[dict[str, Any]]]:
    """A recording, who is on the list of its fair, and the letters of its campaign."""
    if request.param == "made":
        made = Shoppers(PEOPLE, SEED)
        made.write(tmp_path / "calls.jsonl")
        return tmp_path / "calls.jsonl", made.on_list, made.letters
    if RECORDED is None:
        pytest.skip("SOJOURN_RECORDING names no file")
    everybody = [f"user_{n:04}" for n in range(600)]
    return Path(RECORDED), everybody[::3], letters(everybody, SEED)


def listed_in(folder: Path, sent: list[dict[str, Any]]) -> Path:
    """Write the log of the letters."""
    log = folder / "letters.jsonl"
    log.write_text("\n".join(map(json.dumps, sent)) + "\n")
    return log


async def test_an_independent_count_finds_the_same_customers_in_every_audience(
    migrated_url: str, recording: tuple[Path, list[str], list[dict[str, Any]]], tmp_path: Path
) -> None:
    file, on_list, sent = recording
    expected = counted(file, on_list, listed_in(tmp_path, sent), CAMPAIGN, END)
    assert expected.keys() == ASKED.keys() == INSIDE.keys()
    found, numbers = {}, {}
    async with await Store.open(migrated_url) as store:
        await take(store, file, on_list, sent)
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
    log = listed_in(tmp_path, made.letters)
    found = counted(tmp_path / "calls.jsonl", made.on_list, log, CAMPAIGN, END)
    sizes = {n: len(who) for n, who in found.items()}
    assert {name: size for name, size in sizes.items() if not 0 < size < 150} == {}
