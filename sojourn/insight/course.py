"""`Course`: the attempts at a message and its provider's later reports, in words."""

import re
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from pydantic import BaseModel

from sojourn.domain import errors
from sojourn.domain.calendar import zone
from sojourn.domain.reports import Kind
from sojourn.domain.states import AttemptState
from sojourn.insight.card import masked
from sojourn.store.tables import AttemptRow, HandoverRow, ReportRow

AT_ONCE = ("answer", "gate")
SETTLERS = (*AT_ONCE, "look-up", "report")
"""The values of ``settled_by`` other than operators' names."""


class Tried(BaseModel):
    """One hand-over of a message to a provider. Moments are by the machine's clock.

    Args:
        at: the moment of the hand-over.
        text: the end of the attempt, in words.
        settled: the later finding on its end, in words; empty if the end was known at once.
        attempt: the ledger's count of claims at that time.
        provider: the provider that it was handed to.
        state: submitting, accepted, refused, released, ambiguous or superseded.
        settled_at: the moment from which its end was known.
        settled_by: answer, look-up, report, gate, or an operator's name.
        provider_id: the provider's id for the message.
        error: the kind of the provider's error: ``RateLimited``.
        detail: the provider's words.
    """

    at: datetime
    text: str
    settled: str
    attempt: int
    provider: str
    state: AttemptState
    settled_at: datetime | None
    settled_by: str | None
    provider_id: str | None
    error: str | None
    detail: str | None


class OnDevice(BaseModel):
    """A push message on one of the customer's devices.

    Args:
        text: its end, in words.
        attempt: the attempt that handed it over.
        device: the platform, and the token, masked.
        state: its state, one of those of an attempt.
        settled_at: the moment from which its end was known.
        provider_id: the provider's id for the message on this device.
        error: the kind of the provider's error.
        detail: the provider's words.
    """

    text: str
    attempt: int
    device: str
    state: AttemptState
    settled_at: datetime | None
    provider_id: str | None
    error: str | None
    detail: str | None


class Reported(BaseModel):
    """One report of a provider.

    Args:
        at: the moment by the provider's clock.
        text: the report in words.
        provider: the provider that reported.
        kind: delivered, bounced, opened, ...
        received_at: the moment of the report's arrival.
        detail: the provider's words; empty for a reply, because its words are the customer's own.
    """

    at: datetime
    text: str
    provider: str
    kind: Kind
    received_at: datetime
    detail: str


class Course(BaseModel):
    """The course of a message after the gate: attempts in their order, then reports."""

    attempts: list[Tried] = []
    reports: list[Reported] = []
    devices: list[OnDevice] = []

    @property
    def by_operator(self) -> bool:
        """True if an operator has settled the message."""
        return bool(self.attempts) and self.attempts[-1].settled_by not in (None, *SETTLERS)


def course_of(
    attempts: Sequence[AttemptRow],
    reports: Sequence[ReportRow],
    handovers: Sequence[HandoverRow] = (),
    *,
    suppressed: bool = False,
    hide: str = "",
) -> Course:
    """Put attempts and reports into words.

    Args:
        attempts: the attempts at one message.
        reports: the reports on the same message.
        handovers: its hand-overs, one for each device in each attempt.
        suppressed: nothing is sent to the message's address any more.
        hide: the message's address, which is masked in the words of providers.

    Returns:
        The course of the message.
    """
    hidden = {hide, *(row.address for row in handovers)} if hide else ()
    return Course(
        attempts=[_tried(row, hidden) for row in attempts],
        reports=[_told(row, suppressed=suppressed, hide=hidden) for row in reports],
        devices=[_on_device(row) for row in handovers],
    )


