"""Events of invoices and of the payments for them.

Amounts are not personal, so runs hear them; the link to pay and the number that the customer knows
an invoice by are, and stay in the store. Fields that Stripe calls otherwise are read by its names:
https://docs.stripe.com/api/invoices/object
"""

from collections.abc import Mapping
from typing import ClassVar

from sojourn.domain.events.base import Event
from sojourn.domain.events.fields import Currency, Identifier, Key, Moment, Money, Personal


class InvoiceIssued(Event, name="Invoice Issued"):
    """An invoice was issued; ``amount`` is all that it asks for, whatever was paid already."""

    also_called: ClassVar[Mapping[str, str]] = {
        "due_date": "due_at",
        "total": "amount",
        "hosted_invoice_url": "pay_url",
    }

    invoice_id: Identifier
    due_at: Moment
    amount: Money | None = None
    currency: Currency | None = None
    number: Personal = None
    pay_url: Personal = None


class InvoiceUpdated(Event, name="Invoice Updated"):
    """An invoice has another due date, amount or link now; what it does not say stays."""

    also_called: ClassVar[Mapping[str, str]] = InvoiceIssued.also_called

    invoice_id: Identifier
    due_at: Moment | None = None
    amount: Money | None = None
    currency: Currency | None = None
    number: Personal = None
    pay_url: Personal = None


class InvoiceVoided(Event, name="Invoice Voided"):
    """An invoice was taken back: nobody has to pay it."""

    invoice_id: Identifier


class InvoiceSettled(Event, name="Invoice Settled"):
    """Nothing of an invoice is left to pay. The journey `payment-due` tells it, no service does."""

    invoice_id: Identifier


class PaymentReceived(Event, name="Payment Received"):
    """Money came in for an invoice; without an ``amount``, all that was left to pay."""

    invoice_id: Identifier
    payment_id: Key | None = None
    amount: Money | None = None
    currency: Currency | None = None


class PaymentSucceeded(PaymentReceived, name="Payment Succeeded"):
    """A card or an account was charged for an invoice."""


class PaymentFailed(Event, name="Payment Failed"):
    """A card or an account could not be charged; ``next_attempt_at`` is when it is tried again."""

    also_called: ClassVar[Mapping[str, str]] = {
        "next_attempt": "next_attempt_at",
        "next_payment_attempt": "next_attempt_at",
        "hosted_invoice_url": "pay_url",
    }

    invoice_id: Identifier
    subscription_id: Key | None = None
    amount: Money | None = None
    currency: Currency | None = None
    next_attempt_at: Moment | None = None
    number: Personal = None
    pay_url: Personal = None
