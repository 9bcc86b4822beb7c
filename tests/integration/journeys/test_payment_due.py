from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sojourn.events import (
    InvoiceIssued,
    InvoiceUpdated,
    InvoiceVoided,
    PaymentFailed,
    PaymentReceived,
    PaymentSucceeded,
)
from sojourn.testkit import JourneyTest, scenario
from workflows.payment_due import PaymentDue

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ROME = ZoneInfo("Europe/Rome")
DUE = datetime(2024, 1, 20, 15, tzinfo=UTC)  # the kit's tests begin on 8 January 2024
BILL: dict[str, Any] = {
    "invoice_id": "i1",
    "number": "2024/17",
    "amount": Decimal("100.00"),
    "currency": "EUR",
    "pay_url": "https://pay.example/i1",
}


async def issue(journey: JourneyTest, **fields: Any) -> None:
    """Issue an invoice of 100 euros that is due on 20 January."""
    await journey.start(PaymentDue, **{**BILL, "due_at": DUE, **fields})


async def pay(journey: JourneyTest, amount: str | None = None, **fields: Any) -> None:
    """Pay a part of the invoice, or all of it."""
    paid = {} if amount is None else {"amount": Decimal(amount), "currency": "EUR"}
    await journey.publish(PaymentReceived, **{"invoice_id": "i1", **paid, **fields})


async def asked(journey: JourneyTest) -> list[str]:
    """Return what became of the questions to a person."""
    return [str(task.because or task.state) for task in await journey.tasks()]


async def days_of(journey: JourneyTest, *states: str) -> list[tuple[str, int, int]]:
    """Return the messages that left, each with the month and the day in Rome."""
    rows = [row for row in await journey.messages() if row.state == "sent"]
    local = [(row.step, row.due_at.astimezone(ROME)) for row in rows]
    return [(step, at.month, at.day) for step, at in local]


@scenario("payment-due/exhausted")
async def test_an_invoice_that_nobody_pays_is_reminded_of_and_ends_with_a_person(
    journey: JourneyTest,
) -> None:
    await issue(journey)
    await journey.until(DUE + 11 * DAY)
    assert await days_of(journey) == [
        ("soon", 1, 17), ("today", 1, 20), ("overdue", 1, 23), ("last-call", 1, 30),
    ]  # fmt: skip
    times = {row.due_at.astimezone(ROME).time() for row in await journey.messages()}
    assert times == {time(10)}
    assert await asked(journey) == ["open"]
    await journey.answer("mine")
    assert journey.outcome == "exhausted"
    said = await journey.content("soon")
    assert "20 January 2024" in said["subject"]
    assert "€100.00" in said["text"]
    assert "https://pay.example/i1" in said["text"]
    assert "2024/17" in said["text"]


@scenario("payment-due/waited-for")
async def test_a_person_may_wait_and_is_asked_again_until_it_is_paid(journey: JourneyTest) -> None:
    await issue(journey)
    await journey.until(DUE + 11 * DAY)
    await journey.answer("wait")
    await journey.after(13 * DAY)
    assert await asked(journey) == ["answered"]
    await journey.after(DAY)
    assert await asked(journey) == ["answered", "open"]
    await pay(journey)
    assert await asked(journey) == ["answered", "begun_again"]
    assert journey.outcome == "converted"


async def test_what_is_said_while_a_person_is_asked_asks_again_and_repeats_nothing(
    journey: JourneyTest,
) -> None:
    await issue(journey)
    await journey.until(DUE + 11 * DAY)
    await pay(journey, "30")
    assert await asked(journey) == ["begun_again", "open"]
    await journey.publish(InvoiceUpdated, invoice_id="i1", due_at=DUE + 30 * DAY)
    assert await asked(journey) == ["begun_again", "begun_again"]
    assert journey.sent == ["soon", "today", "overdue", "last-call"]
    await journey.until(DUE + 28 * DAY)
    assert journey.sent[4:] == ["soon"]


