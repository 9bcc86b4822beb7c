"""Temporary files of a run of the tests lie in memory, for every process of it."""

import os
import shutil
import tempfile
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM = 4 << 30
"""Bytes that have to be free in it. A run needs a quarter; a container has 64 MB by default."""


def files_in_memory() -> None:
    """Make temporary files where no commit waits for a disk, if the machine has such a place."""
    if "TMPDIR" in os.environ or not MEMORY.is_dir() or shutil.disk_usage(MEMORY).free < ROOM:
        return
    os.environ["TMPDIR"] = str(MEMORY)  # of the processes that tests start, too
    tempfile.tempdir = None  # asked for already, before this was said
