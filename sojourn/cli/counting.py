"""Count what has changed since the worker's last count, before its figures are shown."""

from sojourn.cli.here import Here
from sojourn.cli.output import stderr
from sojourn.insight.measuring import PAGE, Measuring
from sojourn.store import Store
from sojourn.store.measuring import marks


async def count_first(here: Here, store: Store, *, unless: str = "") -> None:
    """Count all changes.

    Args:
        here: the installation and its project.
        store: the open store.
        unless: the option without which this happens; it is named where it takes a while.
    """
    async with store.reading() as session:
        waiting = await marks.waiting(session)
    if waiting > PAGE:
        how = f" (not with {unless})" if unless else ""
        stderr.print(f"counting {waiting} changes first{how} ...")
    if waiting:
        await Measuring.of(store, here.settings, here.project).catch_up()
