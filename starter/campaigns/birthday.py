"""Congratulate customers on their birthday, at nine in the morning where they live."""

from audiences.occasions import birthdays
from sojourn import EMAIL, Campaign, Message, at_most, daily, days, hours

birthday = Campaign(
    "birthday",
    to=birthdays,
    # a customer who changes the date gets no second one in the same year
    message=Message(
        EMAIL, useful_for=hours(13), topic="occasions", at_most=at_most(1, per=days(330))
    ),
    when=daily(at="09:00"),
    about="Congratulations on the customer's birthday.",
)
