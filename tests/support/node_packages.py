"""The Node packages of tests/node/package-lock.json, installed once."""

import asyncio
import hashlib
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import pytest_asyncio

from tests.support.markdown import ROOT

LOCKED = ROOT / "tests" / "node"
INSTALLED = ROOT / "build" / "node"
"""Ignored by git, and removed by `make clean`."""


async def node(folder: Path, script: str, *arguments: str) -> str:
    """Run a module as if it were in a folder with packages; return its output."""
    return await _run(folder, "node", "--input-type=module", "-", *arguments, given=script)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def node_packages() -> Path:
    """Return the folder with the packages installed."""
    missing = [command for command in ("node", "npm") if shutil.which(command) is None]
    if missing:
        pytest.skip(f"{missing[0]} is not installed (Debian: apt-get install nodejs npm)")
    digest = hashlib.sha256((LOCKED / "package-lock.json").read_bytes()).hexdigest()
    folder = INSTALLED / digest[:16]
    if not folder.exists():
        await _install(folder)
    return folder


async def _install(folder: Path) -> None:
    """Install next to the folder, then move: it exists as a whole or not at all."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=INSTALLED) as beside:
        whole = Path(beside) / "whole"
        shutil.copytree(LOCKED, whole)
        await _run(whole, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        with suppress(OSError):  # another process of the tests installed first
            whole.rename(folder)


async def _run(folder: Path, *command: str, given: str = "") -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate(given.encode())
    assert process.returncode == 0, f"{' '.join(command)}: {said.decode()}"
    return said.decode()
