"""The caps that a launch would meet because open runs write to the same customers before it."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from sojourn.domain.messages import Delivery, Reason, Status
from sojourn.garbage import OF_A_WORLD, rarely_collected
from sojourn.in_memory.world import done
from sojourn.insight.leading.leading import taken_up
from sojourn.insight.leading.snapshot import Snapshot
from sojourn.project import Project
from sojourn.settings import Settings

OF_CAPS = (Reason.CAP, Reason.GAVE_WAY)

Message = tuple[Delivery, datetime]
"""A message of a campaign, and the moment at which it may leave."""


class Ahead(BaseModel):
    """The messages of a launch whose customers have open runs.

    Args:
        asked: how many.
        held: those that a cap would hold by then.
        skipped: those that a cap would keep from leaving.
    """

    asked: int = 0
    held: int = 0
    skipped: int = 0

    def scaled(self, by: float) -> Self:
        """Return the numbers for all, of which these are those for a sample."""
        return type(self)(
            asked=round(self.asked * by),
            held=round(self.held * by),
            skipped=round(self.skipped * by),
        )


def ahead(
    snapshot: Snapshot, project: Project, settings: Settings, messages: Iterable[Message]
) -> Ahead:
    """Lead the open runs on to each message of a launch, and ask the gate about it there.

    Args:
        snapshot: the installation.
        project: has the journeys and the policy.
        settings: of the installation.
        messages: of the launch, those that would leave if it were asked now.

    Returns:
        The messages whose customers have open runs, and those that a cap meets.
    """
    asked = 0
    met: Counter[Status] = Counter()
    with rarely_collected(OF_A_WORLD):
        world = taken_up(snapshot, project, settings).world
        for delivery, ready in sorted(messages, key=lambda one: one[1]):
            person = world.registry.people.get(delivery.customer_id)
            if person is None or not person.runs:
                continue
            world.advance(max(ready, world.now))
            asked += 1
            # the audience was asked about already, and memory knows no lists
            plain = delivery.model_copy(update={"still": {}, "useful_for": None})
            receipt, _ = done(world.send(plain))
            if receipt.reason in OF_CAPS:
                met[receipt.status] += 1
        world.close()
    return Ahead(asked=asked, held=met[Status.DEFERRED], skipped=met[Status.SKIPPED])
