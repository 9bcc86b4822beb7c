"""Have an appointment kept: reminders by the clocks of the place, and a yes or a no."""

from datetime import datetime

from sojourn import EMAIL, PUSH, SMS, TRANSACTIONAL, Intent, Journey, Message, days, hours
from sojourn.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentRescheduled,
    Event,
    MessageReplied,
)
from workflows.times import TEN


class Appointment(
    Journey,
    name="appointment",
    topic="appointments",
    starts_on=AppointmentBooked,
    key="appointment_id",
    restarts_on=(AppointmentRescheduled, AppointmentCancelled),
    hears=MessageReplied,
    anchor="starts_at",
):
    """The day before at ten and an hour before, there; word at once if it moves or is off."""

    tomorrow = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=hours(12))
    soon = Message(PUSH, SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(1))
    moved = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=days(1))
    called_off = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=days(1))

    async def steps(self) -> None:
        """Tell a change at once, remind twice, and take a yes or a no until it begins."""
        at, there = self.hour_and_zone()
        if isinstance(self.cause, AppointmentCancelled):
            if self.cause.by == "shop":
                await self.send(self.called_off, until=at)
            return
        if isinstance(self.cause, AppointmentRescheduled) or self.cause != self.first:
            await self.send(self.moved, until=at)
        day_before = self.local(TEN, days=-1, after=at, zone=there)
        for reminder, when in ((self.tomorrow, day_before), (self.soon, at - hours(1))):
            told_in_time = self.cause.occurred_at <= when
            if told_in_time:
                await self.take_answers(until=when)
            await self.send(reminder, until=at if told_in_time else when)
        await self.take_answers(until=at)

    def restarts(self, event: Event) -> bool:
        """Begin again with another hour, and with the first cancellation."""
        if isinstance(event, AppointmentCancelled):
            return not isinstance(self.cause, AppointmentCancelled)
        return super().restarts(event)

    async def take_answers(self, until: datetime) -> None:
        """Wait; a reply with a yes confirms the appointment meanwhile, one with a no cancels it."""
        booking = self.cause
        assert isinstance(booking, AppointmentBooked)
        while reply := await self.wait_for(
            MessageReplied,
            timeout=until,
            where=lambda reply: (
                reply.intent in (Intent.YES, Intent.NO) and reply.occurred_at > booking.occurred_at
            ),
        ):
            if reply.intent is Intent.YES:
                await self.tell(AppointmentConfirmed, appointment_id=booking.appointment_id)
            else:
                cancelled = {"appointment_id": booking.appointment_id, "by": "customer"}
                await self.tell(AppointmentCancelled, **cancelled)

    def hour_and_zone(self) -> tuple[datetime, str | None]:
        """Return when it begins, and the clocks of its place; both as they were told last."""
        told = [self.first, *self.heard(AppointmentBooked, AppointmentRescheduled)]
        said = [one for one in told if isinstance(one, AppointmentBooked)]
        said.sort(key=lambda one: one.occurred_at)
        return said[-1].starts_at, next((o.timezone for o in reversed(said) if o.timezone), None)
