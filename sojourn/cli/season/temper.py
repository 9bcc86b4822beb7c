"""The temper of a made-up customer, in numbers between 0 and 1 and in visits a week."""

from dataclasses import dataclass

WORST = 6
"""A score of ten that is no better says that a customer is not content."""


@dataclass(frozen=True)
class Temper:
    """A customer's way to act.

    Args:
        name: in the words of the output.
        visits: visits of the shop a week.
        fills: chance that a visit fills a cart.
        buys: chance that a filled cart is bought at once.
        reacts: chance that a message is acted on as it hopes: the cart bought, the bill paid.
        returns: chance that an order is sent back.
        complains: chance that a delivered order leads to a complaint.
        refuses: chance, a promotional message, of saying no to its channel.
        writes: chance, a text message, of writing back.
        moves: chance of moving to another time zone during the season.
    """

    name: str
    visits: float
    fills: float
    buys: float
    reacts: float
    returns: float = 0.05
    complains: float = 0.05
    refuses: float = 0.01
    writes: float = 0.03
    moves: float = 0.05


TEMPERS = (
    Temper("buys again and again", visits=1.2, fills=0.6, buys=0.8, reacts=0.5),
    Temper("looks and seldom buys", visits=2.0, fills=0.2, buys=0.3, reacts=0.1),
    Temper("fills carts and waits for offers", visits=1.0, fills=0.7, buys=0.15, reacts=0.6),
    Temper("comes once and is gone", visits=0.1, fills=0.5, buys=0.5, reacts=0.05),
    Temper("sends much back", visits=0.8, fills=0.6, buys=0.7, reacts=0.3, returns=0.4),
    Temper("is hard to please", visits=0.5, fills=0.6, buys=0.7, reacts=0.2, complains=0.5),
    Temper("wants to be left alone", visits=0.5, fills=0.5, buys=0.5, reacts=0.0, refuses=0.3),
)
