"""`Brakes`: the shares of bounces and complaints at which a campaign stops itself.

A share of few messages says little: 3 of 20 that bounce may be chance. The certain share counts,
the lower end of Wilson's 95 % interval.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from sojourn.domain.messages import Channel

CERTAINTY = 1.96
"""Standard deviations on either side of what is seen: 95 % of cases lie within them."""


class Harm(StrEnum):
    """An end of a message that harms its sender's name with mailbox providers."""

    BOUNCED = "bounced"
    """Its address takes nothing, and never will."""
    COMPLAINED = "complained"
    """Its reader calls it spam."""


@dataclass(frozen=True)
class Tally:
    """The messages that have left, and the harm that they did.

    Args:
        left: messages that a provider took, or refused because the address is dead.
        bounced: of these, messages whose address takes nothing.
        complained: of these, messages that their readers call spam.
    """

    left: int
    bounced: int
    complained: int


@dataclass(frozen=True)
class Brakes:
    """The shares at which a campaign stops itself.

    Args:
        bounces: the share of messages that bounced for good; None: they do not stop it.
        complaints: the share that was complained about; None: they do not stop it.
        least: the number of messages that must have left before a share stops it.

    Raises:
        TypeError: an argument makes no sense; one line names it.
    """

    bounces: float | None = 0.05
    complaints: float | None = 0.001
    least: int = 200

    def __post_init__(self) -> None:
        """Check what was given."""
        for name in ("bounces", "complaints"):
            share = getattr(self, name)
            if share is not None and not (_is_number(share) and 0 < share < 1):
                raise TypeError(f"Brakes: {name}= is a share of messages, 0.05 for 5 %, or None")
        if not isinstance(self.least, int) or isinstance(self.least, bool) or self.least < 1:
            raise TypeError("Brakes: least= is a number of messages: least=200")

    def why(self, tally: Tally, channel: Channel) -> str:
        """Say why a campaign with these numbers stops; empty: it goes on.

        Args:
            tally: its messages by a channel.
            channel: by which they went.

        Returns:
            A reason for people; it names no address.
        """
        if tally.left < self.least:
            return ""
        for number, limit, what in (
            (tally.bounced, self.bounces, "bounced"),
            (tally.complained, self.complaints, "were complained about"),
        ):
            if limit is not None and certain_share(number, tally.left) > limit:
                return (
                    f"{share(number, tally.left)} of {tally.left:,} messages by {channel} {what}, "
                    f"over {100 * limit:g} %"
                )
        return ""


def certain_share(number: int, of: int) -> float:
    """Return the certain share of a kind: the lower end of Wilson's interval.

    It falls as others come in.

    Args:
        number: of the kind.
        of: all of them.

    Returns:
        From 0 to 1; 0 of none.
    """
    if of <= 0 or number <= 0:
        return 0.0
    seen = min(number / of, 1.0)
    z = CERTAINTY**2 / of
    spread = CERTAINTY * sqrt(seen * (1 - seen) / of + z / (4 * of))
    return max((seen + z / 2 - spread) / (1 + z), 0.0)


def share(number: int, of: int) -> str:
    """Return a share for people: ``6.2 %``."""
    return f"{100 * number / of:.3g} %" if of else "0 %"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
