"""`Forgetting`: forgets secrets that have expired, and requests that no longer count."""

from datetime import UTC, datetime

from sojourn.domain.events import Events
from sojourn.domain.fence import FENCE
from sojourn.store import Store, requests, secrets
from sojourn.store.rights.scrubbing import empty_log

AFTER = 2 * FENCE
"""The time from the end of a secret until it is forgotten: a message that was claimed before may
leave, and note its text, until the fence closes."""


class Forgetting:
    """One pass after the other."""

    def __init__(self, store: Store, known: Events) -> None:
        """Begin.

        Args:
            store: open.
            known: the project's events, by wire name.
        """
        self._store = store
        self._known = known
        self._in_the_log = True  # a former process may have ended before it was emptied

    async def sweep(self, now: datetime | None = None) -> int:
        """Forget all that has expired.

        Args:
            now: by the machine's clock; None: this moment.

        Returns:
            The number of secrets that were forgotten.
        """
        now = now or datetime.now(UTC)
        forgotten = 0
        while True:
            async with self._store.reading() as session:
                due = await secrets.due(session, now - AFTER)
            if not due:
                break
            async with self._store.transaction() as session:
                await secrets.forget(session, due, self._known)
            forgotten += len(due)
            self._in_the_log = True
        async with self._store.transaction() as session:
            await requests.forget(session, now)
        if self._in_the_log:
            self._in_the_log = not await empty_log(self._store)
        return forgotten
