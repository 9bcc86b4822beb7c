"""An invoice is made of its events, in decimal numbers, whatever order they came in."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from sojourn.domain.events import (
    Event,
    InvoiceIssued,
    InvoiceUpdated,
    InvoiceVoided,
    PaymentFailed,
    PaymentReceived,
    PaymentSucceeded,
)
from sojourn.domain.invoices import Invoice, invoice_after

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def event(kind: type[Event], day: float = 0, **fields: Any) -> Event:
    said = {"customer_id": "c", "invoice_id": "i1", "occurred_at": NOON + day * DAY, **fields}
    return kind.model_validate(said)


def issued(day: float = 0, **fields: Any) -> Event:
    bill = {"due_at": NOON + 14 * DAY, "amount": "100", "currency": "EUR"}
    return event(InvoiceIssued, day, **{**bill, **fields})


def paid(day: float, amount: str | None = None, **fields: Any) -> Event:
    told = {} if amount is None else {"amount": amount, "currency": "EUR"}
    return event(PaymentReceived, day, **{**told, **fields})


def after(*events: Event) -> Invoice:
    return invoice_after(events, "i1")


def test_payments_add_up_without_the_noise_of_floats() -> None:
    found = after(issued(), *(paid(1, "0.1", payment_id=str(n)) for n in range(3)))
    assert found.left == Decimal("99.7")
    assert not found.is_settled


def test_it_is_the_same_in_whatever_order_the_events_came() -> None:
    events = [
        issued(), paid(1, "30"), event(PaymentFailed, 2, next_attempt_at=NOON + 5 * DAY),
        event(InvoiceUpdated, 3, amount="80", currency="EUR"),
    ]  # fmt: skip
    found = {after(*order) for order in permutations(events)}
    (one,) = found
    assert [one.amount, one.paid, one.left] == [80, 30, 50]


@pytest.mark.parametrize(
    "settling",
    [
        [paid(1, "100")],
        [paid(1, "120")],
        [paid(1)],
        [paid(1, "90", currency="USD")],
        [paid(1, "60"), paid(2, "40")],
        [event(PaymentSucceeded, 1, amount="100", currency="EUR")],
        [event(InvoiceVoided, 1)],
        [event(InvoiceUpdated, 1, amount="0", currency="EUR")],
        [paid(-1, "100")],
    ],
)
def test_it_is_settled(settling: list[Event]) -> None:
    assert after(issued(), *settling).is_settled


def test_a_payment_of_an_invoice_of_unknown_amount_settles_it() -> None:
    assert after(issued(amount=None), paid(1, "5")).is_settled
    assert not after(issued(amount=None)).is_settled


@pytest.mark.parametrize(
    "open_",
    [[], [paid(1, "99.99")], [paid(1, invoice_id="i2")], [paid(1, "60", payment_id="p")] * 2],
)
def test_it_is_still_open(open_: list[Event]) -> None:
    assert not after(issued(), *open_).is_settled


def test_money_that_goes_back_is_owed_again() -> None:
    found = after(issued(), paid(1, "100"), paid(2, "-40"))
    assert found.left == Decimal(40)
    assert not found.is_settled


def test_a_failed_payment_tells_an_amount_that_nobody_else_has() -> None:
    found = after(paid(-1, "20"), event(PaymentFailed, amount="80", currency="EUR"), paid(1, "30"))
    assert [found.amount, found.left, found.currency] == [100, 50, "EUR"]


@pytest.mark.parametrize(
    "later",
    [
        [event(PaymentFailed, 3)],
        [issued(2, amount=None), event(InvoiceUpdated, 3, due_at=NOON + 30 * DAY)],
    ],
    ids=["fails again", "is moved"],
)
def test_what_a_failed_payment_has_told_is_kept(later: list[Event]) -> None:
    failed = event(PaymentFailed, 0, amount="100", currency="EUR")
    found = after(failed, paid(1, "40"), *later)
    assert [found.left, found.is_settled] == [60, False]


def test_a_moved_due_date_ends_a_failure_and_the_first_one_does_not() -> None:
    failed = event(PaymentFailed, 1)
    assert after(issued(), failed).failed_at == NOON + DAY
    assert after(failed, issued(2)).failed_at == NOON + DAY
    assert (
        after(issued(), failed, event(InvoiceUpdated, 2, due_at=NOON + 30 * DAY)).failed_at is None
    )
    assert after(issued(), failed, event(InvoiceUpdated, 2, amount=50)).failed_at == NOON + DAY


def test_a_due_date_counts_from_the_day_on_which_it_was_told() -> None:
    assert after(issued(due_at=NOON - 40 * DAY)).due_from == NOON
    assert after(issued()).due_from == NOON + 14 * DAY
