"""`Measure`: a thing that is counted of a message; each is true of it, or not."""

from collections.abc import Collection, Iterator
from datetime import datetime
from enum import IntFlag, auto

from sojourn.domain.messages import Reason
from sojourn.domain.reports import Kind
from sojourn.domain.states import MessageState


class Measure(IntFlag):
    """A thing that is true of one message. A message counts in each that is."""

    DUE = auto()
    """The gate was asked about it."""
    HELD = auto()
    """It was held at least once."""
    SENT = auto()
    SKIPPED = auto()
    REJECTED = auto()
    EXPIRED = auto()
    UNKNOWN = auto()
    """Perhaps sent."""
    HELD_OUT = auto()
    """Skipped because its customer is in a control group."""
    DELIVERED = auto()
    BOUNCED = auto()
    FAILED = auto()
    """The provider gave up on it, for no fault of the address."""
    COMPLAINED = auto()
    OPENED = auto()
    """By a person, as far as it can be told."""
    OPENED_BY_MACHINE = auto()
    CLICKED = auto()
    """By a person."""
    CLICKED_BY_MACHINE = auto()
    REPLIED = auto()
    UNSUBSCRIBED = auto()
    CONVERTED = auto()
    """It has the credit for an order, by the last message before it."""


COLUMNS: tuple[str, ...] = tuple(one.name.lower() for one in Measure if one.name)
"""The columns of the table of rollups, in the order of their bits."""

_STATES = {
    MessageState.SENT: Measure.SENT,
    MessageState.SKIPPED: Measure.SKIPPED,
    MessageState.REJECTED: Measure.REJECTED,
    MessageState.EXPIRED: Measure.EXPIRED,
    MessageState.UNKNOWN: Measure.UNKNOWN,
}
_KINDS = {
    Kind.DELIVERED: Measure.DELIVERED,
    Kind.BOUNCED: Measure.BOUNCED,
    Kind.FAILED: Measure.FAILED,
    Kind.COMPLAINED: Measure.COMPLAINED,
    Kind.OPENED: Measure.OPENED,
    Kind.READ: Measure.OPENED,
    Kind.CLICKED: Measure.CLICKED,
    Kind.REPLIED: Measure.REPLIED,
    Kind.UNSUBSCRIBED: Measure.UNSUBSCRIBED,
}
_NOT_SENT = (MessageState.SKIPPED, MessageState.EXPIRED, MessageState.REJECTED)
_BY_MACHINE = {
    Measure.OPENED: Measure.OPENED_BY_MACHINE,
    Measure.CLICKED: Measure.CLICKED_BY_MACHINE,
}


def measures_of(
    state: MessageState,
    reason: str | None,
    held_until: datetime | None,
    reports: Collection[tuple[str, bool]],
    *,
    progress: str | None = None,
    converted: bool = False,
) -> Measure:
    """Return all that is true of a message.

    Args:
        state: its state in the ledger.
        reason: why it has that state.
        held_until: the end of its last hold; None: it was never held.
        reports: the kinds of the reports on it, and whether a machine was behind each.
        progress: how far it came, by its row: refusals by our own links are told there alone.
        converted: whether an order is credited to it.

    Returns:
        The measures that are true of it.
    """
    found = Measure.DUE | _STATES.get(state, Measure(0))
    if held_until is not None:
        found |= Measure.HELD
    if state is MessageState.SKIPPED and reason == Reason.HELD_OUT:
        found |= Measure.HELD_OUT
    for kind, by_machine in reports:
        told = _KINDS.get(Kind(kind), Measure(0))
        found |= _BY_MACHINE.get(told, told) if by_machine else told
    if progress == Kind.UNSUBSCRIBED:
        found |= Measure.UNSUBSCRIBED
    return found | Measure.CONVERTED if converted else found


def one_more(held_for: str | None, reason: Reason) -> str:
    """Return the reasons of a message's holds, with the one of another hold.

    Args:
        held_for: the reasons so far, with a space between; None: there was no hold.
        reason: of the hold.
    """
    return " ".join(dict.fromkeys([*(held_for or "").split(), reason.value]))


def columns_of(measures: Measure) -> Iterator[str]:
    """Yield the columns in which a message counts."""
    for one in measures:
        assert one.name
        yield one.name.lower()


def reason_of(state: MessageState, reason: str | None) -> str:
    """Return the reason under which a message that did not leave is counted; empty: none.

    Args:
        state: its state.
        reason: a `Reason` value.
    """
    return (reason or "") if state in _NOT_SENT else ""
