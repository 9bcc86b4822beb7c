"""A journey whose message has its own hours, alone in a file: the sandbox loads all of it."""

from sojourn import EMAIL, Message, days
from sojourn.events import OrderCompleted, ProductAdded
from workflows.abandoned_cart import AbandonedCart


class Hours(
    AbandonedCart,
    name="abandoned-cart",
    starts_on=ProductAdded,
    key="cart_id",
    goal=OrderCompleted,
):
    """The cart's ladder, with a reminder only late in the evening."""

    reminder = Message(EMAIL, useful_for=days(3), within="mon-fri 22:00-23:00")