async def test_an_invoice_that_is_voided_is_no_question_any_more(journey: JourneyTest) -> None:
    await issue(journey)
    await journey.until(DUE + 11 * DAY)
    await journey.publish(InvoiceVoided, invoice_id="i1")
    assert await asked(journey) == ["run_stopped"]
    assert journey.outcome == "stopped"


@scenario("payment-due/paid")
async def test_a_payment_ends_it_at_once(journey: JourneyTest) -> None:
    await issue(journey)
    await journey.until(DUE - DAY)
    await pay(journey, "100")
    assert journey.outcome == "converted"
    await journey.until(DUE + 20 * DAY)
    assert journey.sent == ["soon"]


@scenario("payment-due/paid-in-parts")
async def test_the_message_says_what_is_left_after_a_part_was_paid(journey: JourneyTest) -> None:
    await issue(journey)
    await journey.until(DUE - DAY)
    await pay(journey, "0.10", payment_id="p1")
    await pay(journey, "0.20", payment_id="p2")
    await pay(journey, "0.20", payment_id="p2")
    assert journey.outcome == "open"
    await journey.until(DUE + 4 * DAY)
    assert journey.sent == ["soon", "today", "overdue"]
    said = (await journey.content("overdue"))["text"]
    assert "Left to pay: €99.70" in said
    assert "Paid so far: €0.30" in said
    await pay(journey, "99.70", payment_id="p3")
    assert journey.outcome == "converted"
    await journey.until(DUE + 20 * DAY)
    assert journey.sent == ["soon", "today", "overdue"]


@pytest.mark.parametrize("late", [timedelta(0), 4 * DAY])
async def test_a_part_that_is_paid_after_the_due_date_brings_no_reminder_back(
    journey: JourneyTest, late: timedelta
) -> None:
    await issue(journey)
    await journey.until(DUE + 3 * DAY)
    assert journey.sent == ["soon", "today", "overdue"]
    paid_at = await journey.now() - late
    await pay(journey, "30", occurred_at=paid_at)
    await journey.after(2 * DAY)
    assert journey.sent == ["soon", "today", "overdue"]
    await journey.until(DUE + 11 * DAY)
    assert journey.sent[3:] == ["last-call"]
    assert "Left to pay: €70.00" in (await journey.content("last-call"))["text"]


async def test_a_payment_without_an_amount_pays_all(journey: JourneyTest) -> None:
    await issue(journey)
    await pay(journey)
    assert journey.outcome == "converted"


async def test_a_payment_of_another_invoice_changes_nothing(journey: JourneyTest) -> None:
    await issue(journey)
    await pay(journey, invoice_id="i2")
    assert journey.outcome == "open"


@scenario("payment-due/moved")
async def test_another_due_date_moves_the_plan(journey: JourneyTest) -> None:
    await issue(journey)
    await journey.until(DUE - DAY)
    await journey.publish(InvoiceUpdated, invoice_id="i1", due_at=DUE + 30 * DAY)
    await journey.until(DUE + 25 * DAY)
    assert journey.sent == ["soon"]
    await journey.until(DUE + 31 * DAY)
    assert await days_of(journey) == [("soon", 1, 17), ("soon", 2, 16), ("today", 2, 19)]


async def test_an_invoice_issued_again_moves_the_plan_too(journey: JourneyTest) -> None:
    await issue(journey)
    await journey.publish(InvoiceIssued, **BILL, due_at=DUE + 5 * DAY)
    await journey.until(DUE + DAY)
    assert journey.sent == []
    await journey.until(DUE + 6 * DAY)
    assert journey.sent == ["soon", "today"]


@scenario("payment-due/voided")
async def test_an_invoice_that_is_taken_back_is_not_spoken_of(journey: JourneyTest) -> None:
    await issue(journey)
    await journey.until(DUE - DAY)
    await journey.publish(InvoiceVoided, invoice_id="i1")
    assert journey.outcome == "stopped"
    await journey.until(DUE + 20 * DAY)
    assert journey.sent == ["soon"]


