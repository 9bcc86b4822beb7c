"""The story of a customer who replies."""

from datetime import timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import MessageReplied, OrderShipped
from sojourn.domain.intents import Intent

FOLLOW = "https://carrier.example/p/11"


async def _writes_back(guide: Guide) -> Played:
    who = await guide.customer("Jadwiga", "pl-PL")
    await guide.publish(OrderShipped(customer_id=who, order_id="o11", tracking_url=FOLLOW))
    where = MessageReplied(
        customer_id=who, channel="sms", text="Gdzie jest moja paczka?", intent=Intent.ORDER
    )
    await guide.publish(where)
    await guide.pass_time(who, timedelta(hours=1))
    text = "Yes, but can it come in the evening?"
    await guide.publish(MessageReplied(customer_id=who, channel="sms", text=text))
    await guide.pass_time(who, timedelta(days=5))
    return await guide.tell("asks for an order, and then a person", who, guide.noon)


WRITING = Tale("two-way", MessageReplied, _writes_back)
