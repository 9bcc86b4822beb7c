"""An appointment whose messages are held while more happens to it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sojourn import hours
from sojourn.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentRescheduled,
    Event,
)
from tests.support.staging import BEGAN, Stage, play
from workflows.appointment import Appointment

AT = BEGAN + timedelta(days=4)


def made(kind: type[Event], after: timedelta = timedelta(0), **fields: Any) -> Event:
    given = {"customer_id": "c1", "appointment_id": "k1", "occurred_at": BEGAN + after}
    return kind.model_validate({**given, "message_id": f"{kind.__name__} {after}", **fields})


BOOKED = made(AppointmentBooked, starts_at=AT, timezone="Europe/Rome")


async def played(events: Sequence[Event], **stage: Any) -> list[str]:
    found, _ = await play(Appointment, [BOOKED, *events], **stage)
    assert isinstance(found, Stage)
    return [step for step, _ in found.sent]


async def test_a_second_cancellation_does_not_say_it_again() -> None:
    off = [made(AppointmentCancelled, hours(n), by="shop") for n in (1, 2)]
    assert await played(off, held={"called-off": BEGAN + hours(3)}) == ["called-off"]


async def test_a_customer_who_cancels_while_the_shop_does_is_told_once() -> None:
    off = [made(AppointmentCancelled, hours(1), by="shop")]
    off += [made(AppointmentCancelled, hours(2), by="customer")]
    assert await played(off, held={"called-off": BEGAN + hours(3)}) == ["called-off"]


async def test_a_move_that_is_held_gives_way_to_the_next_one() -> None:
    moves = [
        made(AppointmentRescheduled, hours(n), starts_at=AT + timedelta(days=n)) for n in (1, 2)
    ]
    sent = await played(moves, held={"moved": BEGAN + hours(5)})
    assert sent == ["moved", "tomorrow", "soon"]


async def test_a_run_that_goes_on_in_another_execution_says_the_same() -> None:
    moved = [made(AppointmentRescheduled, hours(1), starts_at=AT + timedelta(days=1))]
    assert await played(moved, outgrown=True) == ["moved", "tomorrow", "soon"]
