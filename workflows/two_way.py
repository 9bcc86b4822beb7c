"""Tell customers who write back where their order is; have a person answer anything else."""

from sojourn import (
    SMS,
    TRANSACTIONAL,
    WHATSAPP,
    Intent,
    Journey,
    Message,
    Question,
    Status,
    days,
    field,
    hours,
    minutes,
    working,
)
from sojourn.events import MessageReplied
from workflows.times import OFFICE

TAKES_ANSWERS = "appointment"
"""The journey that acts on a plain yes and a plain no to its own messages."""


class TwoWay(
    Journey,
    name="two-way",
    topic="delivery",
    starts_on=MessageReplied,
    enters_if=field("intent").one_of(Intent.ORDER, Intent.OTHER)
    | (
        field("intent").one_of(Intent.YES, Intent.NO)
        & ~(field("journey") == TAKES_ANSWERS).or_if_unknown(False)
    ),
    mutes=minutes(10),
):
    """Tells where an order is, if that is certain; anything else is for a person.

    The reply alone holds promotional messages back for ten minutes, then the open task does.
    Replies within a minute are one task; later ones open the next.
    """

    where = Message(SMS, message_class=TRANSACTIONAL, useful_for=hours(1))
    where_in_chat = Message(WHATSAPP, message_class=TRANSACTIONAL, useful_for=hours(1))
    talk = Question(
        "A customer has written to us. Please answer.",
        answered="I have answered",
        nothing="There is nothing to answer",
    )

    async def steps(self) -> None:
        """Gather what is written in one go; tell where the order is, or have somebody answer."""
        replies = await self.collect(MessageReplied, for_=minutes(1))
        if await self.is_told(replies) and await self.is_content():
            return
        within = working(hours(18), OFFICE)
        await self.person(self.talk, within=within, else_="nothing", silent=True)

    async def is_told(self, replies: list[MessageReplied]) -> bool:
        """Tell where the order is, if nothing else is asked; return whether the message left."""
        if any(reply.intent is not Intent.ORDER for reply in replies):
            return False
        asked = replies[-1]
        messages = {"sms": self.where, "whatsapp": self.where_in_chat}
        if (message := messages.get(asked.channel or "")) is None:
            return False
        receipt = await self.send(message, until=asked.occurred_at + hours(1))
        return receipt.status is Status.SENT

    async def is_content(self) -> bool:
        """Wait a day; return whether the customer writes nothing that is for a person."""
        until = self.now() + days(1)
        while reply := await self.wait_for(MessageReplied, timeout=until):
            to_another = reply.intent is Intent.NO and reply.journey == TAKES_ANSWERS
            if reply.intent is not Intent.YES and not to_another:
                return False
        return True
