from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from icalendar import Calendar

from sojourn import Intent
from sojourn.events import (
    AppointmentBooked,
    AppointmentCancelled,
    AppointmentRescheduled,
    MessageReplied,
)
from sojourn.testkit import JourneyTest, scenario
from workflows.appointment import Appointment

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROME, LISBON = "Europe/Rome", "Europe/Lisbon"
AT = datetime(2024, 1, 12, 14, tzinfo=UTC)  # Friday, 15:00 in Rome; tests begin on Monday noon
PLACE = {"timezone": ROME, "name": "Haircut", "place": "Via Roma 1, Torino"}


async def book(journey: JourneyTest, at: datetime = AT, **fields: Any) -> None:
    await journey.start(Appointment, starts_at=at, **{**PLACE, **fields})


async def reply(journey: JourneyTest, intent: Intent, **fields: Any) -> None:
    run = f"appointment:{journey.customer_id}:appointment_id-1"
    await journey.publish(MessageReplied, journey="appointment", run=run, intent=intent, **fields)


def entry(content: Mapping[str, Any]) -> Any:
    """Return the calendar's event that goes along with an e-mail."""
    (file,) = content["attachments"]
    calendar = Calendar.from_ical(b64decode(file["data"]))
    assert f"method={calendar['METHOD']}" in file["media_type"]
    return calendar.walk("VEVENT")[0]


@scenario("appointment/kept")
async def test_the_day_before_at_ten_and_an_hour_before(journey: JourneyTest) -> None:
    await book(journey, ends_at=AT + HOUR)
    await journey.until(AT - 2 * HOUR)
    assert journey.sent == ["tomorrow"]
    await journey.until(AT + HOUR)
    assert journey.sent == ["tomorrow", "soon"]
    assert [row.due_at for row in await journey.messages()] == [
        datetime(2024, 1, 11, 9, tzinfo=UTC),
        AT - HOUR,
    ]
    assert journey.outcome == "exhausted"
    mail = await journey.content("tomorrow")
    assert "Friday, 12 January 2024" in mail["text"]
    assert "Via Roma 1, Torino" in mail["text"]
    assert "local time" not in mail["text"], "the customer lives by the same clocks"
    kept = entry(mail)
    assert (kept["DTSTART"].dt, kept["DTEND"].dt, kept["SEQUENCE"]) == (AT, AT + HOUR, 0)


async def test_hours_are_those_of_the_place_and_said_so_elsewhere(journey: JourneyTest) -> None:
    await journey.identify(timezone="America/New_York")
    await book(journey)
    await journey.until(AT)
    assert [row.due_at for row in await journey.messages()] == [
        datetime(2024, 1, 11, 9, tzinfo=UTC),
        AT - HOUR,
    ]
    assert "15:00 (local time: Rome)" in (await journey.content("tomorrow"))["text"]
    assert "local time: Rome" in (await journey.content("soon"))["body"]


async def test_a_customer_who_moves_takes_no_reminder_along(journey: JourneyTest) -> None:
    await book(journey)
    await journey.after(DAY)
    await journey.identify(timezone="Asia/Tokyo")
    await journey.until(datetime(2024, 1, 11, 8, 59, tzinfo=UTC))
    assert journey.sent == []
    await journey.until(datetime(2024, 1, 11, 9, 1, tzinfo=UTC))
    assert journey.sent == ["tomorrow"]


async def test_without_a_zone_of_the_place_the_customers_clocks_count(journey: JourneyTest) -> None:
    await journey.identify(timezone=LISBON)
    await book(journey, timezone=None)
    await journey.until(AT)
    due = [row.due_at.astimezone(ZoneInfo(LISBON)).hour for row in await journey.messages()]
    assert due == [10, 13]
    assert "14:00" in (await journey.content("tomorrow"))["text"]


async def test_clocks_that_change_between_move_neither_hour(journey: JourneyTest) -> None:
    """In Rome the night of 31 March is an hour shorter."""
    journey.begin_at(datetime(2024, 3, 28, 12, tzinfo=UTC))
    at = datetime(2024, 3, 31, 7, tzinfo=UTC)  # 09:00 of the new time
    await book(journey, at)
    await journey.until(at)
    assert [row.due_at for row in await journey.messages()] == [
        datetime(2024, 3, 30, 9, tzinfo=UTC),
        datetime(2024, 3, 31, 6, tzinfo=UTC),
    ]


