"""The fixtures of the pytest plugin.

The fixtures import the engine themselves, so that it is not loaded for other tests.
"""

# ruff: noqa: PLC0415 (see above)

from __future__ import annotations

import shutil
import warnings
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from temporalio.client import Client

    from sojourn.project import Project
    from sojourn.settings import Settings
    from sojourn.testkit.kit import JourneyTest


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def time_skipping_client() -> AsyncIterator[Client]:
    """Connect to Temporal's time-skipping test server, which runs until the end of the session."""
    from temporalio.client import Client
    from temporalio.contrib.pydantic import pydantic_data_converter
    from temporalio.testing import WorkflowEnvironment

    from sojourn.cli.local.processes import binary
    from sojourn.cli.local.stack import register_search_attributes

    env = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=binary("temporal-test-server"),
        data_converter=pydantic_data_converter,
    )
    # a plain client, since the environment's own would skip time by itself in result(); without
    # keep-alive pings, which the test server takes for an attack
    client = await Client.connect(
        env.client.service_client.config.target_host,
        data_converter=pydantic_data_converter,
        keep_alive_config=None,
    )
    await register_search_attributes(client)
    try:
        yield client
    finally:
        await env.shutdown()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create an empty SQLite database of this version, which tests copy because that is faster."""
    from sojourn.store import Store

    path = tmp_path_factory.mktemp("database") / "empty.db"
    store = await Store.open(f"sqlite:///{path}", migrate=True)
    async with store.engine.connect() as connection:
        await connection.exec_driver_sql("COMMIT")
        await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    await store.close()
    return path


@pytest.fixture(scope="session")
def journey_project(pytestconfig: pytest.Config) -> Project:
    """Compose the project under test, the one in pytest's root folder.

    If it cannot be composed, every test that needs it fails with the message that a command would
    print. Override the fixture to test with other journeys.
    """
    from dataclasses import replace

    from sojourn.composing import find_root, load_project
    from sojourn.domain.errors import BadPolicy, BadProject
    from sojourn.journeys.registry import Journeys
    from sojourn.policies import Policy
    from sojourn.rendering.folders import missing_templates

    try:
        project = load_project(find_root(pytestconfig.rootpath))
        Policy(project.policy, None)
    except (BadPolicy, BadProject) as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    if unwritten := missing_templates(project):
        warnings.warn(
            f"missing in declared languages; another language stands in: {', '.join(unwritten)}",
            pytest.PytestWarning,
            stacklevel=1,
        )
    # a journey that is switched off, in shadow or replaced is tested like the others, since it may
    # write tomorrow; the rules of policy.toml are checked but not applied, since a test sends at
    # any hour
    return replace(project, journeys=Journeys(project.journeys.values(), each=True), policy=None)


@pytest.fixture
def journey_settings(tmp_path: Path, migrated_database: Path) -> Settings:
    """Return the settings of a journey test, without quiet hours and with links as in the template.

    Override the fixture to change them.
    """
    from sojourn.settings import Settings

    shutil.copy(migrated_database, tmp_path / "journey.db")
    return Settings(
        home=tmp_path,
        database_url=f"sqlite:///{tmp_path / 'journey.db'}",
        quiet_hours=None,
        track_clicks=False,
    )


@pytest.fixture
def journey_engine(request: pytest.FixtureRequest) -> str:
    """Return the engine of a journey's test: ``in-process`` or ``temporal``.

    Tests run in their own process unless pytest is called with ``--engine temporal``, or they are
    marked with ``@pytest.mark.temporal``. Histories are recorded on Temporal alone.
    """
    recording = request.config.getoption("--record-histories", default=False)
    if recording or request.node.get_closest_marker("temporal"):
        return "temporal"
    return str(request.config.getoption("--engine", default="in-process"))


@pytest.fixture
def journey_client(request: pytest.FixtureRequest, journey_engine: str) -> Client | None:
    """Return the connection to the test server if the test needs it; else none is started."""
    if journey_engine != "temporal":
        return None
    client: Client = request.getfixturevalue("time_skipping_client")
    return client


@pytest_asyncio.fixture(loop_scope="session")
async def journey(
    journey_project: Project,
    journey_client: Client | None,
    journey_settings: Settings,
) -> AsyncIterator[JourneyTest]:
    """Create a customer, an engine for the runs, and the three verbs.

    Args:
        journey_project: the project with the journeys. It comes first: if it has a fault, no server
            is started.
        journey_client: the connection to the test server; None: the runs live in this process.
        journey_settings: the settings of the installation under test.

    Yields:
        The journey under test.

    Raises:
        pytest.fail.Exception: a journey does more than a workflow may; the message names it.
    """
    from sojourn.domain.errors import BadProject
    from sojourn.journeys.queues import TASK_QUEUE
    from sojourn.serving.sandbox import check_journeys
    from sojourn.store import Store
    from sojourn.testkit.engines import in_process, temporal
    from sojourn.testkit.kit import JourneyTest

    try:
        await check_journeys(journey_project)  # each class once per process
    except BadProject as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None
    name = uuid4().hex[:12]
    queue = f"{TASK_QUEUE}-{name}"
    store = await Store.open(journey_settings.store_url)
    serving = (
        in_process.serving(store, journey_settings, journey_project)
        if journey_client is None
        else temporal.serving(journey_client, store, journey_settings, journey_project, queue)
    )
    async with serving as engine:
        test = JourneyTest(
            engine,
            store,
            journey_settings,
            queue,
            f"c-{name}",
            project=journey_project,
        )
        try:
            yield test
        finally:
            await test.stop_all()
    await store.close()
