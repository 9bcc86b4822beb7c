"""The target of an export, as the export sees it."""

from dataclasses import dataclass
from types import ModuleType
from typing import Protocol

from sojourn.domain.errors import Unavailable
from sojourn.insight.exporting.reading import Batch


@dataclass(frozen=True)
class Standing:
    """The standing of a target: the last change in it, and its kind.

    Args:
        token: of the database whose changes it has (`store.changes`).
        seq: the number of the last change in it.
        personal: it has personal columns.
        version: of the schema.
    """

    token: str
    seq: int
    personal: bool
    version: int


class Target(Protocol):
    """Something that an export fills, batch by batch."""

    async def open(self) -> Standing | None:
        """Return how far it is filled; None: nothing is in it.

        Raises:
            Unavailable: it cannot be opened, or another export fills it.
        """

    async def begin(self, standing: Standing) -> int:
        """Make ready to write what comes after a number, and take away what was left half done.

        Returns:
            The number after which to begin: a lower one, where the target has to take away more.
        """

    async def write(self, batch: Batch, standing: Standing) -> None:
        """Write a batch, whole or not at all.

        Args:
            batch: all changes between the last one and this.
            standing: once it is written.
        """

    async def close(self) -> None:
        """Let go of it."""


def duckdb() -> ModuleType:
    """Import DuckDB.

    Raises:
        Unavailable: it is not installed; the text names the extra.
    """
    try:
        import duckdb as module  # noqa: PLC0415 (an extra, and slow to load)
    except ModuleNotFoundError:
        raise Unavailable(
            "this export needs DuckDB, which is not installed: pip install 'sojourn[export]'"
        ) from None
    return module
