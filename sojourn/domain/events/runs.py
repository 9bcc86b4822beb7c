"""Events of a single run: written by Sojourn itself, for the store, the gate and the run."""

from typing import Annotated

from pydantic import Field

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Personal

RunId = Annotated[str, Field(min_length=1, max_length=255)]
"""A workflow id."""


class RunEvent(Event, name=""):
    """Something that concerns one run alone: no other run hears it."""

    journey: str | None = None
    run: str | None = None
    """The workflow id of the run."""


class HoldEnded(RunEvent, name="Hold Ended"):
    """A held message has the words or the slot that it waited for: its run asks again."""

    run: RunId


class TimeZoneChanged(RunEvent, name="Time Zone Changed"):
    """The customer lives by other clocks now: the run plans by them. Sojourn writes it."""

    run: RunId
    timezone: str
    """IANA name."""


class TaskAnswered(RunEvent, name="Task Answered"):
    """A person answered what a run asked. Sojourn writes it, no service sends it."""

    run: RunId
    task: str
    answer: str
    by: Personal = None


class JourneyStopped(RunEvent, name="Journey Stopped"):
    """An operator ended a run: it sends nothing more. Sojourn writes it, no service sends it."""

    run: RunId
    because: Personal = None
    by: Personal = None
