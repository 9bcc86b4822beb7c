"""`Here`: the project and the settings that a command works with."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sojourn.composing import load_project, settings_of
from sojourn.domain.messages import Channel
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store

if TYPE_CHECKING:
    from temporalio.client import Client

    from sojourn.dispatch import Sojourn


@dataclass(frozen=True)
class Here:
    """The project and the settings where a command runs. A command composes it once.

    Args:
        project: the project that `load_project` finds.
        settings: the settings of the environment, with the project's defaults.
    """

    project: Project
    settings: Settings

    @classmethod
    def compose(cls) -> Self:
        """Find the project and read the settings.

        Raises:
            BadProject: a file of the project cannot be imported; the message names it.
            BadSetting: a setting is invalid or unknown.
        """
        project = load_project()
        return cls(project, settings_of(project))

    @asynccontextmanager
    async def store(self, *, migrate: bool = False, check: bool = True) -> AsyncIterator[Store]:
        """Open the store for as long as the block lasts.

        Args:
            migrate: migrate the database first.
            check: refuse a database of another version.

        Raises:
            StoreUnavailable: the database cannot be opened, or is of another version.
        """
        store = await Store.open(
            self.settings.store_url,
            migrate=migrate,
            check=check,
            pool_size=self.settings.database_connections,
        )
        try:
            yield store
        finally:
            await store.close()

    async def temporal(self) -> "Client":
        """Connect to Temporal. The client needs no closing.

        Raises:
            BadSetting: the connection settings are invalid.
            TemporalUnavailable: no server answers.
        """
        # most commands only read the store: they need not wait for Temporal's client to load
        from sojourn.dispatch.connection import connect  # noqa: PLC0415

        return await connect(self.settings)

    def sojourn(self, *, lazy: bool = False) -> "AbstractAsyncContextManager[Sojourn]":
        """Connect to the store and to Temporal, to publish.

        Args:
            lazy: connect to Temporal at the first call.

        Raises:
            StoreUnavailable: the database cannot be opened, or is of another version.
            TemporalUnavailable: no server answers.
        """
        from sojourn.dispatch import Sojourn  # noqa: PLC0415 (see `temporal`)

        return Sojourn.connect(self.settings, self.project, lazy=lazy)

    def apart(self, home: Path, database: str) -> Settings:
        """Return settings for a separate installation, which sends nothing to anybody.

        Args:
            home: the folder for its state.
            database: the name of the SQLite file in that folder.

        Returns:
            These settings with that home and database, and with every message kept in the outbox.
        """
        return self.settings.model_copy(
            update={
                "home": home,
                "database_url": f"sqlite+aiosqlite:///{home / database}",
                **{f"{channel}_provider": "outbox" for channel in Channel},
            }
        )
