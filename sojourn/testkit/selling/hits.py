"""All that providers tell of the messages of a shop: arrived, bounced, opened, clicked, complained.

Mail programs that fetch pictures ahead and scanners that follow links are among the readers. They
come by names that the engine knows, so that to judge their hits once more changes nothing.
"""

from typing import Any

import numpy as np

from sojourn.domain.measuring.hits import Machine
from sojourn.domain.messages import Channel
from sojourn.domain.reports import PROGRESS, Kind
from sojourn.testkit.selling.lives import HOUR, SECOND, Flags, Moments, Words

PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
RELAY = "Mozilla/5.0"
SCANNER = "BarracudaLinkScanner/1.0"
_MINUTE = 60 * SECOND
OPENS, FETCHES, CLICKS, SCANS = 0.35, 0.3, 0.06, 0.03
"""The parts of arrived e-mails that a person opens, a relay fetches, a person clicks in without
buying because of it, and a scanner looks through."""
MOVED_CLICK = 0.8
"""The part of those who buy because of a message that clicked in it."""
COMPLAINS, LEAVES = 0.0005, 0.003


def hits_of(
    channel: Channel, fate: Words, moved: Flags, sent: Moments, chance: np.random.Generator
) -> tuple[dict[str, Any], list[str | None], list[str | None], Any]:
    """Return what is told of messages.

    Args:
        channel: of them.
        fate: of each.
        moved: it made its customer buy.
        sent: when each had left.
        chance: of the rest.

    Returns:
        The reports by column; of each the agent, if it is an open or a click; of each message how
        far it came, and when.
    """
    size = len(fate)
    arrived = fate == "delivered"
    is_email = channel is Channel.EMAIL

    def some(part: float) -> Flags:
        found: Flags = arrived & is_email & (chance.random(size) < part)
        return found

    clicked = some(CLICKS) | (arrived & is_email & moved & (chance.random(size) < MOVED_CLICK))
    opened = some(OPENS) | clicked
    later = chance.integers(5 * _MINUTE, 8 * _MINUTE, size)
    told: tuple[tuple[Kind, Flags, Any, Machine | None, str | None], ...] = (
        (Kind.DELIVERED, arrived, _MINUTE, None, None),
        (Kind.BOUNCED, fate == "bounced", _MINUTE, None, None),
        (Kind.OPENED, some(FETCHES), 2 * _MINUTE, Machine.AGENT, RELAY),
        (Kind.CLICKED, some(SCANS), 3 * _MINUTE, Machine.AGENT, SCANNER),
        (Kind.OPENED, opened, later, None, PERSON),
        (Kind.CLICKED, clicked, later + _MINUTE, None, PERSON),
        (Kind.UNSUBSCRIBED, some(LEAVES), HOUR, None, None),
        (Kind.COMPLAINED, some(COMPLAINS), 2 * HOUR, None, None),
    )
    of: list[int] = []
    kinds: list[str] = []
    machines: list[str | None] = []
    agents: list[str | None] = []
    moments: list[Moments] = []
    progress: list[str | None] = [None] * size
    progress_at = np.full(size, np.iinfo(np.int64).min, dtype=np.int64)
    for kind, which, wait, machine, agent in told:
        chosen = np.flatnonzero(which)
        at = (sent + wait)[chosen]
        of += chosen.tolist()
        kinds += [kind.value] * len(chosen)
        machines += [machine and machine.value] * len(chosen)
        agents += [agent] * len(chosen)
        moments.append(at)
        if machine is None:
            for n in chosen.tolist():
                had = progress[n]
                if had is None or PROGRESS[Kind(had)] < PROGRESS[kind]:
                    progress[n] = kind.value
            progress_at[chosen] = at
    reports = {"of": of, "kind": kinds, "machine": machines, "at": np.concatenate(moments)}
    return reports, agents, progress, progress_at.astype("datetime64[us]")
