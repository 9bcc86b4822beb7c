"""The activities that open and close tasks for a person, for the run that waits for an answer."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from sojourn.domain.tasks import Closing, Opening, TaskStand
from sojourn.journeys.temporal import CLOSE_TASK, OPEN_TASK
from sojourn.sending.whereabouts import whereabouts
from sojourn.store import Store, tasks


class Tasks:
    """Opens and closes tasks in the store.

    Args:
        store: open.
        to_tell: a helpdesk is told of tasks.
    """

    def __init__(self, store: Store, *, to_tell: bool = False) -> None:
        self._store = store
        self._to_tell = to_tell

    @activity.defn(name=OPEN_TASK)
    async def open(self, said: Opening) -> TaskStand:
        """Open a task, once.

        Returns:
            Its state.

        Raises:
            ApplicationError: the store cannot take it now; Temporal tries again.
        """
        try:
            async with self._store.transaction() as session:
                return await tasks.open_one(session, said, to_tell=self._to_tell)
        except Exception as error:
            raise _again("opened", error) from None

    @activity.defn(name=CLOSE_TASK)
    async def close(self, said: Closing) -> TaskStand:
        """Close a task, unless it was answered.

        Returns:
            Its state; with the answer, if that was quicker.

        Raises:
            ApplicationError: the store cannot take it now; Temporal tries again.
        """
        try:
            async with self._store.transaction() as session:
                return await tasks.close(session, said)
        except Exception as error:
            raise _again("closed", error) from None


def _again(deed: str, error: Exception) -> ApplicationError:
    """Return the error that makes Temporal try again; its kind alone, as a text may quote a row."""
    kind = type(error).__name__
    activity.logger.error("a task could not be %s: %s at %s", deed, kind, whereabouts(error))
    return ApplicationError(f"{kind}: see the worker's log", type=kind)
