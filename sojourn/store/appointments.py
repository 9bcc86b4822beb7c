"""A customer's appointments, as their events tell them."""

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.appointments import FOLDED, Appointment, appointment_after
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import Events
from sojourn.domain.keys import Reach
from sojourn.store import events
from sojourn.store.tables import EventRow

OF_APPOINTMENTS = Reach(field="appointment_id")


async def find(
    session: AsyncSession, customer_id: str, appointment_id: str, known: Events
) -> Appointment | None:
    """Return an appointment of a customer.

    Args:
        session: any session.
        customer_id: the id that holds everything.
        appointment_id: which one.
        known: the project's events, by wire name.

    Returns:
        The appointment; None if the customer has none of this id.
    """
    names = [name for name, event in known.items() if issubclass(event, FOLDED)]
    query = (
        select(EventRow)
        .where(EventRow.customer_id == customer_id, col(EventRow.name).in_(names))
        .order_by(col(EventRow.occurred_at), col(EventRow.seq))
    )
    told = []
    for row in await session.exec(query):
        if events.concerns(row, OF_APPOINTMENTS, appointment_id):
            try:
                told.append(events.typed(row, known))
            except BadEvent:  # its class has become stricter, and can no longer read it
                continue
    return appointment_after(told, appointment_id)
