"""``/appointment/{token}``: customers confirm an appointment, or cancel it.

A link belongs to one starting time: once the appointment was moved or has begun, it asks nothing.
Each answer is stored once, as ``Appointment Confirmed`` or ``Appointment Cancelled`` by the
customer.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.appointments import Appointment
from sojourn.domain.customer import home_zone
from sojourn.domain.events import AppointmentCancelled, AppointmentConfirmed, Event, Events
from sojourn.domain.links import Attend, read_attend
from sojourn.domain.made_ids import made_id
from sojourn.gateway.pages.questions import Question, Shown
from sojourn.store import appointments, cards
from sojourn.store.tables import CustomerRow


class Wish(StrEnum):
    """The answer that a form expresses."""

    CONFIRM = "confirm"
    CANCEL = "cancel"


class Attending(Question[Attend]):
    """The question whether a customer will come to an appointment.

    Args:
        secrets: any of them may have signed a token.
        known: the project's events, by wire name.
        timezone: the time zone for customers whose own is unknown.
    """

    path = "/appointment/{token}"
    page = "The page of an appointment"
    deed = "Confirm or cancel an appointment by the page's buttons"
    wishes = tuple(Wish)

    def __init__(self, secrets: Sequence[str], known: Events, timezone: str) -> None:
        super().__init__(secrets)
        self._known = known
        self._timezone = timezone

    def read(self, token: str) -> Attend:
        """Read a link.

        Raises:
            BadToken: it was not made here, or is damaged.
        """
        return read_attend(self.secrets, token)

    async def look(
        self, session: AsyncSession, person: CustomerRow | None, link: Attend, now: datetime
    ) -> Shown:
        """Return the page with the buttons, or with the state of the appointment.

        Args:
            session: any session.
            person: the customer's row; None if nobody has the link's id.
            link: the contents of the link.
            now: by the machine's clock.

        Returns:
            The page.
        """
        if person is None:
            return Shown("appointment-over", 410)
        found = await appointments.find(
            session, person.customer_id, link.appointment_id, self._known
        )
        if found is None or int(found.starts_at.timestamp()) != link.starts_at:
            return Shown("appointment-over", 410)
        if not found.cancelled and now >= found.starts_at:
            return Shown("appointment-over", 410)
        return Shown(
            "appointment",
            names={
                "appointment": found,
                "timezone": found.timezone or home_zone(cards.card(person), self._timezone),
            },
            offers=_offers(person.customer_id, found, now),
        )


def _offers(customer_id: str, of: Appointment, now: datetime) -> dict[str, Event]:
    """Return the events behind the buttons: each is stored once for a version of an appointment."""
    if of.cancelled:
        return {}
    told = {"customer_id": customer_id, "appointment_id": of.appointment_id, "occurred_at": now}
    matter = (of.appointment_id, of.sequence, customer_id)
    offers: dict[str, Event] = {
        Wish.CANCEL: AppointmentCancelled(
            message_id=made_id("appointment", "cancelled", *matter), by="customer", **told
        )
    }
    if not of.confirmed:
        offers[Wish.CONFIRM] = AppointmentConfirmed(
            message_id=made_id("appointment", "confirmed", *matter), **told
        )
    return offers