@scenario("appointment/booked-late")
async def test_booked_less_than_a_day_before_only_the_hour_counts(journey: JourneyTest) -> None:
    await book(journey, datetime(2024, 1, 9, 8, tzinfo=UTC))  # tomorrow at nine; it is noon
    await journey.until(datetime(2024, 1, 9, 9, tzinfo=UTC))
    assert journey.skipped == [("tomorrow", "too_late")]
    assert journey.sent == ["soon"]


async def test_booked_within_the_hour_nothing_makes_sense(journey: JourneyTest) -> None:
    await book(journey, datetime(2024, 1, 8, 12, 40, tzinfo=UTC))
    await journey.after(HOUR)
    assert journey.sent == []
    assert journey.skipped == [("tomorrow", "too_late"), ("soon", "too_late")]
    assert journey.outcome == "exhausted"


@scenario("appointment/moved")
async def test_a_move_is_told_at_once_and_plans_again(journey: JourneyTest) -> None:
    await book(journey)
    await journey.until(AT - 20 * HOUR)
    assert journey.sent == ["tomorrow"]
    later = AT + 5 * DAY
    await journey.publish(AppointmentRescheduled, starts_at=later)
    assert journey.sent == ["tomorrow", "moved"]
    mail = await journey.content("moved")
    assert "Via Roma 1, Torino" in mail["text"], "the place has stayed"
    first, second = entry(await journey.content("tomorrow")), entry(mail)
    assert second["UID"] == first["UID"]
    assert (second["SEQUENCE"], second["DTSTART"].dt) == (1, later)
    await journey.until(later)
    assert journey.sent == ["tomorrow", "moved", "tomorrow", "soon"]
    assert entry(await journey.content("tomorrow"))["SEQUENCE"] == 1


async def test_moved_nearer_only_what_still_makes_sense(journey: JourneyTest) -> None:
    await book(journey)
    await journey.after(HOUR)
    await journey.publish(AppointmentRescheduled, starts_at=await journey.now() + 3 * HOUR)
    await journey.until(AT + DAY)
    assert journey.sent == ["moved", "soon"]
    assert journey.skipped == [("tomorrow", "too_late")]


async def test_moved_to_the_past_nothing_is_said(journey: JourneyTest) -> None:
    await book(journey)
    await journey.publish(AppointmentRescheduled, starts_at=await journey.now() - HOUR)
    await journey.until(AT + DAY)
    assert journey.sent == []
    assert {reason for _, reason in journey.skipped} == {"too_late"}
    assert journey.outcome == "exhausted"


async def test_booked_once_more_with_another_hour_is_a_move(journey: JourneyTest) -> None:
    await book(journey)
    await journey.publish(AppointmentBooked, starts_at=AT)
    assert journey.sent == [], "the same hour moves nothing"
    await journey.publish(AppointmentBooked, starts_at=AT + DAY)
    assert journey.sent == ["moved"]


async def test_moved_after_it_is_over_there_is_another_one(journey: JourneyTest) -> None:
    await book(journey)
    await journey.until(AT + HOUR)
    await journey.publish(AppointmentRescheduled, starts_at=AT + 5 * DAY)
    assert journey.outcomes == ["exhausted", "open"]
    assert journey.sent == ["tomorrow", "soon", "moved"]
    assert "15:00" in (await journey.content("moved"))["text"]


@scenario("appointment/called-off")
async def test_the_shop_cancels_and_says_so(journey: JourneyTest) -> None:
    await book(journey)
    await journey.until(AT - 20 * HOUR)
    await journey.publish(AppointmentCancelled, by="shop")
    await journey.until(AT + DAY)
    assert journey.sent == ["tomorrow", "called-off"]
    assert journey.outcome == "exhausted"
    gone, before = (
        entry(await journey.content("called-off")),
        entry(await journey.content("tomorrow")),
    )
    assert (gone["UID"], gone["SEQUENCE"], gone["STATUS"]) == (before["UID"], 1, "CANCELLED")


