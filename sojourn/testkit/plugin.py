"""The pytest plugin: fixtures for testing journeys.

They need pytest-asyncio. Without it, somebody runs other tests with Sojourn installed, which must
not be disturbed.
"""

from importlib.util import find_spec

import pytest

pytest_plugins = ["sojourn.testkit.fixtures"] if find_spec("pytest_asyncio") else []


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of journeys' tests."""
    group = parser.getgroup("sojourn")
    group.addoption(
        "--engine",
        choices=("in-process", "temporal"),
        default="in-process",
        help="where tests of journeys run: in their own process, or on Temporal's test server",
    )
    group.addoption(
        "--record-histories",
        action="store_true",
        help="keep the histories of scenarios that have none yet in tests/histories/",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark of tests that need Temporal."""
    config.addinivalue_line("markers", "temporal: a test of a journey that needs Temporal's server")
