"""Memory goes on with open runs as the real engine does: random stories, each cut somewhere.

``SOJOURN_SAME=200 pytest tests/long/test_led_on.py`` tries so many.
"""

import os
import shutil
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from hypothesis import strategies as st
from temporalio.client import Client

from sojourn.journeys.queues import TASK_QUEUE
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines import temporal
from tests.support.drawn import drawn
from tests.support.leading import differ, happened, led, predicted, snapshot
from tests.support.project import WHOLE
from tests.support.stories import BEGIN, Story, stories, tell

STORIES = int(os.environ.get("SOJOURN_SAME", "0")) or 30
MONTHS = timedelta(days=60)
PAUSES = [timedelta(0), timedelta(hours=7), timedelta(hours=25), timedelta(days=4)]
Cut = tuple[Story, timedelta]


async def test_open_runs_go_on_in_memory_as_on_the_real_engine(
    time_skipping_client: Client, migrated_database: Path, tmp_path: Path
) -> None:
    cuts: list[Cut] = drawn(st.tuples(stories(), st.sampled_from(PAUSES)), STORIES)
    wrong: list[str] = []
    compared = 0
    for story, after in cuts:
        home = tmp_path / uuid4().hex
        home.mkdir()
        shutil.copy(migrated_database, home / "journey.db")
        settings = Settings(
            home=home,
            database_url=f"sqlite:///{home / 'journey.db'}",
            track_clicks=False,
        )
        queue = f"{TASK_QUEUE}-{uuid4().hex}"
        async with (
            await Store.open(settings.store_url) as store,
            temporal.serving(time_skipping_client, store, settings, WHOLE, queue) as engine,
        ):
            customer_id = f"c-{uuid4().hex[:12]}"
            test = JourneyTest(engine, store, settings, queue, customer_id, project=WHOLE)
            test.begin_at(BEGIN)
            await tell(story, test, after)
            await test.settled()
            file = await snapshot(time_skipping_client, store, await engine.now(), home / "snap")
            found = led(file, WHOLE, settings, MONTHS)
            at = await test.now()
            await test.after(MONTHS)
            await test.settled()
            rows = await happened(store, at, at + MONTHS)
            compared += len(rows)
            differs = differ(rows, predicted(found))
            if differs or found.broken:
                said = "\n".join(map(str, differs))
                wrong.append(f"{story[0].name}: {story[1]}, {after} later\n{found.broken}\n{said}")
            await test.stop_all()
    assert not wrong, "\n\n".join([f"{len(wrong)} of {len(cuts)}", *wrong])
    assert compared > STORIES / 3, compared
