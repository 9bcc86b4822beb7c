"""The home folder is its owner's alone: it holds databases, logs and keys of customers' data."""

import logging
import os
import stat
from pathlib import Path

log = logging.getLogger(__name__)

FOLDER, FILE = 0o700, 0o600
OURS = ("*.db", "*.db-*", "*.log", "*.json", "secret_key*", "write_key", "outbox/*.html")


def private_folder(folder: Path) -> None:
    """Make a folder that its owner alone can look into, unless it exists.

    Raises:
        OSError: it cannot be made.
    """
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(FOLDER, exist_ok=True)


def private_file(file: Path) -> None:
    """Make a file that its owner alone can read, or make it so.

    Raises:
        OSError: it cannot be made.
    """
    if not file.exists():
        file.touch(FILE)
    elif file.is_file():
        _close(file, FILE)


def keep_private(home: Path) -> None:
    """Close a home folder and our files in it to everybody but their owner, if it exists.

    A folder that everybody shares, such as ``/tmp``, or that the project lies in stays open; our
    files in it do not. Files of another user stay as that user left them.

    Args:
        home: the folder.
    """
    if not home.is_dir():
        return
    shared = home.stat().st_mode & stat.S_ISVTX or Path.cwd().is_relative_to(home.resolve())
    if not shared:
        _close(home, FOLDER)
        _close(home / "outbox", FOLDER)
    for pattern in OURS:
        for file in home.glob(pattern):
            _close(file, FILE)


def _close(path: Path, mode: int) -> None:
    try:
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode) or found.st_uid != os.geteuid() or not found.st_mode & 0o077:
            return
        path.chmod(mode)
    except FileNotFoundError:
        return  # another process has removed it meanwhile
    except OSError as error:  # a file system without modes: nothing that we could do
        log.warning("%s stays readable to others: %s", path, error.strerror)
