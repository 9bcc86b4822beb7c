"""`Script`: a story to be played, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.domain.events import Event

AT_ONCE = timedelta(0)
BEGIN = datetime(2026, 3, 10, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Ahead:
    """A moment in a field of an event, counted from when the event is published.

    Args:
        span: how far ahead.
        is_day: the field takes the day of it.
    """

    span: timedelta
    is_day: bool = False

    def at(self, now: datetime) -> Any:
        """Return the value of the field, at a moment."""
        moment = now + self.span
        return moment.date() if self.is_day else moment


@dataclass(frozen=True)
class Publishes:
    """An event is published.

    Args:
        event: its class.
        fields: the values of its fields.
        after: the time that passes before.
        late: how long ago it happened.
        id: its message id; two events of one id are one event, sent twice. Empty: its own.
    """

    event: type[Event]
    fields: Mapping[str, Any] = field(default_factory=dict)
    after: timedelta = AT_ONCE
    late: timedelta = AT_ONCE
    id: str = ""


@dataclass(frozen=True)
class Says:
    """An identify call changes the customer.

    Args:
        traits: of the call.
        after: the time that passes before.
    """

    traits: Mapping[str, Any]
    after: timedelta = AT_ONCE


@dataclass(frozen=True)
class Stops:
    """An operator stops the newest run.

    Args:
        after: the time that passes before.
    """

    after: timedelta = AT_ONCE


Act = Publishes | Says | Stops


@dataclass(frozen=True)
class Script:
    """A story to be played.

    Args:
        acts: in their order.
        begin: the first moment.
        traits: of the customer, where they differ from those of the test kit's.
        policy: the text of the policy that holds; None: none does, nor do quiet hours.
        rest: the time that passes after the last act.
    """

    acts: tuple[Act, ...]
    begin: datetime = BEGIN
    traits: Mapping[str, Any] = field(default_factory=dict)
    policy: str | None = None
    rest: timedelta = timedelta(days=30)
