"""Tell customers where their parcel is, and help when it could not be handed over."""

from typing import ClassVar

from activities.open_ticket import open_ticket
from sojourn import (
    EMAIL,
    ONCE,
    SMS,
    TRANSACTIONAL,
    WHATSAPP,
    Journey,
    Message,
    Question,
    Reason,
    days,
    hours,
    minutes,
    working,
)
from sojourn.events import (
    DeliveryFailed,
    Event,
    OrderCancelled,
    OrderDelivered,
    OrderRefunded,
    OrderShipped,
    OutForDelivery,
    ParcelEvent,
)
from workflows.parcels import STATUSES, true_until
from workflows.times import OFFICE


class Delivery(
    Journey,
    name="delivery",
    starts_on=STATUSES,
    key="order_id",
    part="tracking_number",
    restarts_on=STATUSES,
    ends_on=(OrderRefunded.whole(), OrderCancelled),
    again=ONCE.per_key,
):
    """One message a status of each parcel: shipped, out for delivery, failed, delivered."""

    shipped = Message(WHATSAPP, SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(24))
    out_for_delivery = Message(
        WHATSAPP, SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(8)
    )
    failed = Message(WHATSAPP, SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(24))
    delivered = Message(WHATSAPP, SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(24))

    help = Question(
        "A parcel could not be handed over. What happens next?",
        again="Another delivery or a pick-up is arranged",
        back="It comes back to us",
        nothing="There is nothing to do",
    )

    told: ClassVar[dict[type[ParcelEvent], Message]] = {
        OrderShipped: shipped,
        OutForDelivery: out_for_delivery,
        DeliveryFailed: failed,
        OrderDelivered: delivered,
    }

    async def steps(self) -> None:
        """Wait a minute for a later status, tell the latest, have a person see to a failure."""
        await self.wait_for(OrderDelivered, timeout=self.now() + minutes(1))
        status = self._latest()
        if self._is_own(status):
            await self._inform(status)
        if not isinstance(status, OrderDelivered):
            await self.sleep(days(60))

    def _latest(self) -> ParcelEvent:
        """Return the status to tell: a delivery is the last word, the run's own first."""
        delivered = sorted(self.heard(OrderDelivered), key=self._is_own, reverse=True)
        status = next(iter(delivered), self.cause)
        assert isinstance(status, ParcelEvent), "only statuses begin the steps"
        return status

    def _is_own(self, status: ParcelEvent) -> bool:
        """Tell whether a status is this run's to tell: one of the whole order has a run as well."""
        return bool(status.tracking_number) or not self.part

    async def _inform(self, status: ParcelEvent) -> None:
        message = self.told[type(status)]
        until = true_until(status, message.useful_for)
        receipt = await self.send(message, until=until)
        if not isinstance(status, DeliveryFailed) or self.now() >= until:
            return
        if receipt.reason is Reason.NOTHING_TO_SAY and self.patched("parcels"):
            return  # the order is off, or the run that has told of it sees to it
        await self._see_to_it()

    async def _see_to_it(self) -> None:
        """Have a person see to a parcel that could not be handed over."""
        if self.patched("person"):
            within = working(hours(18), OFFICE)
            await self.person(self.help, within=within, else_="nothing")
        else:
            await self.call(open_ticket, subject="A parcel could not be delivered")

    def restarts(self, event: Event) -> bool:
        """Tell whether a status is later than the one that was told last."""
        assert isinstance(event, ParcelEvent)
        assert isinstance(self.cause, ParcelEvent)
        return event.is_later(than=self.cause)
