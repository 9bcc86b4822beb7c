"""The journeys of the made-up shop, unless a test brings its own project."""

from sojourn.domain.events import CartViewed, OrderCompleted, ProductAdded, ProductViewed, SignedUp
from sojourn.domain.experiment import Experiment
from sojourn.domain.message import Message
from sojourn.domain.messages import Channel
from sojourn.domain.span import days, hours
from sojourn.journeys.journey import Journey
from sojourn.journeys.registry import Journeys
from sojourn.project import Project

TONE = Experiment("tone", {"calm": 1, "shouting": 1})
PRICE = Experiment("price", {"full": 1, "sale": 1})


class Ladder(Journey, topic="offers", goal=OrderCompleted):
    """A message, and two days later another one by another way."""

    reminder = Message(Channel.EMAIL, useful_for=hours(24))
    nudge = Message(Channel.SMS, useful_for=hours(24))

    async def steps(self) -> None:
        """Write twice."""
        await self.sleep(hours(24))
        await self.send(self.reminder)
        await self.sleep(days(2))
        await self.send(self.nudge)


class LeftCart(Ladder, name="left-cart", starts_on=ProductAdded, key="cart_id", holdout=0.5):
    """Bring shoppers back to the cart that they left."""


class Looked(Ladder, name="looked", starts_on=ProductViewed, holdout=0.5):
    """Show once more what a shopper has looked at."""


class Welcome(Ladder, name="welcome", starts_on=SignedUp):
    """Greet those who are new, in one of two tones."""

    async def steps(self) -> None:
        """Write twice, in one tone."""
        await self.variant(TONE)
        await super().steps()


class Offer(Ladder, name="offer", starts_on=CartViewed):
    """Offer what lies in a cart, at one of two prices."""

    async def steps(self) -> None:
        """Write twice, of one price."""
        await self.variant(PRICE)
        await super().steps()


def shop() -> Project:
    """Return the shop as a project."""
    return Project(journeys=Journeys([LeftCart, Looked, Welcome, Offer]))
