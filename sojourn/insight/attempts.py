"""Each attempt at a message, and what its provider told of it later, in words."""

import re
from collections.abc import Sequence
from datetime import datetime

from pydantic import BaseModel

from sojourn.domain import errors
from sojourn.domain.calendar import zone
from sojourn.domain.reports import Kind
from sojourn.domain.states import AttemptState
from sojourn.insight.card import masked
from sojourn.store.tables import AttemptRow, ReportRow

AT_ONCE = ("answer", "gate")
SETTLERS = (*AT_ONCE, "look-up", "report")
"""Who settles attempts, beside operators, who go by their names."""


class Tried(BaseModel):
    """One time that a message was handed to a provider. Moments are by the machine's clock.

    Args:
        at: when it was handed over.
        text: what came of it, in words.
        settled: how its end was found out later, in words; empty if it was known at once.
        attempt: the ledger's count of claims at that time.
        provider: who it was handed to.
        state: submitting, accepted, refused, released, ambiguous or superseded.
        settled_at: when its end was known.
        settled_by: answer, look-up, report, gate, or an operator's name.
        provider_id: the provider's id for it.
        error: the kind of the provider's error: ``RateLimited``.
        detail: what the provider said.
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


class Told(BaseModel):
    """One report of a provider.

    Args:
        at: when it happened, by the provider's clock.
        text: what happened, in words.
        provider: who told.
        kind: what happened.
        received_at: when we learnt of it.
        detail: what the provider said; empty of a reply, whose words are somebody's own.
    """

    at: datetime
    text: str
    provider: str
    kind: Kind
    received_at: datetime
    detail: str


class Course(BaseModel):
    """What came of a message after the gate let it go: attempts in their order, then reports."""

    attempts: list[Tried] = []
    reports: list[Told] = []

    @property
    def by_operator(self) -> bool:
        """An operator has settled it."""
        return bool(self.attempts) and self.attempts[-1].settled_by not in (None, *SETTLERS)


def course_of(
    attempts: Sequence[AttemptRow],
    reports: Sequence[ReportRow],
    *,
    suppressed: bool = False,
    hide: str = "",
) -> Course:
    """Attempts and reports in words.

    Args:
        attempts: of one message.
        reports: of the same.
        suppressed: nothing is sent to the message's address any more.
        hide: the address, which providers quote: it is masked wherever it stands.
    """
    return Course(
        attempts=[_tried(row, hide) for row in attempts],
        reports=[_told(row, suppressed=suppressed, hide=hide) for row in reports],
    )


def lines(
    attempts: Sequence[Tried], reports: Sequence[Told], tz: str, *, day: datetime
) -> list[str]:
    """Attempts and reports as they followed each other, one line each.

    Args:
        attempts: of one message.
        reports: of the same.
        tz: zone of the moments.
        day: moments of this day are shown without their date.
    """
    entries = [(tried.at, tried.text) for tried in attempts]
    entries += [(t.settled_at, t.settled) for t in attempts if t.settled_at and t.settled]
    entries += [(told.at, told.text) for told in reports]
    entries.sort(key=lambda entry: entry[0])
    return [f"{moment(at, tz, day)}  {text}" for at, text in entries]


def moment(at: datetime, tz: str, day: datetime | None = None) -> str:
    """A moment to the second; with its date, unless that is the day's."""
    local = at.astimezone(zone(tz))
    if day is not None and day.astimezone(zone(tz)).date() == local.date():
        return f"{local:%H:%M:%S}"
    return f"{local:%a %Y-%m-%d %H:%M:%S}"


def without(address: str, text: str) -> str:
    """``text`` with the address masked wherever it stands."""
    if not address:
        return text
    return re.sub(re.escape(address), lambda _: masked(address), text, flags=re.IGNORECASE)


_ERRORS: dict[str, str] = {
    error.__name__: words
    for error, words in {
        errors.TransientError: "could not take it then",
        errors.RateLimited: "asked us to slow down",
        errors.PermanentError: "refused it for good",
        errors.InvalidRecipient: "said that there is no such address",
        errors.EndpointGone: "said that the device is gone",
        errors.WrongSender: "said that the device takes messages of another sender alone",
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


def _tried(row: AttemptRow, hide: str) -> Tried:
    return Tried(
        at=row.submitted_at,
        text=without(hide, _what_came(row)),
        settled=_found_out(row),
        attempt=row.attempt,
        provider=row.provider,
        state=row.state,
        settled_at=row.settled_at,
        settled_by=row.settled_by,
        provider_id=row.provider_id,
        error=row.error,
        detail=without(hide, row.detail) if row.detail else row.detail,
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
    """What the provider said, in its words and ours."""
    words = _ERRORS.get(row.error, f"answered {row.error}") if row.error else "did not take it"
    return f"{row.provider} {words}" + (f" ({row.detail})" if row.detail else "")


def _lost(row: AttemptRow) -> str:
    if row.error is None:
        return f"handed to {row.provider}: no answer was noted"
    if row.error != errors.AmbiguousSend.__name__:
        return _said(row)
    said = f" ({row.detail})" if row.detail else ""
    return f"handed to {row.provider}: no clear answer came{said}"


def _told(row: ReportRow, *, suppressed: bool, hide: str) -> Told:
    kind = Kind(row.kind)
    detail = "" if kind is Kind.REPLIED else without(hide, row.detail)
    text = _REPORTS[kind].format(provider=row.provider)
    if detail:
        text += f": {detail}"
    if suppressed and kind in _SUPPRESSING:
        text += "; nothing is sent to this address any more"
    return Told(
        at=row.at,
        text=text,
        provider=row.provider,
        kind=kind,
        received_at=row.received_at,
        detail=detail,
    )
