"""Give those who buy often a code of their own."""

from audiences.shoppers import regulars
from sojourn import EMAIL, Campaign, Message, days
from sojourn.events import OrderCompleted

regulars_offer = Campaign(
    "regulars-offer",
    to=regulars,
    message=Message(
        EMAIL, useful_for=days(2), topic="offers", within="10:00-20:00", coupon="regulars"
    ),
    goal=OrderCompleted,
    rate=20,
    about="A code for regular customers; who orders meanwhile gets none.",
)
