"""Journeys of a firm that we do not know come to the same in memory and on Temporal.

``SOJOURN_SAME=50 pytest tests/long/test_same_scripts_on_both.py`` plays so many stories of each.
"""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from temporalio.client import Client

from sojourn.journeys.journey import Journey
from sojourn.journeys.queues import TASK_QUEUE
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines import temporal
from sojourn.testkit.fuzzing.drawing import Subject
from sojourn.testkit.fuzzing.memory import Memory
from sojourn.testkit.fuzzing.script import Script, Stops
from sojourn.testkit.fuzzing.stage import CUSTOMER, Played, Playing, stage
from tests.integration.in_memory.test_same_scripts import DAY, POLICY, SPANS, decided, told_in_time
from tests.support.firm import FIRM
from tests.support.firm_project import project_of
from tests.support.stories import difference

STORIES = int(os.environ.get("SOJOURN_SAME", "0")) or 30


async def on_temporal(
    script: Script, client: Client, empty: Path, settings: Settings, project: Project
) -> Played:
    file = settings.home / f"{uuid4().hex}.db"
    shutil.copy(empty, file)
    played = Played(script)
    queue = f"{TASK_QUEUE}-{uuid4().hex}"
    async with (
        await Store.open(f"sqlite:///{file}") as store,
        temporal.serving(client, store, settings, project, queue) as engine,
    ):
        test = JourneyTest(engine, store, settings, queue, CUSTOMER, project=project)
        test.begin_at(script.begin)
        await Playing(test, played).all(script)
        played.story = await test.story()
        await test.stop_all()
    return played


def is_same(here: list[Any], there: list[Any]) -> bool:
    """Tell whether rows are alike; on a server the verbs of a test take their time."""
    return len(here) == len(there) and all(
        one[:-2] == other[:-2] and max(abs(one[-1] - other[-1]), abs(one[-2] - other[-2])) <= 1
        for one, other in zip(here, there, strict=True)
    )


@pytest.mark.parametrize("journey", FIRM, ids=lambda one: one.name)
async def test_the_same_script_has_the_same_end_on_temporal(
    journey: type[Journey], time_skipping_client: Client, migrated_database: Path, tmp_path: Path
) -> None:
    project = project_of(journey, tmp_path / "templates")
    subject = replace(Subject.of(project, POLICY), spans=SPANS, rest=70 * DAY, times=2)
    differ: list[str] = []
    async with stage(tmp_path) as place:
        memory = Memory(place, project)
        for told in told_in_time(subject, STORIES):
            # a server refuses the stop of a run that is over
            acts = tuple([act for act in told.acts if not isinstance(act, Stops)])
            script = replace(told, acts=acts)
            here = decided(await memory.play(script))
            settings, under = place.under(script.policy, project)
            there = decided(
                await on_temporal(script, time_skipping_client, migrated_database, settings, under)
            )
            if not is_same(here, there):
                differ.append(f"{script}\n{difference(here, there, ('memory', 'temporal'))}")
    assert not differ, "\n\n".join([f"{len(differ)} of {STORIES}", *differ])
