"""An appointment as its events tell it, in whatever order they are dealt."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from sojourn.domain.appointments import Appointment, appointment_after
from sojourn.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentConfirmed,
    AppointmentRescheduled,
    Event,
)

AT = datetime(2024, 1, 12, 14, tzinfo=UTC)
LATER = AT + timedelta(days=1)


def made(kind: type[Event], **fields: Any) -> Event:
    return kind.model_validate({"customer_id": "c", "appointment_id": "a", **fields})


def after(*events: Event) -> Appointment:
    found = appointment_after(events, "a")
    assert found is not None
    return found


BOOKED = made(
    AppointmentBooked,
    starts_at=AT,
    ends_at=AT + timedelta(hours=1),
    timezone="Europe/Rome",
    name="Haircut",
    place="Torino",
)
MOVED = made(AppointmentRescheduled, starts_at=LATER)
YES = made(AppointmentConfirmed)
OFF = made(AppointmentCancelled, by="shop")


def test_a_move_keeps_the_place_and_forgets_the_end() -> None:
    found = after(BOOKED, MOVED)
    assert (found.starts_at, found.ends_at) == (LATER, None)
    assert (found.place, found.name, found.timezone) == ("Torino", "Haircut", "Europe/Rome")


def test_the_sequence_grows_with_each_change() -> None:
    told = [BOOKED, MOVED, OFF, BOOKED, MOVED]
    found = [after(*told[: n + 1]).sequence for n in range(len(told))]
    assert found == [0, 1, 2, 3, 4]


def test_another_hour_is_to_be_confirmed_again() -> None:
    assert after(BOOKED, YES).confirmed
    assert not after(BOOKED, YES, MOVED).confirmed
    same = made(AppointmentRescheduled, starts_at=AT, place="Milano")
    assert after(BOOKED, YES, same).confirmed
    assert after(BOOKED, YES, same).ends_at == AT + timedelta(hours=1)


def test_what_is_cancelled_is_not_confirmed_until_it_is_booked_again() -> None:
    assert after(BOOKED, YES, OFF).cancelled
    assert not after(BOOKED, OFF, YES).confirmed
    again = after(BOOKED, YES, OFF, BOOKED)
    assert (again.cancelled, again.confirmed) == (False, False)


def test_other_appointments_and_answers_to_none_tell_nothing() -> None:
    other = made(AppointmentRescheduled, appointment_id="b", starts_at=LATER)
    assert after(BOOKED, other).starts_at == AT
    assert appointment_after([YES, OFF, other], "a") is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [("Europe/Rome", "Europe/Rome"), ("W. Europe Standard Time", "Europe/Berlin")],
)
def test_a_zone_is_kept_by_its_iana_name(written: str, kept: str) -> None:
    event = made(AppointmentBooked, starts_at=AT, timezone=written)
    assert isinstance(event, AppointmentBooked)
    assert event.timezone == kept


def test_a_zone_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(ValidationError, match="Europe/Rom"):
        made(AppointmentBooked, starts_at=AT, timezone="Europe/Rom")


def test_who_cancelled_is_read_in_any_case() -> None:
    event = made(AppointmentCancelled, by=" Shop ")
    assert isinstance(event, AppointmentCancelled)
    assert event.by == "shop"
