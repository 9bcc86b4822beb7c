"""Events of a single run: written by Sojourn itself, for the store, the gate and the run."""

from typing import Annotated

from pydantic import Field

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Personal

LONGEST_RUN_ID = 255
"""Characters of a workflow id."""


class RunEvent(Event, name=""):
    """Something that concerns one run alone: no other run hears it."""

    journey: str | None = None
    run: str | None = None
    """The workflow id of the run."""


class JourneyStopped(RunEvent, name="Journey Stopped"):
    """An operator ended a run: it sends nothing more. Sojourn writes it, no service sends it."""

    run: Annotated[str, Field(min_length=1, max_length=LONGEST_RUN_ID)]
    because: Personal = None
    by: Personal = None
