"""The local stack: Temporal's dev server to work with, or its test server to replay on."""

import json
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.service import RPCError

from sojourn.cli.local.fakes import Fakes, Wish, fake_providers
from sojourn.cli.local.processes import (
    HOST,
    Child,
    binary,
    free_port,
    kept_running,
    listening_socket,
    python,
    running,
)
from sojourn.dispatch.connection import LOCAL_STACK
from sojourn.domain.errors import Unavailable
from sojourn.domain.messages import Channel
from sojourn.home import keep_private, private_file, private_folder
from sojourn.journeys.queues import ATTRIBUTES
from sojourn.settings import Settings
from sojourn.store import Store, keys

NAMESPACE = "default"
TEMPORAL_PORT = 7233
UI_PORT = 8233
GATEWAY_PORT = 8080
OPERATIONS_PORT = 8081
PORT_TAKEN = "address already in use"
PORT_TRIES = 4
DATABASE = "temporal.db"
HALF_MADE = "temporal.db.begun"
"""A file that marks the database as not yet used by a running server."""
# By default Temporal cuts a queue into four, each with a quarter of the limit and its own order.
# In one piece, a transactional message waits for the next message of the whole queue, not of a
# quarter that leaves four times as slowly.
PARTITIONS = {
    "matching.numTaskqueueReadPartitions": 1,
    "matching.numTaskqueueWritePartitions": 1,
}
# The dev server has one shard for all runs. By default it looks through a shard 20 times a second
# for tasks and for timers that are due: under load that costs a message up to 50 ms, twice. A
# production server has hundreds of shards, and looks through each of them as often.
POLLS = {
    "history.transferProcessorMaxPollRPS": 1000,
    "history.timerProcessorMaxPollRPS": 1000,
}


@dataclass(frozen=True)
class Door:
    """The gateway of the stack, with a write key."""

    url: str
    operations: str
    write_key: str


@dataclass(frozen=True)
class Stack:
    """The running parts, and their addresses."""

    address: str
    ui: str
    client: Client
    store: Store
    settings: Settings
    server: Child
    worker: Child
    gateway: Door | None = None
    fakes: Fakes | None = None


@dataclass(frozen=True)
class Server:
    """A Temporal server that we started."""

    address: str
    ui: str
    client: Client
    process: Child


@asynccontextmanager
async def dev_server(
    home: Path,
    *,
    ports: bool = True,
    lasting: bool = True,
    on_restart: Callable[[int], None] | None = None,
) -> AsyncIterator[Server]:
    """Run Temporal's dev server: the real server, SQLite, the web UI.

    Args:
        home: an existing folder.
        ports: prefer the well-known ports.
        lasting: keep its state in a file in ``home``, and end it in good order. Otherwise its state
            is in memory.
        on_restart: called with the exit code when the server died and is restarted; None to never
            restart it.

    Yields:
        The server.
    """
    async with AsyncExitStack() as opened:
        yield await _started(opened, home, ports=ports, lasting=lasting, on_restart=on_restart)


async def _started(
    opened: AsyncExitStack,
    home: Path,
    *,
    ports: bool,
    lasting: bool,
    on_restart: Callable[[int], None] | None,
) -> Server:
    """Start the server, on other ports if a program took one in the meantime.

    That program may be another Temporal, which answers as ours would: ours is the one whose
    process has the port.
    """
    tries = PORT_TRIES
    while True:
        tries -= 1
        port = free_port(TEMPORAL_PORT if ports else None)
        ui_port = free_port(UI_PORT if ports else None)
        if lasting:
            _begin_database(home)
        process = _server_process(home, port, ui_port, lasting=lasting)
        running_now = running(process) if on_restart is None else kept_running(process, on_restart)
        async with AsyncExitStack() as trying:
            await trying.enter_async_context(running_now)
            try:
                client = await _connected(process, port)
            except Unavailable:
                if not tries or PORT_TAKEN not in process.words():
                    raise
                continue
            (home / HALF_MADE).unlink(missing_ok=True)
            opened.push_async_exit(trying.pop_all())
            return Server(f"{HOST}:{port}", f"http://{HOST}:{ui_port}", client, process)


def _begin_database(home: Path) -> None:
    """Note that Temporal is about to create its database, and remove an incomplete one.

    Temporal takes any file for a complete database: it would never start on one that a full disk
    cut off.

    Raises:
        Unavailable: the folder cannot be written to.
    """
    begun = home / HALF_MADE
    try:
        if begun.exists():
            for file in home.glob(f"{DATABASE}*"):
                if file != begun:
                    file.unlink()
        elif not (home / DATABASE).exists():
            begun.touch()
    except OSError as error:
        raise Unavailable(f"cannot write in {home}: {error.strerror}") from None


