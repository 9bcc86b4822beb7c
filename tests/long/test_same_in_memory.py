"""Memory decides as the store does: three hundred stories, by hand as many as one likes.

``SOJOURN_SAME=5000 pytest tests/long/test_same_in_memory.py`` tries so many by each policy.
"""

import os
from pathlib import Path

import pytest

from sojourn.project import Project
from tests.integration.in_memory.test_same_in_memory import collected, differing
from tests.support.project import WHOLE
from tests.support.stories import PROJECT

STORIES = int(os.environ.get("SOJOURN_SAME", "0")) or 150


@pytest.mark.parametrize("project", [PROJECT, WHOLE], ids=["no policy", "policy"])
async def test_many_stories_have_the_same_end_in_memory(
    project: Project, migrated_database: Path, tmp_path: Path
) -> None:
    differ = await differing(project, collected(STORIES), migrated_database, tmp_path)
    assert not differ, "\n\n".join([f"{len(differ)} of {STORIES}", *differ])