async def test_an_invoice_issued_after_its_due_date_gets_what_still_makes_sense(
    journey: JourneyTest,
) -> None:
    issued = await journey.now()
    await issue(journey, due_at=issued - 40 * DAY)
    assert journey.sent == []
    await journey.until(issued + 4 * DAY)
    assert await days_of(journey) == [("overdue", 1, 11)]


@scenario("payment-due/paid-before-it-was-known")
async def test_an_invoice_that_was_paid_before_it_was_known_is_never_spoken_of(
    journey: JourneyTest,
) -> None:
    await pay(journey, "100")
    await journey.after(HOUR)
    await issue(journey)
    await journey.until(DUE + 20 * DAY)
    assert journey.sent == []
    assert journey.skipped == [("soon", "nothing_to_say")]
    assert journey.outcome == "converted"


async def test_a_deposit_told_before_the_invoice_is_taken_off(journey: JourneyTest) -> None:
    await pay(journey, "30")
    await journey.after(HOUR)
    await issue(journey)
    await journey.until(DUE - 2 * DAY)
    assert "Left to pay: €70.00" in (await journey.content("soon"))["text"]


@scenario("payment-due/charged-later")
async def test_a_card_that_failed_is_tried_again_and_the_customer_knows_when(
    journey: JourneyTest,
) -> None:
    begin = await journey.now()
    failed = {**BILL, "next_attempt_at": begin + 4 * DAY}
    await journey.publish(PaymentFailed, **failed)
    assert journey.sent == ["failed"]
    assert "12 January 2024" in (await journey.content("failed"))["text"]
    await journey.until(begin + 3 * DAY + HOUR)
    assert await days_of(journey) == [("failed", 1, 8), ("retry", 1, 11)]
    await journey.until(begin + 4 * DAY + HOUR)
    await journey.publish(PaymentSucceeded, invoice_id="i1", amount=100, currency="EUR")
    assert journey.outcome == "converted"
    await journey.until(begin + 20 * DAY)
    assert journey.sent == ["failed", "retry"]


@scenario("payment-due/failed-for-good")
async def test_a_card_that_fails_for_good_is_a_person_s_in_the_end(journey: JourneyTest) -> None:
    begin = await journey.now()
    await journey.publish(PaymentFailed, **BILL, next_attempt_at=begin + DAY)
    await journey.after(DAY)
    await journey.publish(PaymentFailed, **BILL)
    assert journey.sent == ["failed", "failed"]
    await journey.until(begin + 13 * DAY)
    assert await days_of(journey) == [
        ("failed", 1, 8), ("failed", 1, 9), ("overdue", 1, 12), ("last-call", 1, 19),
    ]  # fmt: skip
    await journey.after(14 * DAY)
    assert await asked(journey) == ["expired"]
    assert journey.outcome == "exhausted"
    assert "will try" not in (await journey.content("failed"))["text"]


async def test_a_failed_charge_before_the_due_date_takes_the_place_of_its_reminders(
    journey: JourneyTest,
) -> None:
    await issue(journey)
    await journey.publish(PaymentFailed, **BILL)
    await journey.until(DUE + 2 * DAY)
    assert journey.sent == ["failed"]
    await journey.until(DUE + 4 * DAY)
    assert await days_of(journey) == [("failed", 1, 8), ("overdue", 1, 23)]


async def test_one_run_an_invoice_for_good(journey: JourneyTest) -> None:
    await issue(journey)
    await pay(journey)
    await journey.publish(InvoiceIssued, **BILL, due_at=DUE)
    await journey.publish(PaymentFailed, **BILL)
    await journey.until(DUE + 20 * DAY)
    assert journey.sent == []
    assert journey.outcomes == ["converted"]
