"""A PostgreSQL server for the tests, on a free port, in a temporary folder."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from uuid import uuid4

import asyncpg

from sojourn.cli.local.processes import HOST, free_port

DEBIAN = Path("/usr/lib/postgresql")


class Postgres:
    """A running server; each test creates its own database in it.

    Args:
        bin_folder: the folder of the server's commands.
        durable: wait for the disk, which most tests do not need.
    """

    def __init__(self, bin_folder: Path, *, durable: bool = False) -> None:
        # not in pytest's own temporary folder, which other users may not enter
        self._folder = Path(tempfile.mkdtemp(prefix="sojourn-postgres-"))
        self._bin = bin_folder
        self._fsync = "on" if durable else "off"
        self._port = free_port()
        # the server refuses to run as root; Debian's package made a user for it
        self._user = "postgres" if os.geteuid() == 0 else None

    def start(self) -> None:
        """Create the cluster and start it."""
        data = self._folder / "data"
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        self._run("initdb", "-D", data, "-A", "trust", "-U", "sojourn", "--no-sync", "-E", "UTF8")
        self._run(
            "pg_ctl", "-D", data, "-w", "-l", self._folder / "log", "start", "-o",
            f"-p {self._port} -c listen_addresses={HOST} -c unix_socket_directories='' "
            f"-c fsync={self._fsync} -c max_connections=100",
        )  # fmt: skip

    @property
    def pid(self) -> int:
        """The process id of the server, whose children serve the connections."""
        return int((self._folder / "data" / "postmaster.pid").read_text().splitlines()[0])

    def stop(self) -> None:
        """Stop the server at once."""
        self._run("pg_ctl", "-D", self._folder / "data", "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    async def create(self, like: str = "template1") -> str:
        """Create a database; return its URL.

        Args:
            like: the name of a database to copy, without connections; by default an empty one.
        """
        name = f"t{uuid4().hex[:12]}"
        connection = await asyncpg.connect(
            host=HOST, port=self._port, user="sojourn", database="postgres"
        )
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
        finally:
            await connection.close()
        return f"postgresql://sojourn@{HOST}:{self._port}/{name}"

    def _run(self, command: str, *arguments: object) -> None:
        subprocess.run(
            [str(self._bin / command), *map(str, arguments)],
            check=True,
            capture_output=True,
            user=self._user,
            cwd=self._folder,
        )


def find() -> Path | None:
    """Return the folder of the server's commands, or None if PostgreSQL is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None
