"""The ways out, when nobody knows whether a message left.

In this order:

1. hand it over again under the same idempotency key;
2. ask the provider whether it has it;
3. wait whether the provider reports it;
4. let the message's class decide. A message that we want to send stays unknown: it is not sent
   twice. A message that the customer needs goes once more, with the same Message-ID, marked as a
   possible duplicate; once, not once for every crash.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from sojourn.channels.provider import Provider, SupportsLookup, SupportsWebhooks
from sojourn.domain.messages import MessageClass
from sojourn.domain.verdict import Doubt

REPORTED_AFTER = timedelta(seconds=30)
"""How long to wait for a webhook that settles it, where the provider sends webhooks."""
MARGIN = timedelta(minutes=5)
"""An idempotency key is not relied on in the last minutes of its life."""


class Way(Enum):
    """A way out of doubt."""

    AGAIN = auto()
    """Hand it over under the same idempotency key: it is delivered once."""
    REPEAT = auto()
    """Hand it over once more: it may be delivered twice."""
    ASK = auto()
    """Ask the provider."""
    GIVE_UP = auto()
    """It stays unknown."""


@dataclass(frozen=True)
class Wait:
    """Not yet: come back after this long."""

    after: timedelta


def way_out(doubt: Doubt, provider: Provider, message_class: MessageClass) -> Way | Wait:
    """Decide what to do now.

    Args:
        doubt: the message.
        provider: the provider that carries its channel now.
        message_class: the message's.

    Returns:
        The way to take, or how long to wait first.
    """
    same = provider.name == doubt.provider  # another one knows neither the key nor the message
    age = doubt.age
    if same and _is_idempotent(provider, datetime.now(UTC) - doubt.since):
        return Way.AGAIN
    if same and isinstance(provider, SupportsLookup):
        return Way.ASK if age >= provider.looks_up_after else Wait(provider.looks_up_after - age)
    if message_class is MessageClass.PROMOTIONAL or doubt.repeated or not doubt.useful:
        return Way.GIVE_UP
    if same and isinstance(provider, SupportsWebhooks) and age < REPORTED_AFTER:
        return Wait(REPORTED_AFTER - age)
    return Way.REPEAT


def _is_idempotent(provider: Provider, age: timedelta) -> bool:
    window = provider.abilities.idempotent_for
    return bool(window) and age < window - min(MARGIN, window / 2)
