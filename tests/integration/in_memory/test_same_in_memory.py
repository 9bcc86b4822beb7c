"""Memory decides as the store does: the same story gives the same ledger.

`tests/long/test_same_in_memory.py` tries more stories than the few of this file.
"""

import shutil
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sojourn.in_memory.world import World
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit import JourneyTest
from sojourn.testkit.engines import in_process
from sojourn.testkit.in_memory import InMemory
from tests.support.drawn import drawn
from tests.support.in_memory import world_of
from tests.support.project import WHOLE
from tests.support.rows import HOUR
from tests.support.stories import (
    ANSWERS,
    BEGIN,
    PROJECT,
    Act,
    Story,
    Teller,
    answer,
    difference,
    minutes,
    stories,
    tell,
)

STORIES = 12


def collected(number: int) -> list[Story]:
    """Return so many stories, the same ones each time."""
    return drawn(stories(), number)


def row_of(row: Any) -> tuple[Any, ...]:
    return (
        row.journey,
        row.workflow_id.partition(":")[2].partition(":")[2],
        row.step,
        str(row.channel),
        str(row.state),
        str(row.reason or ""),
        minutes(row.due_at - BEGIN),
        minutes(row.decided_at - BEGIN),
    )


async def in_the_store(
    story: Story, project: Project, settings: Settings, customer_id: str
) -> list[tuple[Any, ...]]:
    async with (
        await Store.open(settings.store_url) as store,
        in_process.serving(store, settings, project) as engine,
    ):
        test = JourneyTest(engine, store, settings, "", customer_id, project=project)
        test.begin_at(BEGIN)
        await tell(story, test)
        return sorted(map(row_of, await test.messages()), key=str)


async def in_memory(story: Story, world: World, customer_id: str) -> list[tuple[Any, ...]]:
    one = InMemory(world, customer_id)
    await tell(story, one)
    return sorted(map(row_of, one.person.rows), key=str)


async def differing(
    project: Project, played: list[Story], migrated: Path, folder: Path
) -> list[str]:
    """Play stories in a store and in memory; return those whose ledgers differ."""
    found: list[str] = []
    for story in played:
        customer_id = f"c-{uuid4().hex[:12]}"
        home = folder / uuid4().hex
        home.mkdir()
        settings = Settings(
            home=home,
            database_url=f"sqlite:///{home / 'journey.db'}",
            quiet_hours=Settings(home=home).quiet_hours,
            track_clicks=False,
        )
        world = world_of(project, settings, BEGIN)
        if story[0].name not in world.left_out:
            shutil.copy(migrated, home / "journey.db")
            stored = await in_the_store(story, project, settings, customer_id)
            here = await in_memory(story, world, customer_id)
            if here != stored:
                rows = difference(here, stored, ("in memory", "in the store"))
                found.append(f"{story[0].name}: {story[1]}\n{rows}")
        shutil.rmtree(home)
    return found


@pytest.mark.parametrize("project", [PROJECT, WHOLE], ids=["no policy", "policy"])
async def test_the_same_story_has_the_same_end_in_memory(
    project: Project, migrated_database: Path, tmp_path: Path
) -> None:
    differ = await differing(project, collected(STORIES), migrated_database, tmp_path)
    assert not differ, "\n\n".join([f"{len(differ)} of {STORIES}", *differ])


async def test_a_persons_answer_has_the_same_end_in_memory(
    migrated_database: Path, tmp_path: Path
) -> None:
    journey = PROJECT.journeys["service-recovery"]
    answered = [
        (journey, [Act(HOUR, name, partial(answer, name=name)), Act(HOUR, "again", _no)])
        for name in ANSWERS
    ]
    differ = await differing(PROJECT, answered, migrated_database, tmp_path)
    assert not differ, "\n\n".join(differ)


async def _no(one: Teller) -> None:
    await answer(one, "no")
