"""Thank customers on the day on which they ordered for the first time, each year."""

from audiences.occasions import first_order_days
from sojourn import EMAIL, Campaign, Message, at_most, daily, days, hours

first_order_day = Campaign(
    "first-order-day",
    to=first_order_days,
    # an older order that is imported later moves the day: nobody gets a second one in the same year
    message=Message(
        EMAIL, useful_for=hours(9), topic="occasions", at_most=at_most(1, per=days(330))
    ),
    when=daily(at="11:00"),
    about="Thanks on the anniversary of the customer's first order.",
)
