"""A former version of this repository, unpacked from its history."""

import io
import subprocess
import tarfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def unpack(commit: str, folder: Path) -> bool:
    """Unpack a commit into a folder.

    Args:
        commit: its hash.
        folder: an empty one, or one that is not there yet.

    Returns:
        False if the history does not have it: that needs git and a whole clone.
    """
    try:
        told = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return False
    with tarfile.open(fileobj=io.BytesIO(told.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return True
