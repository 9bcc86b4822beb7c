"""The events that a run has heard since it began, as the store tells them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.dispatch.routing import targets
from sojourn.domain.errors import BadEvent, UnknownName
from sojourn.domain.messages import Heard
from sojourn.journeys.journey import Journey, restarts_by_content
from sojourn.journeys.terms import names
from sojourn.project import Project
from sojourn.store import events, ledger
from sojourn.store.tables import EventRow, RunRow


async def heard_since(
    session: AsyncSession,
    project: Project,
    row: RunRow,
    start: EventRow,
    *,
    since: datetime | None = None,
    within: timedelta,
) -> list[Heard]:
    """Return what a run has heard after its start, in order of arrival.

    Args:
        session: any session.
        project: its journeys and events.
        row: the run.
        start: the event that started it.
        since: only what arrived at this moment or later.
        within: how far senders' clocks may differ.

    Returns:
        The events that can be read, without their personal fields.
    """
    journey = project.journeys[row.journey]
    assert start.seq is not None
    stored = await events.of_names(
        session,
        [row.customer_id],
        journey.terms.declared,
        since=datetime.min.replace(tzinfo=UTC),
    )
    sent = await ledger.sent_by(session, row.workflow_id)
    found: list[tuple[int, Heard]] = []
    for other in stored.get(row.customer_id, []):
        assert other.seq is not None
        later = (other.occurred_at, other.seq) > (start.occurred_at, start.seq)
        if other.seq == start.seq or not (later or other.seq > start.seq):
            continue
        if since is not None and other.received_at < since:
            continue
        if _was_old_news(journey, other, sent, within):
            continue
        try:
            event = events.typed(other, project.events)
        except (BadEvent, UnknownName):
            continue  # it is in quarantine, or will be
        reached = targets(event, [row], project.journeys)
        if any(one.workflow_id == row.workflow_id for one in reached):
            found.append((other.seq, events.heard(other, event, within=within)))
    return [heard for _, heard in sorted(found, key=lambda pair: pair[0])]


def _was_old_news(
    journey: type[Journey],
    row: EventRow,
    sent: Iterable[tuple[datetime, datetime]],
    within: timedelta,
) -> bool:
    """Tell whether an event came in after messages that had left since it happened.

    The run took it for old news then. Entered again, it has no messages yet to tell by.

    Args:
        journey: of the run.
        row: of the event.
        sent: when messages were claimed, and when they fell due or left.
        within: how far senders' clocks may differ.
    """
    if restarts_by_content(journey) or row.name not in names(journey.terms.moved_by):
        return False
    before = [at for claimed, at in sent if claimed < row.received_at]
    return bool(before) and row.occurred_at < max(before) - within
