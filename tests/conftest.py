import asyncio
import gc
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
import pytest_asyncio
import uvloop

from sojourn.cli.local.stack import Server, dev_server
from sojourn.store import Store
from tests.support import effort
from tests.support.cli_stack import cli, offline, served  # noqa: F401 (fixtures)
from tests.support.own_project import own_project  # noqa: F401 (a fixture)
from tests.support.postgres import Postgres, find

hypothesis.settings.load_profile(effort.QUICK)  # --hypothesis-profile thorough: try harder

# RudderStack's SDK reads the .env above it into the environment: here that is Compose's
os.environ["PYTHON_DOTENV_DISABLED"] = "1"


SLOW = (
    "tests/long/",
    "tests/integration/cli/test_replay",
    "tests/integration/test_contributing",
    "tests/integration/gateway/test_gateway_openapi",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that all processes end at the same time; mark properties."""
    for item in items:
        if hypothesis.is_hypothesis_test(getattr(item, "function", None)):
            item.add_marker("property")
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


def pytest_collection_finish() -> None:
    """Take what was imported out of the garbage collector's rounds, and let it make fewer."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The event loop that workers, the gateway and the command run on."""
    return {"uvloop": uvloop.new_event_loop}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-histories",
        action="store_true",
        help="write the histories of tests/support/scenarios.py to tests/histories/",
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Server]:
    """Temporal's dev server: the real one, with visibility; shared by the session."""
    home: Path = tmp_path_factory.mktemp("temporal")
    async with dev_server(home, ports=False, lasting=False) as server:
        yield server


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; tests that need one are skipped where it is not installed."""
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
    """An empty database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    server: Postgres = request.getfixturevalue("postgres")
    return await server.create()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_postgresql(postgres: Postgres) -> str:
    """The name of an empty PostgreSQL database of this version; copying is faster than making."""
    url = await postgres.create()
    await (await Store.open(url, migrate=True)).close()
    return url.rpartition("/")[2]


@pytest_asyncio.fixture(loop_scope="session")
async def copied_postgresql(postgres: Postgres, migrated_postgresql: str) -> str:
    """The URL of a PostgreSQL database of this version with nothing in it."""
    return await postgres.create(like=migrated_postgresql)


@pytest.fixture(params=["sqlite", "postgresql"])
def migrated_url(request: pytest.FixtureRequest, tmp_path: Path, migrated_database: Path) -> str:
    """A database of this version with nothing in it, once of each kind."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("copied_postgresql")
        return url
    shutil.copy(migrated_database, tmp_path / "test.db")
    return f"sqlite:///{tmp_path}/test.db"


@pytest_asyncio.fixture(loop_scope="session")
async def own_temporal(tmp_path: Path) -> AsyncIterator[Server]:
    """A dev server for one test alone: for workers that serve the queues of production."""
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
    """An open store of each kind, shared by the session: give each test customers of its own."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('store')}/test.db"
    else:
        server: Postgres = request.getfixturevalue("postgres")
        url = await server.create()
    store = await Store.open(url, migrate=True)
    yield store
    await store.close()


@pytest.fixture
def customer_id() -> str:
    """A customer nobody else has."""
    return f"c-{uuid4().hex[:12]}"
