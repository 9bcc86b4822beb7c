"""Events of appointments: an hour at a place, which is kept, moved or cancelled."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Identifier, Moment, Personal, Zone


def _small(value: object) -> object:
    return value.strip().lower() if isinstance(value, str) else value


class AppointmentBooked(Event, name="Appointment Booked"):
    """The customer is expected at a place."""

    appointment_id: Identifier
    starts_at: Moment
    ends_at: Moment | None = None
    timezone: Zone | None = None
    """The clocks of the place; without it, those of the customer are meant."""
    name: Personal = None
    """The service that it is for, as the customer calls it."""
    place: Personal = None
    """Name and address of the place, as the customer finds it."""


class AppointmentRescheduled(AppointmentBooked, name="Appointment Rescheduled"):
    """The appointment was moved; what it does not say has stayed as it was."""


class AppointmentConfirmed(Event, name="Appointment Confirmed"):
    """The customer said that they will come."""

    appointment_id: Identifier


class AppointmentCancelled(Event, name="Appointment Cancelled"):
    """The appointment will not take place."""

    also_called: ClassVar[Mapping[str, str]] = {"cancelled_by": "by", "canceled_by": "by"}

    appointment_id: Identifier
    by: Annotated[Literal["shop", "customer"], BeforeValidator(_small)] | None = None
    """The one who cancelled it; where it is not said, the shop tells its customer itself."""
    reason: Personal = None
