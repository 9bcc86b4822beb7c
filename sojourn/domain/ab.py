"""`ABTest`: a campaign tries variants on a share of its audience, and the rest gets the winner."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from sojourn.domain.events import Event
from sojourn.domain.list_name import is_list_name


class Measure(StrEnum):
    """A measure of variants other than an event."""

    CLICK = "click"
    """A link of the message was followed."""


CLICK = Measure.CLICK
"""The variant wins whose messages have the greatest share of clicks."""


@dataclass(frozen=True)
class ABTest:
    """Variants of a campaign's message, tried on a share of its audience.

    ::

        ABTest({"plain": "message", "warm": "warm-words"}, share=0.2, by=CLICK, after=hours(4))

    Args:
        variants: the template of each, by its name. In a tie, the first one wins.
        share: the part of the audience that it is tried on, more than 0 and at most 1.
        by: `CLICK`, or the class of an event that customers cause after the message.
        after: the time from the last message to the share until the winner is found.

    Raises:
        TypeError: an argument makes no sense; one line names it.
    """

    variants: Mapping[str, str]
    share: float
    by: Measure | type[Event]
    after: timedelta

    def __post_init__(self) -> None:
        """Check what was given."""
        if not isinstance(self.variants, Mapping) or len(self.variants) < 2:
            raise TypeError(
                'ABTest: it has two variants at least, with their templates: {"plain": "message", '
                '"warm": "warm-words"}'
            )
        for name in (*self.variants, *self.variants.values()):
            if not isinstance(name, str) or not is_list_name(name):
                raise TypeError(
                    "ABTest: variants and templates are named in small letters, digits and "
                    f"hyphens, and {name!r} is not"
                )
        if len(set(self.variants.values())) < len(self.variants):
            raise TypeError("ABTest: two of its variants have one template, so nothing differs")
        is_number = isinstance(self.share, int | float) and not isinstance(self.share, bool)
        if not is_number or not 0 < self.share <= 1:
            raise TypeError(
                f"ABTest: share= is a part of the audience, more than 0 and at most 1, and "
                f"{self.share!r} is not"
            )
        is_event = isinstance(self.by, type) and issubclass(self.by, Event)
        if not isinstance(self.by, Measure) and not is_event:
            raise TypeError(
                f"ABTest: by= takes CLICK or a class of events, and {self.by!r} is neither"
            )
        if not isinstance(self.after, timedelta) or self.after <= timedelta(0):
            raise TypeError(f"ABTest: after= is some time, after=hours(4), and {self.after!r} not")
        object.__setattr__(self, "variants", MappingProxyType(dict(self.variants)))

    @property
    def event(self) -> str:
        """The name of the event by which it is decided; empty: by clicks."""
        return "" if isinstance(self.by, Measure) else self.by.event_name

    def told(self) -> dict[str, Any]:
        """Return it as plain values: an approval is bound to them, their order included."""
        return {
            "variants": list(self.variants.items()),
            "share": self.share,
            "by": self.event or str(self.by),
            "after": self.after.total_seconds(),
        }
