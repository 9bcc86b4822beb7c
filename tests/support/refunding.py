"""A journey that asks a service over HTTP, alone in a file: the sandbox loads all of it."""

from datetime import timedelta
from decimal import Decimal

from sojourn import EMAIL, Failed, Journey, Message, NonPersonal, hours, http_call
from sojourn.events import OrderCancelled, OrderRefunded


class MayRefund(NonPersonal):
    """The shop's decision."""

    allowed: bool
    most: Decimal | None = None
    note: str = ""


may_refund = http_call(
    "may_refund",
    url="SHOP_REFUNDS_URL",
    secret="SHOP_SIGNING_SECRET",
    sends={"order_id": str, "share": Decimal},
    card=("email",),
    answer=MayRefund,
    timeout=timedelta(seconds=0.5),
    deadline=hours(2),
)


class Refunding(
    Journey, name="refunding", topic="cart", starts_on=OrderCancelled, key="order_id",
    goal=OrderRefunded,
):  # fmt: skip
    """Ask whether a refund is allowed, and note the answer."""

    offer = Message(EMAIL, useful_for=hours(24))

    async def steps(self) -> None:
        """Ask once."""
        decided = await self.call(may_refund, order_id=self.key, share=Decimal("0.5"))
        if isinstance(decided, Failed):
            await self.note(refund=f"{decided.kind} {decided.reason}".strip())
        else:
            await self.note(refund=f"allowed: {decided.allowed}, at most {decided.most}")
