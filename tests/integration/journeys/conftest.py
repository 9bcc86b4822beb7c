from dataclasses import replace
from pathlib import Path

import pytest

from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from tests.support.project import PROJECT, WHOLE


@pytest.fixture(scope="module")
def journey_project(request: pytest.FixtureRequest) -> Project:
    """Return the tests' project, and the journey that this file tests: test_order_confirmed.py."""
    name = Path(request.path).stem.removeprefix("test_").replace("_", "-")
    tested = [WHOLE.journeys[name]] if name in WHOLE.journeys else []
    journeys = Journeys({*PROJECT.journeys.values(), *tested})
    return replace(WHOLE, journeys=journeys, policy=None)
