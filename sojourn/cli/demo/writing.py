"""The tale of somebody who writes back."""

from datetime import timedelta

from sojourn.cli.demo.guide import Guide, Played
from sojourn.cli.demo.tale import Tale
from sojourn.domain.events import MessageReplied


async def _writes_back(guide: Guide) -> Played:
    who = await guide.customer("Jadwiga", "pl-PL")
    text = "Yes, but can it come in the evening?"
    await guide.publish(MessageReplied(customer_id=who, channel="sms", text=text))
    await guide.pass_time(who, timedelta(days=5))
    return await guide.tell("writes back, and nobody answers in time", who, guide.noon)


WRITING = Tale("two-way", MessageReplied, _writes_back)