@scenario("appointment/cancelled")
async def test_a_customer_who_cancels_is_not_told(journey: JourneyTest) -> None:
    await book(journey)
    await journey.publish(AppointmentCancelled, by="customer")
    await journey.until(AT + DAY)
    assert journey.sent == []
    assert journey.outcome == "exhausted"


async def test_whoever_cancelled_unsaid_is_not_told_either(journey: JourneyTest) -> None:
    await book(journey)
    await journey.publish(AppointmentCancelled)
    await journey.until(AT + DAY)
    assert journey.sent == []


async def test_cancelled_twice_is_said_once(journey: JourneyTest) -> None:
    await book(journey)
    await journey.publish(AppointmentCancelled, by="shop")
    await journey.publish(AppointmentCancelled, by="shop")
    await journey.until(AT + DAY)
    assert journey.sent == ["called-off"]


async def test_a_cancellation_that_comes_before_the_booking_counts(journey: JourneyTest) -> None:
    now = await journey.now()
    await journey.publish(AppointmentCancelled, by="customer", occurred_at=now)
    await book(journey, occurred_at=now - HOUR)
    await journey.until(AT + DAY)
    assert journey.sent == []


async def test_an_old_move_that_comes_late_moves_nothing(journey: JourneyTest) -> None:
    await book(journey)
    await journey.after(2 * HOUR)
    now = await journey.now()
    await journey.publish(AppointmentRescheduled, starts_at=AT + DAY)
    await journey.publish(AppointmentRescheduled, starts_at=AT - DAY, occurred_at=now - HOUR)
    await journey.until(AT + 2 * DAY)
    assert journey.sent == ["moved", "tomorrow", "soon"]
    assert (await journey.messages())[-1].due_at == AT + DAY - HOUR


@scenario("appointment/answered-yes")
async def test_a_yes_confirms_and_the_hour_is_still_told(journey: JourneyTest) -> None:
    await book(journey)
    await journey.until(AT - 20 * HOUR)
    await reply(journey, Intent.YES)
    await journey.until(AT + HOUR)
    assert journey.sent == ["tomorrow", "soon"]
    assert journey.outcome == "exhausted"


@scenario("appointment/answered-no")
async def test_a_no_cancels_and_nothing_more_is_said(journey: JourneyTest) -> None:
    await book(journey)
    await journey.until(AT - 20 * HOUR)
    await reply(journey, Intent.NO)
    assert journey.outcome == "exhausted"
    await journey.until(AT + HOUR)
    assert journey.sent == ["tomorrow"]


async def test_a_yes_and_then_a_no_is_a_no(journey: JourneyTest) -> None:
    await book(journey)
    await journey.until(AT - 20 * HOUR)
    await reply(journey, Intent.YES)
    await reply(journey, Intent.OTHER)
    await reply(journey, Intent.NO)
    assert journey.outcome == "exhausted"
    await journey.until(AT + HOUR)
    assert journey.sent == ["tomorrow"]


async def test_an_answer_to_the_former_hour_does_not_cancel_the_new_one(
    journey: JourneyTest,
) -> None:
    await book(journey)
    await journey.until(AT - 20 * HOUR)
    said = await journey.now()
    await journey.after(HOUR)
    await journey.publish(AppointmentRescheduled, starts_at=AT + DAY)
    await reply(journey, Intent.NO, occurred_at=said)
    assert journey.outcome == "open"
    await journey.until(AT + 2 * DAY)
    assert journey.sent == ["tomorrow", "moved", "tomorrow", "soon"]


async def test_who_has_confirmed_is_not_asked_again(journey: JourneyTest) -> None:
    await book(journey)
    await reply(journey, Intent.YES)
    await journey.until(AT - 20 * HOUR)
    text = (await journey.content("tomorrow"))["text"]
    assert "You have told us that you will come" in text
    assert "Confirm or cancel" not in text


async def test_two_appointments_do_not_disturb_each_other(journey: JourneyTest) -> None:
    await book(journey, appointment_id="a")
    await book(journey, appointment_id="b")
    await journey.publish(AppointmentCancelled, appointment_id="a", by="customer")
    await journey.until(AT)
    assert journey.sent == ["tomorrow", "soon"]
