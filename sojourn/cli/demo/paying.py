"""The stories of an invoice and of a failing card."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import InvoiceIssued, PaymentFailed, PaymentReceived, PaymentSucceeded

DAY = timedelta(days=1)


async def _pays_in_parts(guide: Guide) -> Played:
    who = await guide.customer("Hugo", "en-GB")
    due = datetime.now(UTC) + 5 * DAY
    await guide.publish(
        InvoiceIssued(
            customer_id=who, invoice_id="i1", due_at=due, amount=Decimal(120), currency="EUR"
        )
    )
    await guide.pass_time(who, 4 * DAY)
    await guide.publish(
        PaymentReceived(customer_id=who, invoice_id="i1", amount=Decimal(50), currency="EUR")
    )
    await guide.pass_time(who, 5 * DAY)
    await guide.publish(
        PaymentReceived(customer_id=who, invoice_id="i1", amount=Decimal(70), currency="EUR")
    )
    await guide.pass_time(who, DAY)
    return await guide.tell("pays a part of an invoice, and the rest late", who, guide.noon)


async def _has_a_new_card(guide: Guide) -> Played:
    who = await guide.customer("Kasia", "pl-PL")
    again = datetime.now(UTC) + 4 * DAY
    await guide.publish(
        PaymentFailed(
            customer_id=who, invoice_id="i2", amount=Decimal("14.90"), currency="EUR",
            next_attempt_at=again,
        )
    )  # fmt: skip
    await guide.pass_time(who, 4 * DAY)
    await guide.publish(PaymentSucceeded(customer_id=who, invoice_id="i2"))
    await guide.pass_time(who, DAY)
    return await guide.tell("has a card that fails, and works the next time", who, guide.noon)


PAYING = (
    Tale("payment-due", InvoiceIssued, _pays_in_parts),
    Tale("payment-due", PaymentFailed, _has_a_new_card),
)
