"""Limits against abuse count alike in memory: by customer, by address, by network."""

import os
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from sojourn.domain.events import LoginCodeRequested
from tests.integration.in_memory.test_same_in_memory import differing
from tests.support.drawn import drawn
from tests.support.project import WHOLE
from tests.support.stories import Act, Teller

STORIES = int(os.environ.get("SOJOURN_SAME", "0")) or 6
JOURNEY = WHOLE.journeys["login-code"]
SPANS = [timedelta(0), timedelta(minutes=1), timedelta(minutes=7), timedelta(minutes=50)]
PHONES = ["", "+39 320 1234567", "+393201234567", "+39 320 7654321"]
NETWORKS = ["", "203.0.113.7", "2001:db8::1", "2001:db8::2", "2001:db8:1::1"]


async def request(one: Teller, **fields: Any) -> None:
    given = {name: value for name, value in fields.items() if value}
    given["message_id"] = f"{one.customer_id}-{fields['request_id']}"
    now = await one.now()
    told = {"code": "123456", "expires_at": now + timedelta(minutes=10), "occurred_at": now}
    await one.publish(LoginCodeRequested, **told, **given)


@st.composite
def acts(draw: st.DrawFn) -> Act:
    after = draw(st.sampled_from(SPANS))
    if draw(st.integers(0, 9)) == 0:
        return Act(after, "another number", lambda one: one.identify(phone=PHONES[-1]))
    fields: dict[str, Any] = {
        "request_id": f"r{draw(st.integers(1, 40))}",
        "phone": draw(st.sampled_from(PHONES)),
        "ip": draw(st.sampled_from(NETWORKS)),
    }
    return Act(after, f"asks {fields}", partial(request, **fields))


async def test_limits_count_alike_in_memory(migrated_database: Path, tmp_path: Path) -> None:
    told = drawn(st.lists(acts(), min_size=6, max_size=14), STORIES)
    played = [(JOURNEY, done) for done in told]
    differ = await differing(WHOLE, played, migrated_database, tmp_path)
    assert not differ, "\n\n".join([f"{len(differ)} of {STORIES}", *differ])
