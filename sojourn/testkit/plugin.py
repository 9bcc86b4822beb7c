"""The pytest plugin of the distribution: fixtures for testing journeys.

They need pytest-asyncio. Where it is missing somebody runs other tests beside an installed Sojourn,
which must not be disturbed.
"""

from importlib.util import find_spec

pytest_plugins = ["sojourn.testkit.fixtures"] if find_spec("pytest_asyncio") else []
