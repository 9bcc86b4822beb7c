"""Requests for confirmation end alike in memory: answered, run out, or asked too often."""

import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sojourn.domain.events import OptInRequested
from sojourn.settings import Settings
from tests.integration.in_memory.test_same_in_memory import differing, in_memory
from tests.support.drawn import drawn
from tests.support.in_memory import world_of
from tests.support.project import WHOLE
from tests.support.stories import BEGIN, PROJECT, SPANS, Act, Story, Teller

STORIES = int(os.environ.get("SOJOURN_SAME", "0")) or 12
JOURNEY = PROJECT.journeys["double-opt-in"]
WORDS: list[dict[str, Any]] = [
    {"marketingConsent": False},
    {"marketingConsent": {"email": True, "sms": True}},
    {"marketingConsent": {"email": True}},
    {"marketingConsent": {"email": False, "sms": True}},
    {"consents": [{"channel": "email", "topic": "newsletter", "granted": True}]},
    {"consents": [{"channel": "email", "topic": "newsletter", "granted": False}]},
    {"consents": [{"topic": "newsletter", "granted": False}]},
    {"email": "another@shop.example"},
    {"email": ""},
    {"timezone": "America/New_York"},
]


async def request(one: Teller, *, late: timedelta, number: int, fields: dict[str, Any]) -> None:
    at = await one.now() - late
    told = {"message_id": f"{one.customer_id}-asks-{number}", "occurred_at": at, **fields}
    await one.publish(OptInRequested, **told)


@st.composite
def acts(draw: st.DrawFn) -> Act:
    after = draw(st.sampled_from(SPANS))
    if draw(st.booleans()):
        words = draw(st.sampled_from(WORDS))
        return Act(after, f"identify {words}", lambda one: one.identify(**words))
    asked = {
        "channel": draw(st.sampled_from(["email", "email", "sms"])),
        "topic": draw(st.sampled_from(["", "newsletter", "cart"])),
        **draw(st.sampled_from([{}, {}, {"address": "another@shop.example"}])),
    }
    late = draw(st.sampled_from([timedelta(0)] * 3 + [timedelta(hours=2), timedelta(days=3)]))
    number = draw(st.integers(1, 9))
    do = partial(request, late=late, number=number, fields=asked)
    return Act(after, f"asks {asked}, late by {late}, id {number}", do)


async def test_requests_have_the_same_end_in_memory(
    migrated_database: Path, tmp_path: Path
) -> None:
    told = drawn(st.lists(acts(), min_size=1, max_size=7), STORIES)
    played = [(JOURNEY, done) for done in told]
    differ = await differing(WHOLE, played, migrated_database, tmp_path)
    assert not differ, "\n\n".join([f"{len(differ)} of {STORIES}", *differ])


async def test_an_address_is_asked_as_often_in_memory(
    migrated_database: Path, tmp_path: Path
) -> None:
    no: dict[str, Any] = {"marketingConsent": {"email": False}}
    fields = {"channel": "email", "topic": "newsletter"}
    asks = [
        Act(SPANS[1], "asks", partial(request, late=SPANS[0], number=n, fields=fields))
        for n in range(5)
    ]
    story: Story = (JOURNEY, [Act(SPANS[1], "no", lambda one: one.identify(**no)), *asks])
    assert not await differing(WHOLE, [story], migrated_database, tmp_path)
    settings = Settings(home=tmp_path, quiet_hours=None)
    rows = await in_memory(story, world_of(WHOLE, settings, BEGIN), "c")
    assert [reason for *_, reason, _, _ in rows].count("asked_enough") == 2