def lines(
    attempts: Sequence[Tried],
    reports: Sequence[Reported],
    tz: str,
    devices: Sequence[OnDevice] = (),
    *,
    day: datetime,
) -> list[str]:
    """Write attempts and reports in the order of their moments, one line each.

    Args:
        attempts: the attempts at one message.
        reports: the reports on the same message.
        tz: the time zone to write moments in.
        devices: its hand-overs to devices; a single device gets no line beside its attempt's.
        day: moments of this day are shown without their date.

    Returns:
        The lines.
    """
    entries = [(tried.at, tried.text) for tried in attempts]
    entries += [(t.settled_at, t.settled) for t in attempts if t.settled_at and t.settled]
    entries += [(told.at, told.text) for told in reports]
    began = {tried.attempt: tried.at for tried in attempts}
    if len({one.device for one in devices}) > 1:
        for one in devices:
            at = one.settled_at or began.get(one.attempt, day)
            entries.append((at, f"{one.device}: {one.text}"))
    entries.sort(key=lambda entry: entry[0])
    return [f"{moment(at, tz, day)}  {text}" for at, text in entries]


def moment(at: datetime, tz: str, day: datetime | None = None) -> str:
    """Write a moment to the second.

    Args:
        at: the moment.
        tz: the time zone to write it in.
        day: a moment of this day is written without its date.

    Returns:
        ``Mon 2024-01-08 12:00:00``, or ``12:00:00``.
    """
    local = at.astimezone(zone(tz))
    if day is not None and day.astimezone(zone(tz)).date() == local.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%a %Y-%m-%d %H:%M:%S}"


def _without(addresses: Iterable[str], text: str) -> str:
    for address in addresses:
        text = without(address, text)
    return text


def without(address: str, text: str) -> str:
    """Mask the address wherever it occurs in ``text``."""
    if not address:
        return text
    return re.sub(re.escape(address), lambda _: masked(address), text, flags=re.IGNORECASE)


_ERRORS: dict[str, str] = {
    error.__name__: words
    for error, words in {
        errors.TransientError: "could not take it then",
        errors.RateLimited: "asked us to slow down",
        errors.FenceClosed: "got nothing: the worker had stood still for too long",
        errors.Unforeseen: "got nothing: the message could not be handed over",
        errors.PermanentError: "refused it for good",
        errors.InvalidRecipient: "said that there is no such address",
        errors.EndpointGone: "said that the device is gone",
        errors.WrongSender: "said that the device takes messages of another sender alone",
        errors.UnsupportedAddress: "cannot write to an address of this form",
        errors.RecipientUnsubscribed: "said that the recipient had told it to stop",
        errors.TemplateRefused: "refused the approved template",
        errors.WindowClosed: "said that the customer had not written within 24 hours",
        errors.ContentRejected: "refused the message itself",
        errors.AccountError: "refused our account",
    }.items()
}
_REPORTS = {
    Kind.ACCEPTED: "{provider} has it",
    Kind.DEFERRED: "the recipient's side did not take it yet; {provider} goes on trying",
    Kind.DELIVERED: "delivered",
    Kind.FAILED: "{provider} gave up",
    Kind.BOUNCED: "bounced",
    Kind.OPENED: "opened",
    Kind.READ: "read",
    Kind.CLICKED: "clicked",
    Kind.UNSUBSCRIBED: "unsubscribed",
    Kind.COMPLAINED: "complained of as spam",
    Kind.REPLIED: "answered by the recipient",
}
_SUPPRESSING = (Kind.BOUNCED, Kind.FAILED, Kind.COMPLAINED)


def _tried(row: AttemptRow, hide: Collection[str]) -> Tried:
    return Tried(
        at=row.submitted_at,
        text=_without(hide, _what_came(row)),
        settled=_found_out(row),
        attempt=row.attempt,
        provider=row.provider,
        state=row.state,
        settled_at=row.settled_at,
        settled_by=row.settled_by,
        provider_id=row.provider_id,
        error=row.error,
        detail=_without(hide, row.detail) if row.detail else row.detail,
    )


