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
)
from workflows.parcels import STATUSES, is_later, true_until
from workflows.times import OFFICE


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

    help = Question(
        "A parcel could not be handed over. How does it go on?",
        again="Another delivery or a pick-up is arranged",
        back="It comes back to us",
        nothing="There is nothing to do",
    )

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
            await self._see_to_it()
        await self.sleep(days(60))

    async def _see_to_it(self) -> None:
        """Have a person see to a parcel that could not be handed over."""
        if self.patched("person"):
            within = working(hours(18), OFFICE)
            await self.person(self.help, within=within, else_="nothing")
        else:
            await self.call(open_ticket, subject="A parcel could not be delivered")

    def restarts(self, event: Event) -> bool:
        """Tell whether a status is later than the one that was told last."""
        return is_later(event, than=self.cause)
