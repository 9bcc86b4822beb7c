"""Every way to say no races claims: no message is claimed after a "no" is answered.

`SOJOURN_TEST_REFUSALS` sets the number of races; it is small unless set.
"""

import asyncio
import os
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from sojourn.channels import reply_reports
from sojourn.dispatch import Sojourn, choosing
from sojourn.domain.customer import read_identity
from sojourn.domain.messages import Channel
from sojourn.domain.preferences import Form
from sojourn.domain.reports import Kind, Report, writable
from sojourn.sending.drafting import Claim
from sojourn.store import Store, cards, refusals, reports
from sojourn.testkit.kit import MONDAY_NOON as NOON
from tests.support.cli_stack import NOWHERE
from tests.support.desk import DAY, Desk
from tests.support.gateway_links import shop
from tests.support.project import PROJECT

pytestmark = pytest.mark.long

RACES = int(os.environ.get("SOJOURN_TEST_REFUSALS", "20"))
AHEAD = timedelta(hours=2)


async def _begin(store: Store) -> tuple[Desk, str]:
    """Return a customer with a cart, who agreed by a clock that is ahead, and their mailbox."""
    desk = Desk(store, f"race-{uuid4()}")
    address = f"{desk.customer_id}@shop.example"
    await _say(
        store,
        desk.customer_id,
        granted=True,
        at=datetime.now(UTC) + AHEAD,
        email=address,
        phone=_phone(desk),
    )
    desk.start = await desk.add()
    return desk, address


def _phone(desk: Desk) -> str:
    """Return a number of the desk's own."""
    return f"+3932{random.Random(desk.customer_id).randrange(10**8):08}"


async def _say(
    store: Store, customer_id: str, *, granted: bool, at: datetime, **traits: str
) -> None:
    now = datetime.now(UTC)
    call = read_identity(
        {"marketingConsent": {"email": granted, "sms": granted}, **traits},
        customer_id=customer_id, message_id=str(uuid4()), at=at, received_at=now,
    )  # fmt: skip
    async with store.transaction() as session:
        await cards.identify(session, call, now=now)


async def _refuse(store: Store, desk: Desk, address: str, way: str) -> None:
    now = datetime.now(UTC)
    match way:
        case "identify":
            await _say(store, desk.customer_id, granted=False, at=now - AHEAD)
        case "a stranger's report":
            told = Report(
                str(uuid4()), Kind.UNSUBSCRIBED, now - AHEAD, Channel.EMAIL, address=address.upper()
            )
            async with store.transaction() as session:
                await reports.take(session, "postmark", writable(told, now), now)
        case "a stop word":
            (told,) = reply_reports(
                "Basta!",
                event_id=str(uuid4()),
                at=now - AHEAD,
                channel=Channel.SMS,
                address=_phone(desk),
            )
            async with store.transaction() as session:
                await reports.take(session, "twilio", writable(told, now), now)
        case "another id's link":
            async with store.transaction() as session:
                await refusals.add(
                    session, Channel.EMAIL, address, topic="cart", at=now, source="a link"
                )
        case "the preference page":
            await _untick(store, desk)


async def _untick(store: Store, desk: Desk) -> None:
    """Save the page with the box for e-mail unticked."""
    topics = tuple(topic for topic in PROJECT.topics.values() if topic.can_be_refused)
    async with store.reading() as session:
        stands = await choosing.standing(session, desk.customer_id, topics)
    assert stands is not None
    assert Channel.EMAIL in stands.choices.channels
    want = replace(stands.choices, channels=stands.choices.channels - {Channel.EMAIL})
    client = await Client.connect(NOWHERE, lazy=True, data_converter=pydantic_data_converter)
    origin = choosing.Origin("a link", "a link", "en", "", lambda _: "")
    form = Form(desk.customer_id, stands.at, stands.choices)
    assert await choosing.choose(Sojourn(client, store, shop()), form, want, topics, origin)


async def _race(store: Store, way: str, seed: int) -> int:
    """Race one refusal; return how many messages were claimed in attempts that began after it."""
    desk, address = await _begin(store)
    by: dict[str, Any] = {"channels": (Channel.SMS,)} if way == "a stop word" else {}
    answered = asyncio.Event()

    async def refuse() -> None:
        await asyncio.sleep(random.Random(seed).random() * 0.05)
        await _refuse(store, desk, address, way)
        answered.set()

    task = asyncio.create_task(refuse())
    late, number = 0, 0
    while late < 3 and number < 400:
        number += 1
        began_after = answered.is_set()
        step = f"reminder{number}"
        given = desk.delivery(n=number, step=step, **by)
        answer = await desk.gate.pass_or_refuse(given, NOON + DAY)
        if began_after:
            late += 1
            if isinstance(answer, Claim):
                await task
                return 1
        await asyncio.sleep(0)
    await task
    # an older yes that arrives now brings nothing back
    await _say(store, desk.customer_id, granted=True, at=datetime.now(UTC) - AHEAD)
    given = desk.delivery(n=999, step="last", **by)
    return int(isinstance(await desk.gate.pass_or_refuse(given, NOON + DAY), Claim))


@pytest.mark.parametrize(
    "way",
    ["identify", "a stop word", "a stranger's report", "another id's link", "the preference page"],
)
async def test_no_message_is_claimed_after_a_refusal_was_answered(store: Store, way: str) -> None:
    after = 0
    for begin in range(0, RACES, 5):
        seeds = range(begin, min(begin + 5, RACES))
        after += sum(await asyncio.gather(*(_race(store, way, seed) for seed in seeds)))
    assert after == 0
