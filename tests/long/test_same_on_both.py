"""Both engines agree: the same events give the same ledger and the same ends.

``SOJOURN_SAME=300 pytest tests/long/test_same_on_both.py`` tries so many stories.
"""

import os
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

from temporalio.client import Client

from sojourn.journeys.queues import TASK_QUEUE
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines import in_process, temporal
from sojourn.testkit.engines.engine import Engine
from tests.support.drawn import drawn
from tests.support.stories import (
    BEGIN,
    JOURNEYS,
    PROJECT,
    Story,
    difference,
    minutes,
    stories,
    tell,
)

STORIES = int(os.environ.get("SOJOURN_SAME", "0")) or 25


async def told(
    engine: Engine, store: Store, settings: Settings, customer_id: str, story: Story
) -> dict[str, Any]:
    """Play a story on an engine; return what became of it."""
    test = JourneyTest(engine, store, settings, _queue(engine), customer_id, project=PROJECT)
    test.begin_at(BEGIN)
    await tell(story, test)
    rows = [
        (
            row.journey,
            row.workflow_id.partition(":")[2].partition(":")[2],
            row.step,
            row.channel,
            row.state,
            row.reason,
            minutes(row.due_at - BEGIN),
            minutes(row.decided_at - BEGIN),
        )
        for row in await test.messages()
    ]
    ends = {one.name: test.of(one).outcomes for one in JOURNEYS}
    await test.stop_all()
    return {"rows": sorted(rows, key=str), "ends": {n: e for n, e in ends.items() if e}}


def _queue(engine: Engine) -> str:
    return engine.task_queue if isinstance(engine, temporal.OnTemporal) else ""


async def test_the_same_story_has_the_same_end_on_both_engines(
    time_skipping_client: Client, migrated_database: Path, tmp_path: Path
) -> None:
    differ: list[str] = []
    for story in drawn(stories(), STORIES):
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
            here, there = seen["in-process"], seen["temporal"]
            rows = difference(here["rows"], there["rows"], ("in process", "temporal"))
            ends = f"  ends: {here['ends']} and {there['ends']}"
            differ.append(f"{story[0].name}: {story[1]}\n{rows}\n{ends}")
    assert not differ, "\n\n".join([f"{len(differ)} of {STORIES}", *differ])
