"""The pytest plugin: fixtures for testing journeys.

They need pytest-asyncio. Without it, somebody runs other tests with Sojourn installed, which must
not be disturbed.
"""

from importlib.util import find_spec

import pytest

pytest_plugins = ["sojourn.testkit.fixtures"] if find_spec("pytest_asyncio") else []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of `sojourn.testkit.scenarios`."""
    parser.getgroup("sojourn").addoption(
        "--record-histories",
        action="store_true",
        help="keep the histories of scenarios that have none yet in tests/histories/",
    )
