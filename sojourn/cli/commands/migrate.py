"""``sojourn migrate``: bring the database to this code's version."""

from sojourn.cli.app import app, run
from sojourn.cli.output import console
from sojourn.composing import project_settings
from sojourn.store import Store
from sojourn.store.engine import head


@app.command()
def migrate() -> None:
    """Bring the database up to date with this version of Sojourn."""
    run(_migrate())


async def _migrate() -> None:
    store = await Store.open(project_settings().store_url, migrate=True)
    await store.close()
    console.print(f"the database is at version {head()}")
