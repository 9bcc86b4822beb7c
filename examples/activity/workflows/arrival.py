"""Ask customers whether their parcel has arrived in one piece, once it has arrived."""

from activities.find_parcel import find_parcel
from sojourn import EMAIL, Journey, Message, days
from sojourn.events import OrderCompleted


class Arrival(Journey, name="arrival", starts_on=OrderCompleted, key="order_id"):
    """Three days after an order, a question, if the carrier says that the parcel is there."""

    arrived = Message(EMAIL, useful_for=days(2))

    async def steps(self) -> None:
        """Look the parcel up, then ask."""
        await self.sleep(days(3))
        parcel = await self.call(find_parcel, order_id=self.key)
        if parcel and parcel.delivered:
            await self.send(self.arrived)