def _what_came(row: AttemptRow) -> str:
    if row.settled_by not in (None, *AT_ONCE):
        return _lost(row)
    return _ENDS[row.state].format(provider=row.provider, said=_said(row), lost=_lost(row))


_ENDS = {
    AttemptState.SUBMITTING: "handed to {provider}; if it stays so, the attempt died over it",
    AttemptState.ACCEPTED: "{provider} took it",
    AttemptState.REFUSED: "{said}; it is not tried again",
    AttemptState.RELEASED: "{said}; certainly not sent",
    AttemptState.AMBIGUOUS: "{lost}: perhaps sent",
    AttemptState.SUPERSEDED: "{lost}; the next attempt took over",
}


def _found_out(row: AttemptRow) -> str:
    match row.settled_by:
        case None | "answer" | "gate":
            return ""
        case "look-up":
            return "looked up: " + _LOOKED_UP[row.state].format(row.provider)
        case "report":
            return "reported later: it was sent"
    verdict = "sent" if row.state is AttemptState.ACCEPTED else "not sent"
    return f"settled by {row.settled_by}: it was {verdict}"


_LOOKED_UP = {
    AttemptState.ACCEPTED: "{} has it",
    AttemptState.REFUSED: "{} had refused it",
    AttemptState.RELEASED: "{} never got it, so it may go again",
    AttemptState.AMBIGUOUS: "{} cannot tell",
    AttemptState.SUPERSEDED: "{} cannot tell",
    AttemptState.SUBMITTING: "{} does not know of it yet",
}


def _said(row: AttemptRow) -> str:
    """Write the provider's answer in our words, with its own in brackets."""
    words = _ERRORS.get(row.error, f"answered {row.error}") if row.error else "did not take it"
    return f"{row.provider} {words}" + (f" ({row.detail})" if row.detail else "")


def _lost(row: AttemptRow) -> str:
    handed = "handed" if row.keyed else "handed with others, under no key of its own,"
    if row.error is None:
        return f"{handed} to {row.provider}: no answer was noted"
    if row.error != errors.AmbiguousSend.__name__:
        return _said(row)
    said = f" ({row.detail})" if row.detail else ""
    return f"{handed} to {row.provider}: no clear answer came{said}"


def _on_device(row: HandoverRow) -> OnDevice:
    hidden = (row.address,)
    said = f" ({_without(hidden, row.detail)})" if row.detail else ""
    words = _ERRORS.get(row.error, f"answered {row.error}") if row.error else ""
    return OnDevice(
        text=_DEVICES[row.state].format(words) + said,
        attempt=row.attempt,
        device=f"{row.platform or 'device'} {masked(row.address)}",
        state=row.state,
        settled_at=row.settled_at,
        provider_id=row.provider_id,
        error=row.error,
        detail=_without(hidden, row.detail) if row.detail else row.detail,
    )


_DEVICES = {
    AttemptState.SUBMITTING: "handed over: no answer was noted",
    AttemptState.ACCEPTED: "the provider took it",
    AttemptState.REFUSED: "the provider {}",
    AttemptState.RELEASED: "the provider {}; certainly not sent",
    AttemptState.AMBIGUOUS: "no clear answer came: perhaps sent",
    AttemptState.SUPERSEDED: "no clear answer came: perhaps sent",
}


def _told(row: ReportRow, *, suppressed: bool, hide: Collection[str]) -> Reported:
    kind = Kind(row.kind)
    detail = "" if kind is Kind.REPLIED else _without(hide, row.detail)
    text = _REPORTS[kind].format(provider=row.provider)
    if row.machine:
        text += f" by a machine ({row.machine})"
    if detail:
        text += f": {detail}"
    if suppressed and kind in _SUPPRESSING:
        text += "; nothing is sent to this address any more"
    return Reported(
        at=row.at,
        text=text,
        provider=row.provider,
        kind=kind,
        received_at=row.received_at,
        detail=detail,
    )
