"""An appointment, as all of its events tell it. Pure values."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from sojourn.domain.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentConfirmed,
    Event,
)
from sojourn.domain.keys import plain

FOLDED = (AppointmentBooked, AppointmentCancelled, AppointmentConfirmed)
"""The events that an appointment is made of; one that moved comes as a kind of booking."""


@dataclass(frozen=True)
class Appointment:
    """An appointment.

    Args:
        appointment_id: as the shop wrote it.
        starts_at: when it begins, as last told.
        ends_at: when it is over; None where nobody says.
        timezone: the clocks of the place; empty where nobody says.
        name: the service that it is for; may be empty.
        place: where it is; may be empty.
        sequence: how often it has changed: calendars take the version with the largest number.
        confirmed: the customer will come, at this very hour.
        cancelled: it will not take place.
    """

    appointment_id: str
    starts_at: datetime
    ends_at: datetime | None = None
    timezone: str = ""
    name: str = ""
    place: str = ""
    sequence: int = 0
    confirmed: bool = False
    cancelled: bool = False


def appointment_after(events: Iterable[Event], appointment_id: str) -> Appointment | None:
    """Return an appointment after its events, oldest first: the latest value of each field.

    A new hour is not confirmed yet, and the former end no longer holds. After a cancellation, a
    booking or a move makes it take place after all.

    Args:
        events: of any kind and any appointment.
        appointment_id: which one.

    Returns:
        The appointment; None if no event tells its hour.
    """
    found: Appointment | None = None
    for event in events:
        if not isinstance(event, FOLDED) or not event.is_whole:
            continue
        if plain(event.appointment_id) != plain(appointment_id):
            continue
        if isinstance(event, AppointmentBooked):
            found = _told(found, event)
        elif found is not None and isinstance(event, AppointmentCancelled):
            found = replace(found, cancelled=True, confirmed=False, sequence=found.sequence + 1)
        elif found is not None and not found.cancelled:
            found = replace(found, confirmed=True)
    return found


def _told(before: Appointment | None, event: AppointmentBooked) -> Appointment:
    if before is None:
        before = Appointment(event.appointment_id, event.starts_at, sequence=-1)
    stays = event.starts_at == before.starts_at and not before.cancelled
    return replace(
        before,
        starts_at=event.starts_at,
        ends_at=event.ends_at or (before.ends_at if stays else None),
        timezone=event.timezone or before.timezone,
        name=event.name or before.name,
        place=event.place or before.place,
        sequence=before.sequence + 1,
        confirmed=before.confirmed and stays,
        cancelled=False,
    )
