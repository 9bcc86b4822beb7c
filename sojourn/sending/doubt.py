"""The ways out of doubt about whether a message left.

The first that is open is taken:

1. hand the message over again under the same idempotency key, if it had one of its own: the key of
   a call with several messages does not know one that comes alone;
2. ask the provider whether it has the message; "no" counts only once no attempt can hand it over
   any more;
3. wait for the provider's report;
4. let the message's class decide. A promotional message stays unknown: it is not sent twice. So
   does an authentication message: a customer who waits for a code asks for another, and two
   messages for one request would look like an attack. A transactional message goes once more, with
   the same Message-ID, marked as a possible duplicate; it goes once, not once for every crash.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from sojourn.channels.provider import Provider, SupportsLookup, SupportsWebhooks
from sojourn.domain.messages import MessageClass
from sojourn.domain.verdict import Doubt

REPORTED_AFTER = timedelta(seconds=30)
"""The wait for a webhook that settles the doubt, if the provider sends webhooks."""
MARGIN = timedelta(minutes=5)
"""The last part of an idempotency key's life, in which the key is not trusted."""


class Way(Enum):
    """A way out of doubt."""

    AGAIN = auto()
    """Hand the message over under the same idempotency key: it is delivered once."""
    REPEAT = auto()
    """Hand the message over once more: it may be delivered twice."""
    ASK = auto()
    """Ask the provider."""
    GIVE_UP = auto()
    """Leave the message unknown."""


@dataclass(frozen=True)
class Wait:
    """A wait, before the next look for a way out."""

    after: timedelta


def way_out(doubt: Doubt, provider: Provider, message_class: MessageClass) -> Way | Wait:
    """Choose the way out of doubt about a message.

    Args:
        doubt: the doubt about the message.
        provider: the provider that carries the message's channel now.
        message_class: the message's class.

    Returns:
        The way to take, or the wait before it.
    """
    same = provider.name == doubt.provider  # another one knows neither the key nor the message
    age = doubt.age
    if same and doubt.keyed and _is_idempotent(provider, datetime.now(UTC) - doubt.since):
        return Way.AGAIN
    if same and isinstance(provider, SupportsLookup):
        return Way.ASK if age >= provider.looks_up_after else Wait(provider.looks_up_after - age)
    once = message_class is not MessageClass.TRANSACTIONAL
    if once or doubt.repeated or not doubt.useful:
        return Way.GIVE_UP
    if same and isinstance(provider, SupportsWebhooks) and age < REPORTED_AFTER:
        return Wait(REPORTED_AFTER - age)
    return Way.REPEAT


def until_absent(doubt: Doubt, provider: SupportsLookup) -> timedelta:
    """Return how long the word "absent" must wait; zero: the provider certainly lacks the message.

    A worker that stood still may hand the message over after the look-up, until its fence closes. A
    message that is handed over at the last moment can be found `looks_up_after` later.

    Args:
        doubt: the doubt about the message.
        provider: the provider that does not have it.
    """
    return max(provider.looks_up_after - doubt.over, timedelta(0))


def _is_idempotent(provider: Provider, age: timedelta) -> bool:
    window = provider.abilities.idempotent_for
    return bool(window) and age < window - min(MARGIN, window / 2)
