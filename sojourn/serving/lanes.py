"""`Lanes`: the part of an installation that a worker serves."""

from dataclasses import dataclass

from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel

JOURNEYS = "journeys"


@dataclass(frozen=True)
class Lanes:
    """The channels that are served, and whether the journeys are."""

    journeys: bool = True
    channels: tuple[Channel, ...] = tuple(Channel)


EVERYTHING = Lanes()


def read_lanes(told: str) -> Lanes:
    """Read ``sms,push``: these channels; with ``journeys`` among them, the journeys as well.

    Raises:
        BadInput: there is no such channel.
    """
    names = [name.strip() for name in told.split(",")]
    known = [JOURNEYS, *(channel.value for channel in Channel)]
    if unknown := [name for name in names if name not in known]:
        raise BadInput(f'--channels: no channel "{unknown[0]}": choose one of: {", ".join(known)}')
    return Lanes(JOURNEYS in names, tuple(channel for channel in Channel if channel in names))
