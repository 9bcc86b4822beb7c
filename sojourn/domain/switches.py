"""Switches: an operator holds back what a journey, a topic or the whole installation does.

A pause or a closing concerns entries, sends, or both. Entries are events that would start a run:
while they are held back, an event starts none, and is not made up for later. Sends are messages
of any class: while they are held back, a message waits for as long as it is of use, and events go
on to end its run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Scope(StrEnum):
    """The reach of a switch."""

    JOURNEY = "journey"
    TOPIC = "topic"
    ALL = "all"


class Part(StrEnum):
    """The part of the work that a switch holds back."""

    ENTRIES = "entries"
    SENDS = "sends"


@dataclass(frozen=True)
class Switch:
    """A switch that is on: it holds something back.

    Args:
        scope: its reach.
        name: of the journey or the topic; empty for all.
        since: when an operator set it, by the machine's clock.
        by: the operator's name.
        because: the operator's words.
    """

    scope: Scope
    name: str
    since: datetime
    by: str = ""
    because: str = ""

    def concerns(self, *, journey: str, topics: Iterable[str]) -> bool:
        """Tell whether it holds back this journey, or one of these topics."""
        match self.scope:
            case Scope.ALL:
                return True
            case Scope.JOURNEY:
                return self.name == journey
            case Scope.TOPIC:
                return self.name in topics


def first(switches: Iterable[Switch], *, journey: str, topics: Iterable[str]) -> Switch | None:
    """Find the oldest switch that concerns a journey or one of its topics.

    Args:
        switches: those that are on.
        journey: its name.
        topics: of the journey or of one message.

    Returns:
        The switch; None if none concerns them.
    """
    found = [one for one in switches if one.concerns(journey=journey, topics=topics)]
    return min(found, key=lambda one: one.since, default=None)
