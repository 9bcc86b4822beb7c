"""Start, watch, restart and stop the child processes of the local stack."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import sysconfig
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil

from sojourn.domain.errors import Unavailable
from sojourn.home import private_file

HOST = "127.0.0.1"
BACKLOG = 2048
READY_SECONDS = 60.0
STOP_SECONDS = 40.0
CRASHES_IN_A_ROW = 5
CRASH_WINDOW_SECONDS = 3.0
START_SECONDS = 30.0
"""A process that ends by itself within this time could not start."""
FAILED_STARTS = 3


def free_port(preferred: int | None = None) -> int:
    """Return ``preferred`` if it is free, otherwise a port that the system picks.

    Raises:
        Unavailable: no port is free.
    """
    for port in (preferred, 0) if preferred else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, port))
                return int(probe.getsockname()[1])
    raise Unavailable("no free port on 127.0.0.1")


def listening_socket(preferred: int | None = None) -> socket.socket:
    """Listen on ``preferred`` if it is free, otherwise on a port that the system picks.

    Unlike a port that was only free, it stays ours until the socket is closed.

    Raises:
        Unavailable: no port is free.
    """
    for port in (preferred, 0) if preferred else (0,):
        with suppress(OSError):
            return socket.create_server((HOST, port), backlog=BACKLOG)
    raise Unavailable("no free port on 127.0.0.1")


def binary(name: str) -> str:
    """Find a command in our virtual environment, or on the PATH.

    Raises:
        Unavailable: it is in neither place.
    """
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    if found is None:
        raise Unavailable(f"the command {name} is missing: install Sojourn's dependencies again")
    return found


class Child:
    """A child process. Its output goes to a log file, and it ends when we do.

    Args:
        name: the name in messages.
        command: the command, which must end when its standard input does (see `leash`).
        log: the file for its output.
        env: variables to add to ours, without our ``TEMPORAL_*``.
        sockets: our sockets that it inherits, under the same numbers.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        env: Mapping[str, str] | None = None,
        sockets: Sequence[socket.socket] = (),
    ) -> None:
        self.name = name
        self.log = log
        self._command = command
        # the environment may have the address and keys of another Temporal, which is not ours
        ours = {k: v for k, v in os.environ.items() if not k.startswith("TEMPORAL_")}
        self._env = {**ours, **(env or {})}
        self._sockets = sockets
        self._said_before = 0
        self._process: Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start the process. It must have ended before it is started again."""
        private_file(self.log)
        self._said_before = self.log.stat().st_size
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,  # Ctrl-C in the terminal is ours to pass on
                pass_fds=[sock.fileno() for sock in self._sockets],
            )

    async def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, and kill it if it does not."""
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()

    def listens_on(self, port: int) -> bool:
        """Return whether the process, or one that it has started, listens on this port."""
        assert self._process is not None
        try:
            first = psutil.Process(self._process.pid)
            return any(
                opened.status == psutil.CONN_LISTEN and opened.laddr.port == port
                for one in (first, *first.children(recursive=True))
                for opened in one.net_connections("tcp")
            )
        except psutil.NoSuchProcess:  # one has just ended: look again
            return False

    async def ready(self, answers: Callable[[], Awaitable[bool]]) -> None:
        """Wait until it answers.

        Raises:
            Unavailable: it ended instead, or took too long. The message has its last words.
        """
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while not await answers():
            assert self._process is not None
            if self._process.returncode is not None:
                raise Unavailable(f"{self.name} did not start: {self.last_words()}")
            if asyncio.get_running_loop().time() > deadline:
                raise Unavailable(
                    f"{self.name} did not answer within {READY_SECONDS:.0f} s; see {self.log}"
                )
            await asyncio.sleep(0.05)

    def words(self) -> str:
        """Return its output since its last start."""
        with self.log.open("rb") as log:
            log.seek(self._said_before)
            return log.read().decode(errors="replace")

    def last_words(self) -> str:
        """Return the last line of its log."""
        lines = self.words().strip().splitlines()
        return lines[-1] if lines else f"it said nothing; see {self.log}"


@asynccontextmanager
async def running(child: Child) -> AsyncIterator[Child]:
    """Run the child for as long as the block lasts."""
    await child.start()
    try:
        yield child
    finally:
        await child.stop()


@asynccontextmanager
async def kept_running(
    child: Child, on_restart: Callable[[int], None] = lambda code: None
) -> AsyncIterator[Child]:
    """Run the child for as long as the block lasts, and start it again whenever it dies.

    Raises:
        Unavailable: it keeps dying as soon as it starts.
    """
    await child.start()
    owner = asyncio.current_task()
    assert owner is not None
    failure: list[Unavailable] = []

    async def watch() -> None:
        crashes = starts = 0
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            code = await child.wait()
            lived = clock() - began
            crashes = crashes + 1 if lived < CRASH_WINDOW_SECONDS else 0
            # a signal ended it from outside: that says nothing about its next start
            starts = starts + 1 if code > 0 and lived < START_SECONDS else 0
            if crashes >= CRASHES_IN_A_ROW or starts >= FAILED_STARTS:
                failure.append(Unavailable(f"{child.name} keeps failing: {child.last_words()}"))
                owner.cancel()
                return
            on_restart(code)
            await child.start()

    watcher = asyncio.create_task(watch())
    try:
        yield child
    except asyncio.CancelledError:
        if failure:
            raise failure[0] from None
        raise
    finally:
        watcher.cancel()
        with suppress(asyncio.CancelledError):
            await watcher
        await child.stop()


def python(*arguments: str) -> list[str]:
    """Return the command line for one of our modules or files."""
    return [sys.executable, *arguments]
