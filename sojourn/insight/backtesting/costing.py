"""The cost of messages, as far as a project's ``prices.toml`` names prices: of text messages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Self

from sojourn.domain.errors import BadEvent, NothingToSay, TemplateError
from sojourn.domain.messages import Channel, Delivery
from sojourn.domain.prices import Prices
from sojourn.in_memory.people import Person
from sojourn.in_memory.world import World

PRICED = Channel.SMS
"""The channel whose messages have a price each."""


@dataclass
class Bill:
    """The cost of the messages of a channel.

    Args:
        messages: that were sent.
        segments: that those with a price are billed as.
        amounts: by currency.
        unpriced: messages whose number has no price, or whose text nobody knows.
    """

    messages: int = 0
    segments: int = 0
    amounts: dict[str, Decimal] = field(default_factory=dict)
    unpriced: int = 0

    def add(self, prices: Prices, number: str, provider: str, segments: int) -> None:
        """Count a message.

        Args:
            prices: of the project.
            number: that it went to, E.164; empty: nobody knows.
            provider: that carried it.
            segments: that it is billed as; 0: nobody knows.
        """
        self.messages += 1
        price = prices.of(number, provider)
        if price is None or not segments:
            self.unpriced += 1
            return
        self.segments += segments
        before = self.amounts.get(price.currency, Decimal(0))
        self.amounts[price.currency] = before + price.amount * segments

    def as_json(self) -> dict[str, Any]:
        """Return everything as JSON values."""
        return {
            "messages": self.messages,
            "segments": self.segments,
            "amounts": {currency: str(amount) for currency, amount in self.amounts.items()},
            "unpriced": self.unpriced,
        }

    @classmethod
    def of_json(cls, told: Mapping[str, Any]) -> Self:
        """Return the bill that `as_json` wrote."""
        amounts = {currency: Decimal(amount) for currency, amount in told["amounts"].items()}
        return cls(told["messages"], told["segments"], amounts, told["unpriced"])


class Billing:
    """Stands for the providers of a world: takes every message, and bills what has a price.

    Args:
        prices: of the project.
        provider: of text messages.

    Attributes:
        bills: by channel.
        world: in which the messages are written; it is made after its providers.
    """

    def __init__(self, prices: Prices, provider: str) -> None:
        self.bills: dict[str, Bill] = {}
        self.world: World | None = None
        self._prices = prices
        self._provider = provider

    def __call__(self, person: Person, delivery: Delivery, channel: Channel) -> None:
        """Take a message."""
        if channel is not PRICED or not self._prices or self.world is None:
            return
        try:
            content = self.world.writer.written(person, delivery, channel)
        except (BadEvent, NothingToSay, TemplateError):
            content = None
        segments = content.segments if content is not None else 0
        bill = self.bills.setdefault(channel.value, Bill())
        bill.add(self._prices, person.card.address(channel), self._provider, segments)
