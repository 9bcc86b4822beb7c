"""Requests for confirmation end alike in memory: answered, run out, or asked too often."""

import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sojourn.domain.events import OptInRequested
from tests.integration.in_memory.test_same_in_memory import differing
from tests.support.drawn import drawn
from tests.support.project import WHOLE
from tests.support.stories import PROJECT, SPANS, Act, Teller

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
