"""`Alert`: something that a person should look at, in numbers and words; nobody is named in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """The kind of an alert; docs/alerts.md has a section for each."""

    NOTHING_ARRIVES = "nothing-arrives"
    """No event arrives any more."""
    EVENT_RENAMED = "event-renamed"
    """An event that journeys start on has stopped, and a name that nothing declares has come up."""
    EVENT_SILENT = "event-silent"
    """An event that journeys start on has stopped."""
    JOURNEY_SILENT = "journey-silent"
    """No run of a journey begins any more."""
    SENDS_SILENT = "sends-silent"
    """No message of a journey leaves any more."""
    AUDIENCE_EMPTY = "audience-empty"
    """Nobody is left in an audience."""
    SKIPS_SURGE = "skips-surge"
    """More messages than usual did not leave, for one reason."""
    COMPLAINTS_HIGH = "complaints-high"
    """More complaints than mailbox providers want to see."""
    COMPLAINTS_OVER = "complaints-over"
    """More complaints than mailbox providers tolerate."""
    BOUNCES_OVER = "bounces-over"
    """More bounces than providers tolerate."""


class Word(StrEnum):
    """The news of an alert."""

    BEGAN = "began"
    OVER = "over"


@dataclass(frozen=True)
class Alert:
    """Something that a person should look at.

    Args:
        kind: its kind.
        about: the journey, event, audience or mailbox provider; after a slash, the reason.
        line: all of it in one line for people.
        seen: the number that was counted, or a share.
        expected: the number that it is compared with.
        window: the time that was looked at, in words.
        look: commands that show more.
    """

    kind: Kind
    about: str
    line: str
    seen: float
    expected: float
    window: str
    look: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name by which it is told once, and kept quiet: ``journey-silent:renewal``."""
        return f"{self.kind}:{self.about}"


@dataclass(frozen=True)
class Standing:
    """An alert that stands: it was told, and is not over.

    Args:
        expected: the number that it began with.
        window: the time that was looked at when it began.
    """

    expected: float
    window: str


NONE: Mapping[str, Standing] = MappingProxyType({})
