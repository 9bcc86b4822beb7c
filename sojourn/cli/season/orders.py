"""The shop's part in an order: it ships, delivers, bills, refunds and receives complaints."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sojourn.cli.season.agenda import DAY, HOUR, Act, Agenda, Body, track
from sojourn.cli.season.goods import Good
from sojourn.cli.season.temper import WORST, Temper

DELAYED, FAILS, BY_BILL, ANSWERS, SETTLED = 0.08, 0.08, 0.2, 0.1, 0.9
"""The chances that an order is late, that its delivery fails, that it is paid by bill, that the
customer answers a survey on it, and that a complaint is settled."""


@dataclass(frozen=True)
class Order:
    """An order.

    Args:
        order_id: its id.
        goods: the goods ordered.
        currency: the currency in which it is paid.
    """

    order_id: str
    goods: Sequence[Good]
    currency: str

    @property
    def total(self) -> Decimal:
        """The total price."""
        return sum((good.costs(self.currency) for good in self.goods), Decimal(0))

    @property
    def fields(self) -> dict[str, Any]:
        """The order as fields of an event."""
        return {
            "order_id": self.order_id,
            "total": str(self.total),
            "currency": self.currency,
            "products": [good.line(self.currency) for good in self.goods],
        }


class Shop:
    """The shop, for one customer.

    Args:
        agenda: the customer's agenda.
        temper: the customer's temper.
    """

    def __init__(self, agenda: Agenda, temper: Temper) -> None:
        self._agenda = agenda
        self._temper = temper
        self._unpaid: set[str] = set()

    def takes(self, order: Order, at: datetime) -> None:
        """Plan the fate of an order."""
        agenda = self._agenda
        if agenda.may(BY_BILL):
            agenda.plan(at + HOUR, self._bills(order))
        late = timedelta(0)
        if agenda.may(DELAYED):
            late = 3 * DAY
            delayed = agenda.does("Order Delayed", order_id=order.order_id)
            agenda.plan(agenda.after(at, DAY), delayed)
        agenda.plan(agenda.at_hour(at + DAY + late, 16), self._ships(order))

    def _ships(self, order: Order) -> Act:
        def act(at: datetime) -> Iterator[Body]:
            url = f"https://parcels.example/{order.order_id}"
            yield track("Order Shipped", order_id=order.order_id, tracking_url=url)
            self._agenda.plan(self._agenda.at_hour(at + DAY, 8), self._carries_out(order))

        return act

    def _carries_out(self, order: Order) -> Act:
        agenda = self._agenda

        def act(at: datetime) -> Iterator[Body]:
            yield track("Out for Delivery", order_id=order.order_id)
            if agenda.may(FAILS):
                failed = agenda.does("Delivery Failed", order_id=order.order_id)
                agenda.plan(at + 8 * HOUR, failed)
                agenda.plan(agenda.at_hour(at + DAY, 8), self._carries_out(order))
            else:
                agenda.plan(at + 6 * HOUR, self._delivers(order))

        return act

    def _delivers(self, order: Order) -> Act:
        agenda, temper = self._agenda, self._temper

        def act(at: datetime) -> Iterator[Body]:
            yield track("Order Delivered", **order.fields)
            if agenda.may(temper.complains):
                agenda.plan(agenda.after(at, 2 * DAY), self._hears_a_complaint(order))
            elif agenda.may(ANSWERS):
                score = agenda.random.randint(3, 10)
                agenda.plan(agenda.after(at, 3 * DAY), self._is_told(score, order))
            if agenda.may(temper.returns):
                agenda.plan(agenda.after(at, 10 * DAY), self._refunds(order))

        return act

    def _hears_a_complaint(self, order: Order) -> Act:
        agenda = self._agenda
        about = {"complaint_id": f"{order.order_id}-x", "order_id": order.order_id}

        def act(at: datetime) -> Iterator[Body]:
            yield track("Complaint Received", **about)
            if agenda.may(SETTLED):
                agenda.plan(agenda.after(at, 6 * DAY), agenda.does("Complaint Resolved", **about))

        return act

    def _is_told(self, score: int, order: Order) -> Act:
        agenda = self._agenda

        def act(at: datetime) -> Iterator[Body]:
            yield track("Survey Answered", score=score, order_id=order.order_id)
            if score <= WORST and agenda.may(SETTLED):
                settled = agenda.does("Complaint Resolved", case_id=f"survey-{order.order_id}")
                agenda.plan(agenda.after(at, 6 * DAY), settled)

        return act

    def _refunds(self, order: Order) -> Act:
        def act(at: datetime) -> Iterator[Body]:
            yield track("Order Refunded", **order.fields)
            if order.order_id in self._unpaid:
                self._unpaid.remove(order.order_id)
                yield track("Invoice Voided", invoice_id=f"{order.order_id}-i")

        return act

    def _bills(self, order: Order) -> Act:
        agenda = self._agenda
        bill = {
            "invoice_id": f"{order.order_id}-i",
            "number": f"I-{order.order_id}",
            "amount": str(order.total),
            "currency": order.currency,
        }

        def act(at: datetime) -> Iterator[Body]:
            url = f"https://shop.example/pay/{bill['invoice_id']}"
            due = (at + 14 * DAY).isoformat()
            yield track("Invoice Issued", **bill, due_at=due, pay_url=url)
            self._unpaid.add(order.order_id)
            agenda.plan(agenda.after(at + 8 * DAY, 14 * DAY), pays)

        def pays(at: datetime) -> Iterator[Body]:
            if order.order_id in self._unpaid:
                self._unpaid.remove(order.order_id)
                yield track("Payment Received", **bill)

        return act
