"""The story of an appointment that is moved."""

from datetime import UTC, datetime, timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import AppointmentBooked, AppointmentRescheduled

DAY = timedelta(days=1)
FITTING = {"appointment_id": "a1", "name": "Fitting", "place": "Via Roma 1, Torino"}


async def _comes_a_week_later(guide: Guide) -> Played:
    who = await guide.customer("Paolo", "it-IT")
    at = datetime.now(UTC).replace(hour=13, minute=0, second=0, microsecond=0) + 4 * DAY
    booked = AppointmentBooked(customer_id=who, starts_at=at, timezone="Europe/Rome", **FITTING)
    await guide.publish(booked)
    await guide.publish(
        AppointmentRescheduled(customer_id=who, appointment_id="a1", starts_at=at + 7 * DAY)
    )
    await guide.pass_time(who, 12 * DAY)
    return await guide.tell("books a fitting, and moves it by a week", who, guide.noon)


BOOKINGS = (Tale("appointment", AppointmentBooked, _comes_a_week_later),)
