"""The folder of a command that simulates something: temporary or kept."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sojourn.domain.errors import BadInput


@contextmanager
def kept_or_temporary(keep: Path | None, name: str) -> Iterator[Path]:
    """Yield a folder; without ``keep``, it is removed after the block.

    Args:
        keep: a new or empty folder.
        name: the command's name, for the name of a temporary folder.

    Yields:
        The folder.

    Raises:
        BadInput: the folder to keep is not empty.
    """
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            raise BadInput(f"--keep {keep}: the folder is not empty; name a new one")
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix=f"sojourn-{name}-") as folder:
        yield Path(folder)