def _server_process(home: Path, port: int, ui_port: int, *, lasting: bool) -> Child:
    kept = ("--db-filename", str(home / DATABASE)) if lasting else ()
    return Child(
        "Temporal's dev server",
        python(
            "-m", "sojourn.cli.local.leash", "10" if lasting else "0",
            binary("temporal"), "server", "start-dev",
            "--ip", HOST, "--port", str(port), "--ui-port", str(ui_port),
            *kept, "--log-level", "warn",
            "--dynamic-config-value", "frontend.WorkflowTimeSkippingEnabled=true",
            *(part for key, number in (PARTITIONS | POLLS).items()
              for part in ("--dynamic-config-value", f"{key}={number}")),
            *(part for a in ATTRIBUTES for part in ("--search-attribute", f"{a.name}=Keyword")),
        ),
        home / "temporal.log",
    )  # fmt: skip


@asynccontextmanager
async def dev_stack(
    settings: Settings,
    *,
    ports: bool = True,
    lasting: bool = True,
    gateway: bool = False,
    fakes: Wish | None = None,
    on_restart: Callable[[int], None] = lambda code: None,
) -> AsyncIterator[Stack]:
    """Run Temporal's dev server and a worker; ``home`` keeps their state.

    Args:
        settings: the settings, with the ``home`` and the database to use.
        ports: prefer the well-known ports. Other commands find the stack by its file in any case.
        lasting: keep the state of Temporal.
        gateway: also run a gateway, with a write key that is created once.
        fakes: the fake providers that carry the messages, instead of the providers in the settings,
            and send their webhooks to the gateway.
        on_restart: called with the exit code when the worker or the gateway died and is restarted.

    Yields:
        The stack.

    Raises:
        Unavailable: a stack already runs in this home, or a part does not start.
    """
    home = _home(settings)
    _refuse_second(home)
    async with AsyncExitStack() as opened:
        # ours from now on: the gateway inherits them, whenever it starts
        public = opened.enter_context(listening_socket(GATEWAY_PORT if ports else None))
        operations = opened.enter_context(listening_socket(OPERATIONS_PORT if ports else None))
        port = public.getsockname()[1]
        if gateway and "public_url" not in settings.model_fields_set:
            # links in messages lead to this gateway, on whichever port it is
            settings = settings.model_copy(update={"public_url": f"http://localhost:{port}"})
        providers: Fakes | None = None
        if fakes:
            hooks_to, public_url = f"http://{HOST}:{port}", settings.public_url
            providers = await opened.enter_async_context(
                fake_providers(home, fakes, hooks_to=hooks_to, public_url=public_url)
            )
        carried = providers.environment if providers else {}
        server = await opened.enter_async_context(dev_server(home, ports=ports, lasting=lasting))
        stack = await opened.enter_async_context(
            _served(settings, server, on_restart=on_restart, carried=carried)
        )
        stack = replace(stack, fakes=providers)
        if gateway:
            door = await opened.enter_async_context(
                _door(stack, public, operations, on_restart, carried)
            )
            stack = replace(stack, gateway=door)
        file = home / LOCAL_STACK
        noted: dict[str, Any] = {
            "pid": os.getpid(),
            "temporal": server.address,
            "ui": server.ui,
            "worker": stack.worker.pid,
        }
        if stack.gateway:
            noted["gateway"] = stack.gateway.url
            noted["operations"] = stack.gateway.operations
        if providers:
            noted["fakes"] = providers.url
            noted["providers"] = providers.carriers
        private_file(file)
        file.write_text(json.dumps(noted))
        keep_private(home)  # the files that Temporal has created in it
        try:
            yield stack
        finally:
            file.unlink(missing_ok=True)


@asynccontextmanager
async def time_skipping_stack(
    settings: Settings,
    *,
    cached: bool = False,
    on_restart: Callable[[int], None] = lambda code: None,
) -> AsyncIterator[Stack]:
    """Run Temporal's time-skipping test server and a worker: one clock for all runs, in memory.

    Args:
        settings: the settings, with the ``home`` and the database to use.
        cached: let the worker keep runs in memory between their tasks. That is twice as fast, but
            after a worker died, the server waits long for its cache, run by run.
        on_restart: called with the exit code when the worker died and is restarted.

    Yields:
        The stack.
    """
    options = ("--virtual-time",) if cached else ("--virtual-time", "--cached-runs", "0")
    home = _home(settings)
    port = free_port()
    process = Child(
        "Temporal's test server",
        python("-m", "sojourn.cli.local.leash", "0", binary("temporal-test-server"), str(port)),
        home / "temporal.log",
    )
    async with running(process):
        client = await _connected(process, port)
        await register_search_attributes(client)
        server = Server(f"{HOST}:{port}", "", client, process)
        async with _served(settings, server, *options, on_restart=on_restart, carried={}) as stack:
            yield stack


