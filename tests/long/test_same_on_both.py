"""Both engines agree: the same events give the same ledger and the same ends.

``SOJOURN_SAME=300 pytest tests/long/test_same_on_both.py`` tries so many stories.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from temporalio.client import Client

from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event
from sojourn.domain.events.samples import made_up_fields
from sojourn.journeys.journey import Journey
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines import in_process, temporal
from sojourn.testkit.engines.engine import Engine
from tests.support.project import WHOLE

STORIES = int(os.environ.get("SOJOURN_SAME", "0")) or 25
PROJECT = replace(WHOLE, policy=None)
JOURNEYS = sorted(PROJECT.journeys.values(), key=lambda one: one.name)
BEGIN = datetime(2026, 3, 26, 12, tzinfo=UTC)
"""Three days before Rome changes its clocks."""
SPANS = [
    timedelta(0),
    timedelta(minutes=7),
    timedelta(hours=3),
    timedelta(hours=23),
    timedelta(days=2),
    timedelta(days=8),
]
TRAITS: list[dict[str, Any]] = [
    {"marketingConsent": {"email": False}},
    {"marketingConsent": {"email": True, "sms": True}},
    {"phone": ""},
    {"pushToken": ""},
    {"email": ""},
    {"email": "ada@other.example"},
    {"timezone": "America/New_York"},
    {"locale": "pl-PL"},
]
Deed = Callable[[JourneyTest], Any]


class Act:
    """One thing of a story: it is done to the customer after a span."""

    def __init__(self, after: timedelta, name: str, do: Deed) -> None:
        self.after, self.name, self.do = after, name, do

    def __repr__(self) -> str:
        return f"after {self.after}: {self.name}"


def events_of(journey: type[Journey]) -> list[type[Event]]:
    terms = journey.terms
    found = [*terms.starts_on, *terms.goal, *terms.moved_by, *terms.ends_on, *terms.hears]
    known = dict.fromkeys(one for one in found if one.event_name in PROJECT.events)
    return [one for one in known if _can_be_made_up(one)]


def _can_be_made_up(event: type[Event]) -> bool:
    try:
        made_up_fields(event, now=BEGIN)
    except BadInput:
        return False
    return True


@st.composite
def acts(draw: st.DrawFn, journey: type[Journey]) -> Act:
    after = draw(st.sampled_from(SPANS))
    kind = draw(st.sampled_from(["event"] * 5 + ["traits", "stop"]))
    if kind == "traits":
        traits = draw(st.sampled_from(TRAITS))
        return Act(after, f"identify {traits}", lambda one: one.identify(**traits))
    if kind == "stop":
        return Act(after, "stop", _stop)
    event, key = draw(st.sampled_from(events_of(journey))), journey.terms.key
    fields = {key: draw(st.sampled_from(["k1", "k1", "k2"]))} if key else {}
    late = draw(st.sampled_from([timedelta(0)] * 4 + [timedelta(minutes=2), timedelta(days=3)]))
    number = draw(st.one_of(st.integers(1, 2**40), st.just(0)))  # 0: the same id once more

    async def publish(one: JourneyTest) -> None:
        now = await one.now()
        given = made_up_fields(event, also=key, now=BEGIN) | fields
        given |= {"occurred_at": now - late}
        # a hold ends at a minute that the ids tell
        given |= {"message_id": f"{one.customer_id}-{event.event_name}-{number}"}
        taken = {name: value for name, value in given.items() if name in event.model_fields}
        await one.publish(event, **taken)

    said = f"{event.event_name} {fields} late by {late}, id {number}"
    return Act(after, said, publish)


async def _stop(one: JourneyTest) -> None:
    try:
        await one.stop("a test")
    except (BadInput, RuntimeError):  # it has no run, runs of several journeys, or is over
        return
    except Exception as error:
        if "not found" not in str(error) and "already completed" not in str(error):
            raise


@st.composite
def stories(draw: st.DrawFn) -> tuple[type[Journey], list[Act]]:
    journey = draw(st.sampled_from([one for one in JOURNEYS if _starts(one)]))
    return journey, draw(st.lists(acts(journey), min_size=1, max_size=6))


def _starts(journey: type[Journey]) -> bool:
    return bool(journey.terms.starts_on) and _can_be_made_up(journey.terms.starts_on[0])


async def told(
    engine: Engine, store: Store, settings: Settings, customer_id: str, story: Any
) -> dict[str, Any]:
    """Play a story on an engine; return what became of it."""
    journey, done = story
    test = JourneyTest(engine, store, settings, _queue(engine), customer_id, project=PROJECT)
    test.begin_at(BEGIN)
    starts, key = journey.terms.starts_on[0], journey.terms.key
    fields = made_up_fields(starts, also=key, now=BEGIN) | ({key: "k1"} if key else {})
    await test.publish(starts, **fields | {"message_id": f"{customer_id}-start"})
    for act in done:
        await test.after(act.after)
        await act.do(test)
    await test.after(timedelta(days=40))
    began = BEGIN
    rows = [
        (
            row.journey,
            row.workflow_id.partition(":")[2].partition(":")[2],
            row.step,
            row.channel,
            row.state,
            row.reason,
            _rounded(row.due_at - began),
            _rounded(row.decided_at - began),
        )
        for row in await test.messages()
    ]
    ends = {one.name: test.of(one).outcomes for one in JOURNEYS}
    await test.stop_all()
    return {"rows": sorted(rows, key=str), "ends": {n: e for n, e in ends.items() if e}}


def _queue(engine: Engine) -> str:
    return engine.task_queue if isinstance(engine, temporal.OnTemporal) else ""


def _rounded(span: timedelta) -> int:
    """Return whole minutes: on a server the verbs of a test take their time."""
    return round(span.total_seconds() / 60)


async def test_the_same_story_has_the_same_end_on_both_engines(
    time_skipping_client: Client, migrated_database: Path, tmp_path: Path
) -> None:
    differ: list[str] = []

    @hypothesis.settings(
        max_examples=STORIES,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @given(story=stories())
    def collects(story: tuple[type[Journey], list[Act]]) -> None:
        played.append(story)

    played: list[tuple[type[Journey], list[Act]]] = []
    collects()
    for story in played:
        customer_id = f"c-{uuid4().hex[:12]}"
        seen = {}
        for name in ("in-process", "temporal"):
            home = tmp_path / uuid4().hex
            home.mkdir()
            shutil.copy(migrated_database, home / "journey.db")
            settings = Settings(
                home=home,
                database_url=f"sqlite:///{home / 'journey.db'}",
                quiet_hours=Settings(home=home).quiet_hours,
                track_clicks=False,
            )
            async with await Store.open(settings.store_url) as store:
                serving = (
                    in_process.serving(store, settings, PROJECT)
                    if name == "in-process"
                    else temporal.serving(
                        time_skipping_client,
                        store,
                        settings,
                        PROJECT,
                        f"{TASK_QUEUE}-{uuid4().hex}",
                    )
                )
                async with serving as engine:
                    seen[name] = await told(engine, store, settings, customer_id, story)
        if seen["in-process"] != seen["temporal"]:
            differ.append(f"{story[0].name}: {story[1]}\n{_difference(seen)}")
    assert not differ, "\n\n".join([f"{len(differ)} of {len(played)}", *differ])


def _difference(seen: dict[str, dict[str, Any]]) -> str:
    here, there = seen["in-process"], seen["temporal"]
    return "\n".join([
        *(f"  in process: {row}" for row in here["rows"] if row not in there["rows"]),
        *(f"  temporal:   {row}" for row in there["rows"] if row not in here["rows"]),
        f"  ends: {here['ends']} and {there['ends']}",
    ])  # fmt: skip
