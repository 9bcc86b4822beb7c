"""Greet customers at the end of the year, and ask how content they are."""

from audiences.of_the_year import of_the_year
from sojourn import EMAIL, Campaign, Message, days

# a launch a year: `sojourn campaign launch seasons-greetings --occasion 2026`
seasons_greetings = Campaign(
    "seasons-greetings",
    to=of_the_year,
    message=Message(EMAIL, useful_for=days(3), topic="occasions", within="10:00-18:00"),
    about="Greetings, and one question; who answers by 6 or less is looked after by a person.",
)
