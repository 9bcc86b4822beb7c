"""Redriving: webhooks in quarantine are read again, and their calls taken."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sojourn.dispatch import quarantine
from sojourn.dispatch.client import Sojourn
from sojourn.domain.errors import BadEvent
from sojourn.domain.reading import read_moment
from sojourn.gateway.tracking.taking import take_calls
from sojourn.gateway.webhooks.knowing import settled
from sojourn.gateway.webhooks.refused import reread
from sojourn.gateway.webhooks.source import Nothing, Source
from sojourn.store.tables import QuarantineRow


@dataclass(frozen=True)
class Redriven:
    """The calls of a webhook that was redriven.

    Args:
        message_ids: the message ids of the calls.
        stored: whether one of their events is new.
        runs: the workflow ids of the runs that they reached.
    """

    message_ids: tuple[str, ...]
    stored: bool
    runs: tuple[str, ...]


async def redrive(sojourn: Sojourn, row: QuarantineRow, sources: Mapping[str, Source]) -> Redriven:
    """Take the calls of a request in quarantine, and settle it.

    Args:
        sojourn: takes the calls.
        row: the request.
        sources: the sources that are set up, by name.

    Returns:
        The calls, and what they did.

    Raises:
        BadInput: its source is not set up.
        BadEvent: the request or one of its calls still does not validate; it stays.
        TemporalUnavailable: an event is stored, but runs could not be told yet.
    """
    calls = reread(row, sources)
    told = [] if isinstance(calls, Nothing) else await settled(sojourn.store, calls)
    plain = []
    for one in told:
        if isinstance(one, BadEvent):
            raise one
        plain.append(one)
    at = read_moment("receivedAt", row.call["receivedAt"])
    ends = await take_calls(
        sojourn, plain, source=row.source, received_at=at, deletes=True, ask=True
    )
    for end in ends:
        if end.fault is not None:
            raise end.fault
    assert row.id is not None
    await quarantine.settle(sojourn.store, row.id, "redriven", datetime.now(UTC))
    published = [end.published for end in ends if end.published is not None]
    return Redriven(
        tuple(str(call["messageId"]) for call in plain),
        any(one.stored for one in published) or not published,
        tuple(dict.fromkeys(run for one in published for run in one.runs)),
    )
