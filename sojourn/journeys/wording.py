"""Texts for operators in Temporal's UI: summaries of timers and activities, current details."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache

from sojourn.domain.calendar import zone
from sojourn.domain.events import Event
from sojourn.domain.message import Message
from sojourn.domain.messages import Reason, Sent
from sojourn.journeys.terms import names


@lru_cache(maxsize=256)
def span(duration: timedelta) -> str:
    """Say how long: ``24 h``, ``2 days``, ``90 min``."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    if seconds:
        return f"{minutes * 60 + seconds} s"
    hours, minutes = divmod(minutes, 60)
    if minutes:
        return f"{hours * 60 + minutes} min"
    days, rest = divmod(hours, 24)
    return f"{days} days" if days > 1 and not rest else f"{hours} h"


def wait(duration: timedelta, events: Iterable[type[Event]]) -> str:
    """Say ``wait 2 days for Order Completed``."""
    return f"wait {span(duration)} for {_either(events)}"


def wait_until(when: datetime, tz: str, events: Iterable[type[Event]]) -> str:
    """Say ``wait until Tue 5 Mar 10:00 for Account Activated``.

    Args:
        when: the moment.
        tz: IANA name of the customer's zone, whose clock the text shows.
        events: those that end the wait.

    Returns:
        One line.
    """
    return f"wait until {clock(when, tz)} for {_either(events)}"


def quiet(duration: timedelta, of: type[Event], events: Iterable[type[Event]]) -> str:
    """Say ``wait 24 h after the last Product Added for Order Completed``.

    Args:
        duration: of the quiet.
        of: the event that begins the wait again.
        events: those that end it.

    Returns:
        One line.
    """
    return f"wait {span(duration)} after the last {of.event_name} for {_either(events)}"


def collecting(
    duration: timedelta, of: Iterable[type[Event]], events: Iterable[type[Event]]
) -> str:
    """Say ``collect Comment Added for 60 min, or Thread Closed``.

    Args:
        duration: of the collection.
        of: the events that are collected.
        events: those that end the run meanwhile.

    Returns:
        One line.
    """
    ends = _either(events)
    return f"collect {_either(of)} for {span(duration)}" + (f", or {ends}" if ends else "")


def answer(text: str, until: datetime, tz: str, events: Iterable[type[Event]]) -> str:
    """Say ``wait until Tue 5 Mar 10:00 for a person: Refund the order?, or Order Completed``.

    Args:
        text: the question.
        until: the end of the wait.
        tz: IANA name of the customer's zone, whose clock the text shows.
        events: those that end the run meanwhile.

    Returns:
        One line.
    """
    ends = _either(events)
    return f"wait until {clock(until, tz)} for a person: {text}" + (f", or {ends}" if ends else "")


def held(
    message: Message, until: datetime, tz: str, reason: Reason, events: Iterable[type[Event]]
) -> str:
    """Say ``hold reminder until Tue 5 Mar 09:00 (quiet hours), or Order Completed``.

    Args:
        message: the message that is held.
        until: the end of the hold.
        tz: IANA name of the customer's zone, whose clock the text shows.
        reason: why the gate holds it.
        events: those that end the run meanwhile.

    Returns:
        One line.
    """
    why = reason.replace("_", " ")
    return f"hold {message.step} until {clock(until, tz)} ({why}), or {_either(events)}"


@lru_cache(maxsize=256)
def sending(message: Message) -> str:
    """Say ``nudge by push, else sms``."""
    return f"{message.step} by {', else '.join(message.channels)}"


def clock(when: datetime, tz: str) -> str:
    """Show a moment on the customer's wall clock."""
    local = when.astimezone(zone(tz))
    return f"{local:%a} {local.day} {local:%b %Y %H:%M}"


def details(
    doing: str,
    until: datetime | None,
    tz: str,
    messages: Sequence[Sent],
    *,
    in_shadow: bool = False,
) -> str:
    """Write the current details of a run's page.

    Args:
        doing: the verb at hand.
        until: the end of a wait; None if the run does not wait.
        tz: IANA name of the customer's zone.
        messages: those that the run has decided on; the newest 20 are shown.
        in_shadow: nothing that the run says leaves.

    Returns:
        Markdown.
    """
    lines = ["**In shadow:** nothing that this run says leaves.", ""] if in_shadow else []
    lines.append(f"**Now:** {doing}")
    if until is not None:
        lines.append(f"**Until:** {clock(until, tz)} ({tz}), {until:%Y-%m-%d %H:%M:%S} UTC")
    if messages:
        lines += ["", "| step | what became of it | when (UTC) |", "|---|---|---|"]
        lines += [f"| {m.step} | {_fate(m)} | {m.at:%Y-%m-%d %H:%M} |" for m in messages[-20:]]
    else:
        lines += ["", "No message yet."]
    return "\n".join(lines)


def _fate(message: Sent) -> str:
    by = f" by {message.channel}" if message.channel else ""
    why = f" ({message.reason})" if message.reason else ""
    return f"{message.status}{by}{why}"


def _either(events: Iterable[type[Event]]) -> str:
    return " or ".join(names(events))
