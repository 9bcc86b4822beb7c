"""The temper of a made-up customer, as chances and as visits per week."""

from dataclasses import dataclass

WORST = 6
"""A score of ten up to this means that the customer is dissatisfied."""


@dataclass(frozen=True)
class Temper:
    """A customer's tendencies.

    Args:
        name: the temper in words, for output.
        visits: visits to the shop per week.
        fills: the chance that a visit fills a cart.
        buys: the chance that a filled cart is bought at once.
        reacts: the chance that a message has its effect, such as a cart bought.
        returns: the chance that an order is sent back.
        complains: the chance that a delivered order leads to a complaint.
        refuses: the chance that a promotional message leads to a no to its channel.
        writes: the chance that a text message gets a reply.
        moves: the chance of moving to another time zone during the season.
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
