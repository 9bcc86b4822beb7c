"""Watching: one worker at a time counts, judges, and notes what begins and what is over."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from sojourn.domain.alerts.judging import judge
from sojourn.insight.alerts.known import Known
from sojourn.insight.alerts.reading import read_facts
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, alerts, pulse
from sojourn.store.alerts import Turned


@dataclass(frozen=True)
class Watching:
    """Looks for alerts.

    A look is claimed, read and judged, and noted in one transaction. A worker that dies in between
    has noted nothing; the next look is due as ever.

    Args:
        store: open.
        known: the project and its installation.
        sinks: the names of those who are told.
        every: the distance of two looks.
    """

    store: Store
    known: Known
    sinks: Collection[str]
    every: timedelta

    @classmethod
    def of(cls, store: Store, settings: Settings, project: Project, sinks: Collection[str]) -> Self:
        """Watch an installation.

        Args:
            store: open.
            settings: of the installation.
            project: its journeys, events, audiences and campaigns.
            sinks: the names of those who are told.

        Returns:
            Ready to look.
        """
        return cls(store, Known.of(project, settings), sinks, settings.alerts_every)

    async def look(self, now: datetime) -> Turned:
        """Look, if a look is due.

        Args:
            now: by the machine's clock.

        Returns:
            What turned; nothing if another worker has looked.
        """
        async with self.store.transaction() as session:
            if not await alerts.claim_look(session, now, self.every):
                return Turned()
        await self._count(now)
        async with self.store.reading() as session:
            facts = await read_facts(session, self.known, now)
            standing = alerts.as_judged(await alerts.standing(session))
        found = judge(facts, standing)
        async with self.store.transaction() as session:
            return await alerts.turn(session, found, self.sinks, now)

    async def _count(self, now: datetime) -> None:
        """Count what has come since the last look."""
        known = {
            pulse.EVENT: set(self.known.project.events),
            pulse.JOURNEY: set(self.known.project.journeys),
        }
        for kind, names in known.items():
            more = True
            while more:
                async with self.store.transaction() as session:
                    more = await pulse.look(session, kind, names, now)
        async with self.store.transaction() as session:
            await pulse.forget(session, now)
