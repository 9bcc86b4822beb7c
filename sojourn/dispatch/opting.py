"""Requests for confirmation: the event that makes one is kept in the log of consents as well."""

from collections.abc import Iterable, Mapping

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.errors import BadEvent, UnknownName
from sojourn.domain.events import Event, Events, OptInRequested
from sojourn.domain.topics import Topics
from sojourn.store import events, opting
from sojourn.store.tables import CustomerRow, EventRow


def check(event: Event, topics: Topics) -> None:
    """Check that a customer can agree to what an event asks for.

    Args:
        event: of any class.
        topics: the project's.

    Raises:
        BadEvent: it asks for a topic that the project does not have, or that needs no consent.
    """
    if not isinstance(event, OptInRequested) or not event.topic:
        return
    try:
        topics.check(event.topic)
    except UnknownName as error:
        raise BadEvent("properties.topic", str(error)) from None
    if event.topic in topics and not topics[event.topic].can_be_refused:
        raise BadEvent("properties.topic", f"{event.topic} needs no consent")


def name_key(row: EventRow, event: Event | None) -> None:
    """Write into a row the fields that the event derives from others, such as a request's key.

    Args:
        row: about to be stored.
        event: the same, typed.
    """
    if event is not None and event.made:
        row.properties = {**row.properties, **event.derived()}


async def keep(
    session: AsyncSession,
    stored: Iterable[EventRow],
    people: Mapping[str, CustomerRow],
    known: Events,
) -> None:
    """Keep the requests among events that were stored just now.

    Args:
        session: the transaction that has stored them; it holds their customers.
        stored: the events.
        people: the customers' rows by the ids that hold everything.
        known: the project's events, by wire name.
    """
    for row in stored:
        if row.name == OptInRequested.event_name:
            event = events.typed(row, known)
            assert isinstance(event, OptInRequested)
            await opting.ask(session, people[row.customer_id], row, event)
