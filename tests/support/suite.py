"""The fixtures of all tests, and the hooks of a process that runs them (`tests/conftest.py`)."""

import asyncio
import functools
import gc
import inspect
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import pytest_asyncio
import uvloop

from sojourn.cli.local.stack import Server, dev_server
from sojourn.settings import Settings
from sojourn.store import Store
from tests.support import cheap
from tests.support.cli_stack import cli, offline, served  # noqa: F401 (fixtures)
from tests.support.crowd import crowd
from tests.support.own_project import own_project  # noqa: F401 (a fixture)
from tests.support.postgres import Postgres, find

cheap.statements_compiled_once()
cheap.workers_of_one_build()

# RudderStack's SDK reads the .env above it into the environment: here that is Compose's
os.environ["PYTHON_DOTENV_DISABLED"] = "1"

# tests and the processes that they start count what four journeys do, whatever else ships
os.environ["SOJOURN_PROJECT"] = str(Path(__file__).parent / "shop")

# gateways that run side by side would want one port: a test that asks for it gives it its own
os.environ["SOJOURN_GATEWAY_OPERATIONS_ADDRESS"] = ""

TESTS = Path(__file__).parents[1]
KEPT = ("SOJOURN_PROJECT",)
LONG = TESTS / "long"
INTEGRATION = TESTS / "integration"
JOURNEYS = INTEGRATION / "journeys"
STORE = TESTS / "integration" / "store"
PATIENCE, LONG_PATIENCE = 300, 900
"""Seconds that a test, or one in tests/long, may take; a size given by hand has no limit."""

SERVERS = {"temporal", "own_temporal", "time_skipping_client"}
"""Fixtures of Temporal's servers, on which a test takes a second."""


@pytest.hookimpl(tryfirst=True)  # before `-m` selects by what is marked here
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark properties, long tests and those after the first of a file; begin with what is long.

    `make test` tries the unit tests, and of each file on real parts the first test, in one case;
    one that takes seconds is marked `more` in its file, and the next one is the first.
    `make test-more` tries the others, but nothing twice: of what stands on the store it leaves out
    the round on PostgreSQL, of the cases of a test on a Temporal server all but one. These are for
    `make test-long`. Processes that begin with the long tests end at about the same time.
    """
    tried: set[str] = set()
    first: dict[Path, pytest.Item] = {}
    sized = bool(_sizes())
    lies_in = functools.cache(lambda file, folder: file.is_relative_to(folder))
    for item in items:
        if hypothesis.is_hypothesis_test(getattr(item, "function", None)):
            item.add_marker("property")
        if "journey" in getattr(item, "fixturenames", ()) and not lies_in(item.path, JOURNEYS):
            item.add_marker("temporal")  # it has more of an installation than a journey's test
        long = lies_in(item.path, LONG)
        _limit(item, None if sized else LONG_PATIENCE if long else PATIENCE)
        if long or (not lies_in(item.path, STORE) and _repeats(item, tried)):
            item.add_marker("long")
        elif item.get_closest_marker("more") is not None:
            continue  # said in its file: it takes seconds
        elif lies_in(item.path, INTEGRATION) and first.setdefault(item.path, item) is not item:
            item.add_marker("more")
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


def _limit(item: pytest.Item, seconds: int | None) -> None:
    """Make a test that waits for too long fail where it waits; its process ends a minute later."""
    if seconds is None:
        item.add_marker(pytest.mark.timeout(0))
        return
    if seconds != PATIENCE:  # whose minute more is in pyproject.toml
        item.add_marker(pytest.mark.timeout(seconds + 60))
    if not isinstance(item, pytest.Function) or not inspect.iscoroutinefunction(item.obj):
        return
    test = item.obj

    @functools.wraps(test)
    async def limited(**arguments: Any) -> None:
        async with asyncio.timeout(seconds):
            await test(**arguments)

    item.obj = limited


def _repeats(item: pytest.Item, tried: set[str]) -> bool:
    """Tell whether another test tries nearly the same; note the tests on a Temporal server."""
    called = getattr(item, "callspec", None)
    if called is None:
        return False
    # a parameter may be a part of a fact, which == makes a question of
    if any(isinstance(value, str) and value == "postgresql" for value in called.params.values()):
        return True
    test = item.nodeid.partition("[")[0]
    if test in tried:
        return True
    if not SERVERS.isdisjoint(getattr(item, "fixturenames", ())):
        tried.add(test)
    return False


def pytest_collection_finish() -> None:
    """Keep what there is by now out of the garbage collector's rounds, and make these rarer."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 10, 10)
    # sizes of tests, such as SOJOURN_RACES, are read by now: no setting has such a name, so no
    # process that a test starts would start with them
    for name in _sizes():
        del os.environ[name]


def _sizes() -> list[str]:
    """Return the variables of the environment that say how large a long test is."""
    known = {f"SOJOURN_{name.upper()}" for name in Settings.model_fields} | set(KEPT)
    return [name for name in os.environ if name.startswith("SOJOURN_") and name not in known]


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return the event loop that workers, the gateway and the command use."""
    return {"uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """Run Temporal's dev server for the session: the real one, with visibility."""
    home: Path = tmp_path_factory.mktemp("temporal")
    async with dev_server(home, ports=False, lasting=False) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Run a PostgreSQL server, or skip the test where none is installed."""
    commands = find()
    if commands is None:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    server = Postgres(commands)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest_asyncio.fixture(params=["sqlite", "postgresql"], loop_scope="session")
async def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Create an empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    server: Postgres = request.getfixturevalue("postgres")
    return await server.create()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_postgresql(postgres: Postgres) -> str:
    """Return the name of a migrated, empty PostgreSQL database; copying it is fast."""
    url = await postgres.create()
    await (await Store.open(url, migrate=True)).close()
    return url.rpartition("/")[2]


@pytest_asyncio.fixture(loop_scope="session")
async def copied_postgresql(postgres: Postgres, migrated_postgresql: str) -> str:
    """Return the URL of a migrated, empty PostgreSQL database."""
    return await postgres.create(like=migrated_postgresql)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path, migrated_database: Path) -> str:
    """Return the URL of a migrated, empty database, once of each kind."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("copied_postgresql")
        return url
    shutil.copy(migrated_database, tmp_path / "test.db")
    return f"sqlite:///{tmp_path}/test.db"


@pytest_asyncio.fixture(loop_scope="session")
async def own_temporal(tmp_path: Path) -> AsyncIterator[Server]:
    """Run a dev server for one test alone, whose workers serve the queues of production."""
    home = tmp_path / "temporal"
    home.mkdir()
    async with dev_server(home, ports=False, lasting=False) as server:
        yield server


@pytest_asyncio.fixture(
    scope="session", loop_scope="session", params=["sqlite", "postgresql"], name="store"
)
async def shared_store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Store]:
    """Open a store of each kind for the session: each test needs customers of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('store')}/test.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.create()
    store = await Store.open(url, migrate=True)
    await crowd(store)
    yield store
    await store.close()


@pytest.fixture
def customer_id() -> str:
    """Return the id of a customer that no other test has."""
    return f"c-{uuid4().hex[:12]}"
