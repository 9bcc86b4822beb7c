"""A desk that notes the messages that runs in memory ask for."""

from datetime import datetime

from sojourn.domain.calls import Asked, Question, Reply
from sojourn.domain.messages import Delivery, Receipt, Status
from sojourn.domain.sayings import Saying
from sojourn.domain.tasks import Closing, Opening, TaskStand


class Notes:
    """A desk that sends everything, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Delivery] = []

    async def send(self, delivery: Delivery) -> tuple[Receipt, datetime]:
        self.asked.append(delivery)
        return Receipt(status=Status.SENT, channel=delivery.lane, at=delivery.now), delivery.now

    async def call(self, asked: Asked) -> Reply:
        raise NotImplementedError

    async def ask(self, asked: Question) -> Reply:
        raise NotImplementedError

    async def say(self, said: Saying, summary: str) -> bool:
        raise NotImplementedError

    async def task(self, said: Opening | Closing) -> TaskStand:
        raise NotImplementedError
