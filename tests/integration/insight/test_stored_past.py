"""The past in the store is enough to play it once more: the ledger is the same.

`tests/long/test_stored_past.py` tries more stories than the few of this file.
"""

import shutil
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from sojourn.domain.events import EARLIEST
from sojourn.insight.backtesting.playing import feed, world_of
from sojourn.insight.backtesting.stored import Stored
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, past
from sojourn.testkit.engines import in_process
from tests.integration.in_memory.test_same_in_memory import collected, row_of
from tests.support.dated import Dated
from tests.support.postgres import Postgres
from tests.support.project import WHOLE
from tests.support.stories import BEGIN, Story, difference, tell

STORIES = 6
NewDatabase = Callable[[Path], Awaitable[str]]


async def told(story: Story, url: str, settings: Settings, project: Project) -> list[Any]:
    """Have a story happen in a store; return its ledger."""
    customer_id = f"c-{uuid4().hex[:12]}"
    async with (
        await Store.open(url) as store,
        in_process.serving(store, settings, project) as engine,
    ):
        test = Dated(engine, store, settings, "", customer_id, project=project)
        test.begin_at(BEGIN)
        await tell(story, test)
        return sorted(map(row_of, await test.messages()), key=str)


async def again(url: str, settings: Settings, project: Project) -> tuple[list[Any], Stored]:
    """Play what a store has in memory; return the ledger, and what was read."""
    stored, until = Stored(), BEGIN + timedelta(days=400)
    async with await Store.open(url) as store:
        async for page in past.pages(store, since=EARLIEST, until=until):
            stored.add(page, project.events, since=EARLIEST, until=until)
    calls = sorted(stored.calls, key=lambda call: call.at)
    world = world_of(project, settings, calls[0].at)
    feed(world, calls)
    world.advance(calls[-1].at + timedelta(days=40))
    people = {id(person): person for person in world.registry.people.values()}
    return sorted((row_of(row) for one in people.values() for row in one.rows), key=str), stored


async def differing(
    stories: list[Story], project: Project, new_database: NewDatabase, folder: Path
) -> tuple[list[str], int]:
    """Return the stories whose ledgers differ, and of how many the store knows everything."""
    found, whole = [], 0
    for story in stories:
        home = folder / uuid4().hex
        home.mkdir()
        url = await new_database(home)
        settings = Settings(home=home, database_url=url, track_clicks=False)
        if story[0].name not in world_of(project, settings, BEGIN).left_out:
            stored = await told(story, url, settings, project)
            here, read = await again(url, settings, project)
            whole += not read.gaps["replaced"]
            if here != stored and not read.gaps["replaced"]:
                rows = difference(here, stored, ("played", "in the store"))
                found.append(f"{story[0].name}: {story[1]}\n{rows}")
        shutil.rmtree(home)
    return found, whole


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, migrated_database: Path) -> NewDatabase:
    """Return a function that makes a migrated database for a story."""

    async def sqlite(home: Path) -> str:
        shutil.copy(migrated_database, home / "journey.db")
        return f"sqlite:///{home / 'journey.db'}"

    async def postgresql(_: Path) -> str:
        return await server.create(like=migrated)

    if request.param == "sqlite":
        return sqlite
    server: Postgres = request.getfixturevalue("postgres")
    migrated: str = request.getfixturevalue("migrated_postgresql")
    return postgresql


async def test_a_story_is_played_again_from_the_store(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    differ, whole = await differing(collected(STORIES), WHOLE, new_database, tmp_path)
    assert not differ, "\n\n".join([f"{len(differ)} of {STORIES}", *differ])
    assert whole >= STORIES / 2, "of most stories the store knows everything"
