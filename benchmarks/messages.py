"""The ladder that both sides of the throughput benchmark climb.

A module of its own, of `domain` alone: the bare workflow must not load our journey classes.
"""

from datetime import timedelta

from sojourn.domain.messages import Channel, Message

QUEUE = "bench-journeys"
QUIET = timedelta(seconds=3)
PAUSE = timedelta(seconds=0.5)

REMINDER = Message(
    step="reminder", channels=(Channel.EMAIL,), topic="cart", useful_for=timedelta(days=1)
)
NUDGE = Message(
    step="nudge",
    channels=(Channel.PUSH, Channel.SMS),
    topic="cart",
    useful_for=timedelta(days=1),
)
OFFER = Message(step="offer", channels=(Channel.EMAIL,), topic="cart", useful_for=timedelta(days=2))
