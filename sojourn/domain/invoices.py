"""An invoice, derived from its events: what is left to pay, since when, and what is tried next.

A run and the templates of its messages derive it from the same events by the same function, so that
the run's decisions and the customer's text cannot differ. Amounts are decimal numbers.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sojourn.domain.events import (
    Event,
    InvoiceIssued,
    InvoiceSettled,
    InvoiceUpdated,
    InvoiceVoided,
    PaymentFailed,
    PaymentReceived,
)
from sojourn.domain.keys import plain
from sojourn.domain.price import Price

NOTHING = Decimal(0)
FOLDED = (
    InvoiceIssued,
    InvoiceUpdated,
    InvoiceVoided,
    InvoiceSettled,
    PaymentReceived,
    PaymentFailed,
)
"""The events that an invoice is made of."""


@dataclass(frozen=True)
class Invoice:
    """An invoice. A field that no event gave is None.

    Args:
        invoice_id: as the shop writes it.
        number: by which the customer knows it.
        amount: all that it asks for.
        currency: of the amounts.
        paid: how much of it has come in.
        due_at: when it is due.
        due_from: the later of the due date and the moment at which this date was told.
        failed_at: when a payment failed last, if the due date was not moved since.
        next_attempt_at: when that payment is tried again.
        pay_url: where it can be paid.
        is_settled: nothing is left to pay, or it was taken back.
    """

    invoice_id: str
    number: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    paid: Decimal = NOTHING
    due_at: datetime | None = None
    due_from: datetime | None = None
    failed_at: datetime | None = None
    next_attempt_at: datetime | None = None
    pay_url: str | None = None
    is_settled: bool = False

    @property
    def left(self) -> Decimal | None:
        """The amount that is left to pay; None if nobody has told what it comes to."""
        return None if self.amount is None else max(self.amount - self.paid, NOTHING)


def invoice_after(events: Iterable[Event], invoice_id: str) -> Invoice:
    """Return an invoice after ``events``, in whatever order these came in.

    The newest word on a field counts. Payments add up; one that was told twice, by one
    ``payment_id``, counts once. A single payment settles the invoice if it names no amount, or one
    in another currency, or if nobody has told what the invoice amounts to.

    Args:
        events: of any kind.
        invoice_id: which invoice.
    """
    own = sorted(
        (e for e in events if isinstance(e, FOLDED) and plain(e.invoice_id) == plain(invoice_id)),
        key=lambda event: event.occurred_at,
    )
    payments = _payments(own)
    total, due_at, due_from = Price(), None, None
    failure: PaymentFailed | None = None
    asked: PaymentFailed | None = None  # the newest that tells an amount
    number = pay_url = None
    for event in own:
        if isinstance(event, InvoiceIssued | InvoiceUpdated):
            total = total.then(event.amount, event.currency)
            if event.due_at and event.due_at != due_at:
                # a date that is moved gives more time, whatever failed before
                failure = failure if due_at is None else None
                due_at, due_from = event.due_at, max(event.due_at, event.occurred_at)
        if isinstance(event, PaymentFailed):
            failure = event
            asked = event if event.amount is not None else asked
        if isinstance(event, InvoiceIssued | InvoiceUpdated | PaymentFailed):
            number, pay_url = event.number or number, event.pay_url or pay_url
    if total.amount is None and asked is not None and asked.amount is not None:
        before = [one for one in payments if one.occurred_at < asked.occurred_at]
        total = Price(asked.amount + _sum(before), asked.currency)
    return Invoice(
        invoice_id=invoice_id,
        number=number,
        amount=total.amount,
        currency=total.currency,
        paid=_sum(payments),
        due_at=due_at,
        due_from=due_from,
        failed_at=failure.occurred_at if failure else None,
        next_attempt_at=failure.next_attempt_at if failure else None,
        pay_url=pay_url,
        is_settled=any(isinstance(event, InvoiceVoided | InvoiceSettled) for event in own)
        or _is_paid(total, payments),
    )


def _payments(own: Iterable[Event]) -> list[PaymentReceived]:
    """Return the payments, each once."""
    found: dict[str, PaymentReceived] = {}
    for event in own:
        if isinstance(event, PaymentReceived):
            id_ = plain(event.payment_id)
            found.setdefault(f"payment {id_}" if id_ else event.message_id, event)
    return list(found.values())


def _sum(payments: Iterable[PaymentReceived]) -> Decimal:
    return sum((one.amount for one in payments if one.amount is not None), NOTHING)


def _is_paid(total: Price, payments: Sequence[PaymentReceived]) -> bool:
    if total.amount is None:
        return bool(payments)
    if any(
        one.amount is None or (total.currency and one.currency not in (None, total.currency))
        for one in payments
    ):
        return True
    return _sum(payments) >= total.amount
