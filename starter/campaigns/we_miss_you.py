"""Write once more to customers who have been silent for 90 days."""

from audiences.silent import inactive
from sojourn import EMAIL, Campaign, Message, at_most, days, monthly
from sojourn.events import OrderCompleted

we_miss_you = Campaign(
    "we-miss-you",
    to=inactive,
    message=Message(
        EMAIL, useful_for=days(2), topic="win-back", within="10:00-20:00",
        at_most=at_most(1, per=days(180)),
    ),
    when=monthly(5, at="10:00"),
    goal=OrderCompleted,
    about="A word to those who were silent for 90 days, twice a year at most.",
)  # fmt: skip
