"""What to do about a message of which nobody knows whether it left.

In this order: hand it over again under the same idempotency key; ask the provider whether it has
it; wait whether the provider reports it; else the message's class decides. What we want to say is
not said twice, so it stays unknown. What the customer needs goes once more, with the same
Message-ID, marked as a possible duplicate; once, not once for every crash.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum, auto

from sojourn.channels.provider import Provider, SupportsLookup, SupportsWebhooks
from sojourn.domain.messages import Channel, MessageClass

REPORTED_AFTER = timedelta(seconds=30)
"""How long to wait for a webhook that settles it, where the provider sends such."""
MARGIN = timedelta(minutes=5)
"""An idempotency key is not relied on in the last minutes of its life."""


@dataclass(frozen=True)
class Doubt:
    """Attempts were made whose end nobody knows: find out, then ask the gate again.

    Args:
        ledger_id: of the message's row.
        attempt: of the row's.
        channel: by which it may be out.
        provider: who may have it; empty: one of several.
        since: when it was first handed over; by the machine's clock.
        age: how long ago it was last handed over, by the journey's clock.
        useful: whether it is still worth sending.
        repeated: it may have been delivered twice already.
    """

    ledger_id: int
    attempt: int
    channel: Channel
    provider: str
    since: datetime
    age: timedelta
    useful: bool
    repeated: bool


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
class OnceMore:
    """Leave to hand over once more what may be out.

    Args:
        attempt: the row's, as it was when this was decided; not for what began since.
        perhaps_twice: it may be delivered twice.
    """

    attempt: int
    perhaps_twice: bool


@dataclass(frozen=True)
class Wait:
    """Not yet: come back after this long."""

    after: timedelta


def way_out(doubt: Doubt, provider: Provider, message_class: MessageClass) -> Way | Wait:
    """What to do now.

    Args:
        doubt: the message.
        provider: who carries its channel now.
        message_class: of the message.
    """
    same = provider.name == doubt.provider  # else it knows neither the key nor the message
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
