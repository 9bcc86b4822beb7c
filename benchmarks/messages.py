"""The ladder that both sides of the throughput benchmark climb.

This module imports only `domain`, since the bare workflow must not load our journey classes.
"""

from datetime import timedelta

from sojourn.domain.message import Message
from sojourn.domain.messages import Channel

QUEUE = "bench-journeys"
FLOOR_QUEUE = "bench-floor"
"""The queue of the activity that only returns."""
QUIET = timedelta(seconds=3)
PAUSE = timedelta(seconds=0.5)

REMINDER = Message(Channel.EMAIL, step="reminder", topic="cart", useful_for=timedelta(days=1))
NUDGE = Message(Channel.PUSH, Channel.SMS, step="nudge", topic="cart", useful_for=timedelta(days=1))
OFFER = Message(Channel.EMAIL, step="offer", topic="cart", useful_for=timedelta(days=2))
