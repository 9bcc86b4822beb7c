"""Tell subscribers each week what is new on the blog."""

from audiences.subscribers import newsletter_readers
from sojourn import EMAIL, Campaign, Feed, Message, days, weekly

newsletter = Campaign(
    "newsletter",
    to=newsletter_readers,
    message=Message(EMAIL, useful_for=days(1), topic="newsletter"),
    when=weekly("thu", at="10:00"),
    # the address of the feed, in the environment of workers and commands
    articles=Feed("SHOP_FEED_URL", at_most=5, not_older_than=days(30)),
    about="New articles of the blog; a week without any brings no message.",
)
