"""The store's past, played once more: a hundred stories, by hand as many as one likes.

``SOJOURN_SAME=2000 pytest tests/long/test_stored_past.py`` tries so many by each policy.
"""

import os
import shutil
from pathlib import Path

import pytest

from sojourn.project import Project
from tests.integration.in_memory.test_same_in_memory import collected
from tests.integration.insight.test_stored_past import differing
from tests.support.project import WHOLE
from tests.support.stories import PROJECT

STORIES = int(os.environ.get("SOJOURN_SAME", "0")) or 100


@pytest.mark.parametrize("project", [PROJECT, WHOLE], ids=["no policy", "policy"])
async def test_many_stories_are_played_again_from_the_store(
    project: Project, migrated_database: Path, tmp_path: Path
) -> None:
    async def new_database(home: Path) -> str:
        shutil.copy(migrated_database, home / "journey.db")
        return f"sqlite:///{home / 'journey.db'}"

    differ, whole = await differing(collected(STORIES), project, new_database, tmp_path)
    assert not differ, "\n\n".join([f"{len(differ)} of {STORIES}", *differ])
    assert whole >= STORIES / 2, "of most stories the store knows everything"
