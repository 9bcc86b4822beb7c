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
    days,
    hours,
    minutes,
)
from sojourn.events import (
    DeliveryFailed,
    Event,
    OrderCancelled,
    OrderDelivered,
    OrderRefunded,
    OrderShipped,
    OutForDelivery,
)
from workflows.parcels import STATUSES, is_later, true_until


class Delivery(
    Journey,
    name="delivery",
    starts_on=STATUSES,
    key="order_id",
    restarts_on=STATUSES,
    ends_on=(OrderRefunded.whole(), OrderCancelled),
    again=ONCE.per_key,
):
    """One message a status: shipped, out for delivery, failed, delivered. Never an older one."""

    shipped = Message(WHATSAPP, SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(24))
    out_for_delivery = Message(
        WHATSAPP, SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(8)
    )
    failed = Message(WHATSAPP, SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(24))
    delivered = Message(WHATSAPP, SMS, EMAIL, message_class=TRANSACTIONAL, useful_for=hours(24))

    told: ClassVar[dict[type[Event], Message]] = {
        OrderShipped: shipped,
        OutForDelivery: out_for_delivery,
        DeliveryFailed: failed,
        OrderDelivered: delivered,
    }

    async def steps(self) -> None:
        """Wait a minute for a later status, tell the latest, have a person see to a failure."""
        await self.wait_for(OrderDelivered, timeout=self.now() + minutes(1))
        status = next(iter(self.heard(OrderDelivered)), self.cause)
        message = self.told[type(status)]
        until = true_until(status, message.useful_for)
        await self.send(message, until=until)
        if isinstance(status, OrderDelivered):
            return
        if isinstance(status, DeliveryFailed) and self.now() < until:
            await self.call(open_ticket, subject="A parcel could not be delivered")
        await self.sleep(days(60))

    def restarts(self, event: Event) -> bool:
        """Tell whether a status is later than the one that was told last."""
        return is_later(event, than=self.cause)
