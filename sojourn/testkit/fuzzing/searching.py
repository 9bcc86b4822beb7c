"""Search for a script that breaks an invariant, and shrink it."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from random import Random
from time import monotonic

import hypothesis
from hypothesis.errors import NoSuchExample

from sojourn.domain.invariants import Breach
from sojourn.journeys.registry import Journeys
from sojourn.project import Project
from sojourn.testkit.fuzzing.drawing import DAY, MINUTE, Subject, scripts
from sojourn.testkit.fuzzing.memory import Memory
from sojourn.testkit.fuzzing.script import BEGIN, Publishes, Script
from sojourn.testkit.fuzzing.shrinking import shrunk
from sojourn.testkit.fuzzing.stage import Played, Stage

BATCH = 50
"""Scripts that are drawn from one seed."""
REAL = 10
"""Each so many-th script is played on the real gate, even if it breaks nothing in memory."""
TO_SHRINK = 60.0
"""Seconds that are spent on a smaller story, at most."""
LONGEST = 120 * DAY
"""The longest time after the last act: some journeys never end."""
MOST_SPANS = 24
"""Spans of the journeys' own that scripts are drawn from, at most."""


@dataclass(frozen=True)
class Found:
    """A script that breaks an invariant.

    Args:
        played: the smallest one that was found.
        project: with the journeys that took part.
        seed: of the search that found it.
    """

    played: Played
    project: Project
    seed: int


class Search:
    """A search for a script that breaks an invariant of some journeys.

    Args:
        stage: where scripts are played on the real gate.
        runner: of the loop that the stage is of.
        project: the whole one.
        journeys: the names of those that take part.
        seed: another one draws other scripts.
        to_shrink: seconds that are spent on a smaller story.
    """

    def __init__(
        self,
        stage: Stage,
        runner: asyncio.Runner,
        project: Project,
        journeys: tuple[str, ...],
        *,
        seed: int,
        to_shrink: float = TO_SHRINK,
    ) -> None:
        self._stage = stage
        self._runner = runner
        self.journeys = journeys
        file = project.policy
        policy = file.read_text("utf-8") if file is not None and file.is_file() else None
        self._project = replace(
            project, journeys=Journeys(project.journeys[name] for name in journeys)
        )
        self._subject = Subject.of(self._project, policy)
        memory = Memory(stage, self._project)
        self._memory = memory if memory.plays_all() else None
        self._seed = seed
        self._to_shrink = to_shrink
        self.stories = 0

    def batches(self, more: Callable[[], bool], most: int | None = None) -> Iterator[Found | None]:
        """Draw batch after batch; yield what each found, and end with the first breach.

        Args:
            more: whether another story is to be played.
            most: stories that are played, at most.

        Yields:
            None for a batch without a breach.
        """
        self._rehearse()
        batch = 0
        while more() and (most is None or self.stories < most):
            left = BATCH if most is None else min(BATCH, most - self.stories)
            found = self._batch(self._seed * 10_000 + batch, left, more)
            batch += 1
            yield found
            if found is not None:
                return

    def _rehearse(self) -> None:
        """Play each start alone: scripts go by the spans between the journeys' own moments."""
        spans: set[timedelta] = set()
        longest, most = 5 * DAY, 1
        for event in self._subject.events[: self._subject.starts]:
            for times in (1, 3):  # some journeys begin with the third event
                acts = (Publishes(event, self._subject.plain(event)),) * times
                waits = self._tried(Script(acts, BEGIN, rest=LONGEST)).waits
                if waits:
                    most = max(most, times)
                    break
            for before, then in pairwise([timedelta(0), *waits]):
                if (span := then - before) > MINUTE:
                    spans |= {span - MINUTE, span + MINUTE}
            longest = max([longest, *(one + 3 * DAY for one in waits[-1:])])
        self._subject = replace(
            self._subject,
            spans=sorted(spans)[:MOST_SPANS],
            rest=min(longest, LONGEST),
            times=most,
        )

    def _play(self, script: Script) -> Played:
        """Play a script on the real gate."""
        return self._runner.run(self._stage.play(script, self._project))

    def _tried(self, script: Script) -> Played:
        """Play a script in memory, where that is possible."""
        if self._memory is None:
            return self._play(script)
        return self._runner.run(self._memory.play(script))

    def _broken(self, script: Script, among: Collection[str] = ()) -> Played | None:
        """Return a script that breaks an invariant on the real gate, as it was played there.

        Args:
            script: to be played.
            among: the names of the invariants that count; none: all.

        Returns:
            It, with these breaches alone; None if it breaks nothing.
        """
        self.stories += 1
        is_real = self._memory is None or (not among and self.stories % REAL == 0)
        if not is_real and not _count(self._tried(script), among):
            return None
        played = self._play(script)
        played.breaches = _count(played, among)
        return played if played.breaches else None

    def _batch(self, seed: int, most: int, more: Callable[[], bool]) -> Found | None:
        known: dict[str, Played | None] = {}

        def breaks(script: Script) -> bool:
            name = repr(script)
            if name not in known:
                if not more():
                    return False
                known[name] = self._broken(script)
            return known[name] is not None

        settings = hypothesis.settings(
            max_examples=most,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        try:
            found = hypothesis.find(
                scripts(self._subject),
                breaks,
                settings=settings,
                random=Random(seed),  # noqa: S311 (a story's, not a secret's)
            )
        except NoSuchExample:
            return None
        first = known[repr(found)]
        assert first is not None, "it breaks something"
        return Found(self._shrunk(first), self._project, self._seed)

    def _shrunk(self, first: Played) -> Played:
        broken = {one.invariant for one in first.breaches}
        smallest = [first]
        until = monotonic() + self._to_shrink

        def breaks(script: Script) -> bool:
            if monotonic() > until or (played := self._broken(script, broken)) is None:
                return False
            smallest[0] = played
            return True

        shrunk(first.script, breaks)
        return smallest[0]


def _count(played: Played, among: Collection[str]) -> list[Breach]:
    return [one for one in played.breaches if not among or one.invariant in among]