@asynccontextmanager
async def _served(
    settings: Settings,
    server: Server,
    *options: str,
    on_restart: Callable[[int], None],
    carried: Mapping[str, str],
) -> AsyncIterator[Stack]:
    home = settings.home.resolve()
    store = await Store.open(settings.store_url, migrate=True)
    try:
        child = Child(
            "the worker",
            python("-m", "sojourn.serving", "--until-stdin-closes", *options),
            home / "worker.log",
            env={**_environment(settings, server.address), **carried},
        )
        async with kept_running(child, on_restart):
            yield Stack(
                server.address, server.ui, server.client, store, settings, server.process, child
            )
    finally:
        await store.close()


async def register_search_attributes(client: Client) -> None:
    """Register our search attributes in the namespace. A dev server has them from the start."""
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={
                a.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for a in ATTRIBUTES
            },
        )
    )


def running_stack(settings: Settings) -> dict[str, Any] | None:
    """Read the file that `sojourn dev` wrote in this home; None if it no longer runs."""
    try:
        noted: dict[str, Any] = json.loads((settings.home / LOCAL_STACK).read_text())
        os.kill(int(noted["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # no file, an old file, or a process that is gone
    return noted


def _refuse_second(home: Path) -> None:
    noted = running_stack(Settings(home=home))
    if noted is not None:
        raise Unavailable(
            f"`sojourn dev` runs already in {home} (process {noted['pid']}): stop it first, "
            "or set another SOJOURN_HOME"
        )


def _home(settings: Settings) -> Path:
    home = settings.home.resolve()
    try:
        private_folder(home)
        (home / "worker.log").touch()
        keep_private(home)
    except OSError as error:
        raise Unavailable(
            f"cannot write in {home} ({error.strerror}): set SOJOURN_HOME to a folder of yours"
        ) from None
    return home


@asynccontextmanager
async def _door(
    stack: Stack,
    public: socket.socket,
    operations: socket.socket,
    on_restart: Callable[[int], None],
    carried: Mapping[str, str],
) -> AsyncIterator[Door]:
    """Run the stack's gateway on two listening sockets."""
    home = stack.settings.home.resolve()
    handed = (public, operations)
    child = Child(
        "the gateway",
        # on SIGTERM, or when we are gone, it finishes the requests in hand
        python(
            "-m", "sojourn.cli.local.leash", "35",
            *python("-m", "sojourn", "gateway", "--local", *(str(one.fileno()) for one in handed)),
        ),
        home / "gateway.log",
        env={**_environment(stack.settings, stack.address), **carried},
        sockets=handed,
    )  # fmt: skip
    url, inner = (f"http://{HOST}:{one.getsockname()[1]}" for one in handed)
    async with kept_running(child, on_restart), httpx.AsyncClient(base_url=inner) as http:

        async def answers() -> bool:
            try:
                return (await http.get("/readyz")).is_success
            except httpx.TransportError:  # it does not listen yet
                return False

        await child.ready(answers)
        yield Door(url, inner, await _write_key(stack.store, home / "write_key"))


async def _write_key(store: Store, path: Path) -> str:
    """Return this home's write key; create one if it was revoked or belongs to another database."""
    kept = _kept(path)
    async with store.transaction() as session:
        if kept and await keys.valid(session, kept):
            return kept
        _, key = await keys.add(session, "dev", may_wait=True)
    _keep(path, key)
    return key


def _kept(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _keep(path: Path, key: str) -> None:
    private_file(path)
    path.write_text(key)


def _environment(settings: Settings, address: str) -> dict[str, str]:
    """Return the environment variables that make a process part of the stack."""
    return {
        **_as_environment(settings),
        "TEMPORAL_ADDRESS": address,
        "TEMPORAL_NAMESPACE": NAMESPACE,
    }


def _as_environment(settings: Settings) -> dict[str, str]:
    """Return the variables for the settings that a stack changes; a process inherits the others."""
    return {
        "SOJOURN_HOME": str(settings.home.resolve()),
        "SOJOURN_DATABASE_URL": settings.store_url,
        "SOJOURN_PUBLIC_URL": settings.public_url,
        "SOJOURN_QUIET_HOURS": str(settings.quiet_hours) if settings.quiet_hours else "off",
        **{
            f"SOJOURN_{channel.upper()}_PROVIDER": getattr(settings, f"{channel}_provider")
            for channel in Channel
        },
    }


async def _connected(server: Child, port: int) -> Client:
    address = f"{HOST}:{port}"
    probe = await Client.connect(address, lazy=True)

    async def answers() -> bool:
        try:
            healthy = await probe.service_client.check_health()
            return healthy and server.listens_on(port)
        except RPCError:
            return False
        except RuntimeError:  # the lazy connection could not be made yet
            return False

    await server.ready(answers)
    # no keep-alive pings: the test server takes many pings on a long call for an attack
    return await Client.connect(
        address, data_converter=pydantic_data_converter, keep_alive_config=None
    )
