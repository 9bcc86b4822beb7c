"""Sayings: what a run has the store take in, an event or a statement on its customer's card.

They cross Temporal, so nothing in them is personal. Each has an id made of what caused it: a run
that is retried, reset or replayed says the same thing under the same id, and it counts once.
"""

from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from sojourn.domain.made_ids import made_id

TOLD = "told/"
"""Ids of events that a run tells begin with it."""
TOLD_ON = "told-on/"
"""Ids of events told by a run that such an event began start with it."""
NOTED = "note/"
"""Ids of statements that a run makes on a card begin with it."""


class Saying(BaseModel):
    """The argument of an activity by which a run says something.

    Args:
        run: workflow id of the run.
        customer_id: whose run it is.
        enrolment: id of the event that began the enrolment.
        cause: id of the event that last (re)started the steps.
        occurrence: its number among the sayings of its kind since then.
        now: by the journey's clock.
        clock: the journey's clock minus Temporal's; zero except in time travel.
    """

    model_config = ConfigDict(frozen=True)

    run: str
    customer_id: str
    enrolment: str
    cause: str
    occurrence: int = 1
    now: datetime
    clock: timedelta = timedelta(0)

    @property
    def what(self) -> str:
        """The kind of saying, as a part of its id."""
        raise NotImplementedError

    def _id(self, prefix: str) -> str:
        parts = (self.run, self.enrolment, self.cause)
        escaped = (part.replace("%", "%25").replace("/", "%2F") for part in parts)
        return made_id(prefix.rstrip("/"), *escaped, f"{self.what}-{self.occurrence}")


class Telling(Saying):
    """An event that a run tells.

    Args:
        event: its name on the wire.
        fields: as JSON values.
    """

    event: str
    fields: dict[str, Any] = {}

    @property
    def what(self) -> str:
        """The event's name in kebab-case."""
        return self.event.lower().replace(" ", "-")

    @property
    def is_told_on(self) -> bool:
        """True if the run was itself begun by an event that a run has told."""
        return any(one.startswith((TOLD, TOLD_ON)) for one in (self.enrolment, self.cause))

    @property
    def message_id(self) -> str:
        """The id of the event."""
        return self._id(TOLD_ON if self.is_told_on else TOLD)


class Noting(Saying):
    """A statement that a run makes on its customer's card.

    Args:
        traits: as JSON values.
    """

    traits: dict[str, Any]

    @property
    def what(self) -> str:
        """A note."""
        return "note"

    @property
    def message_id(self) -> str:
        """The id of the statement: its source on the card."""
        return self._id(NOTED)
