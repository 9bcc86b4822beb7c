"""The activity that notes a stop, for a run that was asked to stop or was cancelled."""

from temporalio import activity
from temporalio.exceptions import ApplicationError

from sojourn.domain.events import SHIPPED, Events
from sojourn.domain.messages import Heard, Stop
from sojourn.journeys.temporal import NOTE_STOP
from sojourn.sending.whereabouts import whereabouts
from sojourn.store import Store, events, stops


class Stops:
    """Notes stops, so that the gate knows of one before anybody is answered "stopped"."""

    def __init__(self, store: Store, known: Events = SHIPPED) -> None:
        """Make the activity.

        Args:
            store: an open store.
            known: the project's events, by wire name.
        """
        self._store = store
        self._known = known

    @activity.defn(name=NOTE_STOP)
    async def note(self, stop: Stop) -> Heard:
        """Note a stop, and skip what waits in the run.

        Returns:
            The stop as the run hears it.

        Raises:
            ApplicationError: the store cannot take it now; Temporal tries again.
        """
        try:
            async with self._store.transaction() as session:
                row = await stops.note(
                    session,
                    stop.customer_id,
                    stop.workflow_id,
                    journey=stop.journey,
                    asked=stop.asked,
                    because=stop.because,
                    at=stop.now,
                    told=True,
                )
                return events.heard(row, events.typed(row, self._known))
        except Exception as error:
            # an error's text may quote what the operator wrote: Temporal gets the kind alone
            kind = type(error).__name__
            activity.logger.error("a stop could not be noted: %s at %s", kind, whereabouts(error))
            raise ApplicationError(f"{kind}: see the worker's log", type=kind) from None
