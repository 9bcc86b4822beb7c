"""``sojourn gateway``: take events of services over HTTP."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer
import uvloop
from typer.exceptions import Exit

from sojourn.cli.here import Here
from sojourn.cli.output import show_line
from sojourn.cli.running import run
from sojourn.domain.errors import BadInput, SojournError, Unavailable
from sojourn.gateway.http.metrics import SHARED
from sojourn.gateway.server import serve
from sojourn.serving.logs import configure_logging
from sojourn.serving.together import run_together, stop_with_parent
from sojourn.settings import Settings, check_secrets

app = typer.Typer(add_completion=False)
PORT = 8080
BACKLOG = 2048
OPERATIONS = "SOJOURN_GATEWAY_OPERATIONS_ADDRESS"

Sockets = tuple[socket.socket, socket.socket | None]
"""The sockets for customers and for operators."""


@app.command()
def gateway(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0: any free one.")] = PORT,
    processes: Annotated[int, typer.Option(min=1, help="How many; one per core is right.")] = 1,
    local: Annotated[tuple[int, int] | None, typer.Option("--local", hidden=True)] = None,
) -> None:
    """Take events over HTTP, as Segment's SDKs send them.

    Ctrl-C lets the requests in hand finish.
    """
    here = Here.compose()
    settings = here.settings
    if local is None:  # `sojourn dev` may be tried with any secret
        check_secrets(settings)
    with (
        socket.socket(fileno=local[0]) if local else listening(host, port) as sock,
        socket.socket(fileno=local[1]) if local else for_operators(settings) as operations,
    ):
        run(_check(here))  # a fault is reported once, not by each process
        configure_logging(settings)
        shown = f"[{host}]" if ":" in host else host
        address = f"http://{shown}:{sock.getsockname()[1]}"

        def announce() -> None:
            show_line(f"the gateway listens on {address}")
            if operations is not None and local is None:
                asked = settings.gateway_operations_address.rpartition(":")[0]
                show_line(f"and for operators on http://{asked}:{operations.getsockname()[1]}")

        sockets = (sock, operations)
        if processes == 1:
            run(_serve(settings, sockets, 1, announce), runner=uvloop.run)
        else:
            raise Exit(_serve_many(settings, sockets, processes, announce))


def for_operators(settings: Settings) -> AbstractContextManager[socket.socket | None]:
    """Return the socket for operators, to be closed; None if the settings have no address.

    Raises:
        BadInput, Unavailable: as `listening`.
    """
    if not settings.gateway_operations_address:
        return nullcontext()
    host, _, port = settings.gateway_operations_address.rpartition(":")
    return listening(host.strip("[]"), int(port), said_by=(OPERATIONS, OPERATIONS))


def listening(
    host: str, port: int, *, said_by: tuple[str, str] = ("--host", "--port")
) -> socket.socket:
    """Listen on an address.

    Args:
        host: a name or an address.
        port: 0 for any free one.
        said_by: the options or settings that host and port come from, for errors.

    Returns:
        The socket.

    Raises:
        BadInput: there is no such address.
        Unavailable: another program uses it, or we may not.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError):
        raise BadInput(f"{said_by[0]} {host}: no such address") from None
    sock = socket.socket(family, kind, protocol)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError as error:
        sock.close()
        raise Unavailable(
            f"cannot listen on {host}:{port} ({error.strerror}): stop the program that does, "
            f"or choose another {said_by[1]}"
        ) from None
    return sock


async def _serve(
    settings: Settings, sockets: Sockets, processes: int, on_start: Callable[[], None]
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stop_with_parent(stop)
    sock, operations = sockets
    await serve(settings, sock, stop, operations=operations, processes=processes, on_start=on_start)


async def _check(here: Here) -> None:
    for provider in set(here.project.carriers.chosen(here.settings).values()):
        await provider.close()
    async with here.store():
        pass


def _serve_many(
    settings: Settings, sockets: Sockets, count: int, on_start: Callable[[], None]
) -> int:
    """Serve in ``count`` processes; stop them all on a signal, or when one of them fails."""
    shared = tempfile.mkdtemp(prefix="sojourn-metrics-")
    os.environ[SHARED] = shared  # read when the children import prometheus_client
    try:
        return run_together(
            "gateway", lambda _: (_child, (settings, sockets, count)), count, on_start=on_start
        )
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def _child(settings: Settings, sockets: Sockets, processes: int) -> None:
    configure_logging(settings)
    try:
        run(_serve(settings, sockets, processes, lambda: None), runner=uvloop.run)
    except SojournError as error:
        print(f"sojourn: {error}", file=sys.stderr)  # noqa: T201 (the command's answer)
        sys.exit(1)
