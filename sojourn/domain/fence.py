"""The fence: the time within which a message that was claimed must be handed over."""

from datetime import timedelta

FENCE = timedelta(seconds=30)
"""The time from the gate's question to the last byte of the message.

A worker that stands still (a stopped process, a machine that sleeps) does not know that Temporal
has given its attempt up. Another attempt may ask the provider meanwhile, hear that it does not have
the message, and send it. So an attempt that took longer than this hands nothing over, and another
one trusts the word "absent" only after it, with the provider's own delay on top.

Thirty seconds hold all that a hand-over may take: 20 s for attached files and 10 s, the usual
time-out, for the provider's answer. They leave half of the minute after which Temporal gives an
attempt up (`journeys.temporal.SEND_TIMEOUT`), so that a living worker tells its end itself. With a
longer fence, the messages of a worker that died would wait longer.
"""
