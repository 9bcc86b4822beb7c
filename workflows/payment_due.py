"""Have an invoice paid: say when it is due, what is left of it, and what a failed payment means."""

from datetime import datetime, time

from activities.open_ticket import open_ticket
from sojourn import (
    EMAIL,
    ONCE,
    SMS,
    TRANSACTIONAL,
    Journey,
    Message,
    Question,
    Reason,
    days,
    hours,
    invoice_after,
)
from sojourn.events import (
    Event,
    InvoiceIssued,
    InvoiceSettled,
    InvoiceUpdated,
    InvoiceVoided,
    PaymentFailed,
    PaymentReceived,
    PaymentSucceeded,
)
from workflows.times import TEN

WORDS = (InvoiceIssued, InvoiceUpdated, PaymentReceived, PaymentSucceeded, PaymentFailed)
"""Each changes the plan, and so begins the steps again."""
MIDNIGHT = time(0)
Step = tuple[Message, datetime | None, datetime | None]
"""A message, the moment to wait for, and the moment from which on it would be untrue."""


class PaymentDue(
    Journey,
    name="payment-due",
    topic="payment",
    starts_on=(InvoiceIssued, PaymentFailed),
    key="invoice_id",
    goal=InvoiceSettled,
    restarts_on=WORDS,
    ends_on=InvoiceVoided,
    again=ONCE.per_key,
):
    """At ten, local: 3 days before, on the day, 3 and 10 days after; at once if a charge fails."""

    soon = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=days(2))
    today = Message(SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(12))
    failed = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=hours(24))
    retry = Message(SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(12))
    overdue = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=days(2))
    last_call = Message(EMAIL, SMS, message_class=TRANSACTIONAL, useful_for=days(2))

    dun = Question(
        "An invoice is unpaid ten days after its last date. What now?",
        wait="Wait two more weeks, then ask again",
        mine="I will take care of it",
    )

    def __init__(self) -> None:
        super().__init__()
        self.said: set[tuple[Message, datetime]] = set()

    async def steps(self) -> None:
        """Say what is due until it is settled; then hand an unsettled invoice to a person."""
        self.invoice = invoice_after([self.first, *self.heard(*WORDS)], self.key)
        if not self.invoice.is_settled:
            for message, moment, until in self.plan():
                if moment is not None:
                    await self.sleep_until(moment)
                receipt = await self.send(message, until=until)
                self.said.add((message, moment or self.cause.occurred_at))
                if receipt.reason is Reason.NOTHING_TO_SAY:  # the store knew more than we had heard
                    break
            else:
                await self._escalate()
                return
        await self.tell(InvoiceSettled, invoice_id=self.key)

    async def _escalate(self) -> None:
        """Have a person decide, as often as they want to wait; a payment ends the question."""
        if not self.patched("person"):
            await self.call(open_ticket, subject=f"Invoice {self.key} is overdue")
            return
        while await self.person(self.dun, within=days(14), else_="mine") == "wait":
            await self.sleep(days(14))

    def plan(self) -> list[Step]:
        """Return the messages still to come, in order; those due before now are left out."""
        invoice, then, at = self.invoice, self.invoice.next_attempt_at, self.local
        since = max(moment for moment in (invoice.due_from, invoice.failed_at, then) if moment)
        steps: list[Step] = []
        if invoice.failed_at is None:
            due = invoice.due_at
            steps.append((self.soon, at(TEN, days=-3, after=due), due))
            steps.append((self.today, at(TEN, after=due), at(MIDNIGHT, days=1, after=due)))
        elif then and then - invoice.failed_at > days(2):
            steps.append((self.retry, at(TEN, days=-1, after=then), then))
        steps.append((self.overdue, at(TEN, days=3, after=since), None))
        steps.append((self.last_call, at(TEN, days=10, after=since), None))
        steps = [
            (message, moment, until)
            for message, moment, until in steps
            # an event may come late: a message sent by its moment is not sent once more
            if moment and moment > self.cause.occurred_at and (message, moment) not in self.said
        ]
        if isinstance(self.cause, PaymentFailed):
            steps.insert(0, (self.failed, None, then))
        return steps

    def restarts(self, event: Event) -> bool:
        """Begin again on each event: it counts, however late it comes."""
        return True
