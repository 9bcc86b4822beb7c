"""Waiting for words that may be on their way: who the customer is, where to write, what they want.

Services send in parallel. A sign-up can arrive two seconds before the identify call of the same
person, and consent after both. A message that only lacks such a word is held, and the word ends the
hold.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sojourn.domain.customer import Customer
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.policy import Recipient, is_useful
from sojourn.domain.rules import AFTER_A_HOLD

CURABLE = (Reason.UNKNOWN_CUSTOMER, Reason.NO_ADDRESS, Reason.NO_CONSENT)
"""Reasons that a later call may take away."""
INTRODUCTION = timedelta(hours=1)
"""The time after the start of a run in which further words on a known customer may arrive."""
LAST_LOOK = timedelta(minutes=1)
"""The hold ends this long before the message's use does, in case nobody told the run."""


def wait_for_words(
    reason: Reason,
    recipient: Recipient,
    channels: Sequence[Channel],
    *,
    now: datetime,
    started: datetime,
    useful_until: datetime,
    needs_own_yes: str = "",
) -> datetime | None:
    """Return the moment until which a message waits for words on its customer.

    It waits for as long as it is of use if the customer cannot be written to at all: nobody has
    identified them, or no call has named an address. It waits in the first hour of a run for a
    customer who can be reached, but not by this message, or who has never said whether they want
    it. A "no" is an answer: nothing waits for a better one.

    Args:
        reason: why the message cannot leave now.
        recipient: the customer.
        channels: those that the message may take.
        now: by the journey's clock.
        started: when the event happened that started the run.
        useful_until: from this moment on, the message is of no use.
        needs_own_yes: the message's topic, if consent to the channel does not suffice for it.

    Returns:
        The moment at which to ask again; None if there is nothing to wait for.
    """
    longest = useful_until - LAST_LOOK
    match reason:
        case Reason.UNKNOWN_CUSTOMER:
            until = longest
        case Reason.NO_ADDRESS if not recipient.reachable:
            until = longest
        case Reason.NO_ADDRESS:
            until = min(longest, started + INTRODUCTION)
        case Reason.NO_CONSENT if _has_not_said(recipient, channels, needs_own_yes):
            until = min(longest, started + INTRODUCTION)
        case _:
            return None
    return until if is_useful(now + AFTER_A_HOLD, until) else None


def cured_by(customer: Customer, *, agrees: bool) -> tuple[Reason, ...]:
    """Return the reasons that the words of a call may have taken away.

    Pages identify their visitors time and again: a call that brings neither address nor consent
    makes nobody ask again.

    Args:
        customer: the card, with the words of the call.
        agrees: the call says yes to something.
    """
    cured = [Reason.UNKNOWN_CUSTOMER]
    if customer.reachable:
        cured.append(Reason.NO_ADDRESS)
    if agrees:
        cured.append(Reason.NO_CONSENT)
    return tuple(cured)


def _has_not_said(recipient: Recipient, channels: Sequence[Channel], own: str) -> bool:
    """Tell whether a yes would let the message go, and no word on it was ever said."""
    live = recipient.reachable - recipient.suppressed
    said, topics = recipient.consents.by_channel, recipient.consents.topics_spoken_of
    for channel in channels:
        if channel in live and channel not in said:
            return True
        if (
            own
            and channel in live
            and said.get(channel)
            and not {(channel, own), (None, own)} & topics
        ):
            return True
    return False
