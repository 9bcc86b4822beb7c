"""`Stage`: a store and an engine on which scripts are played, each from the beginning."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any, Protocol
from zlib import crc32

from pydantic import ValidationError
from sqlmodel import SQLModel

from sojourn.domain.errors import BadEvent, BadInput
from sojourn.domain.events import Event
from sojourn.domain.events.samples import made_up_ids
from sojourn.domain.invariants import Breach, Story
from sojourn.domain.quiet_hours import QuietHours
from sojourn.journeys.stepping import LocalRun
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit.engines import in_process
from sojourn.testkit.engines.in_process import MOMENT
from sojourn.testkit.fuzzing.script import Act, Ahead, Publishes, Says, Script, Stops
from sojourn.testkit.kit import JourneyTest
from sojourn.testkit.stories import breaches

CUSTOMER = "c1"
"""The same in each story, since messages spread out by their ids, and these begin with it."""
NIGHT = time(21), time(9)
"""The quiet hours where a policy names none."""
CIRCLE = 300
"""Waits, or messages asked for, of one run: one with more goes round in a circle."""
FAILS = "no journey fails"
CIRCLES = "no run goes round in a circle"


@dataclass(frozen=True)
class Done:
    """An act that was done.

    Args:
        at: when.
        act: as the script has it.
        event: the event that was published.
        waited: the time that had passed since the act before.
    """

    at: datetime
    act: Act
    waited: timedelta
    event: Event | None = None


@dataclass
class Played:
    """A script that was played.

    Args:
        script: that was played.
        done: the acts that could be done.
        story: that came of it; None: a journey failed.
        breaches: of invariants.
        waits: the moments at which waits of runs ended, from the first act on.
        rested: the time that passed after the last act.
    """

    script: Script
    done: list[Done] = field(default_factory=list)
    story: Story | None = None
    breaches: list[Breach] = field(default_factory=list)
    waits: list[timedelta] = field(default_factory=list)
    rested: timedelta = timedelta(0)


class Stage:
    """A store and an engine on which scripts are played, each from the beginning.

    Args:
        store: migrated and empty.
        settings: of the store.
        folder: for the policies of scripts.
    """

    def __init__(self, store: Store, settings: Settings, folder: Path) -> None:
        self._store = store
        self._settings = settings
        self._folder = folder
        self._kept: set[str] = set()

    async def play(self, script: Script, project: Project) -> Played:
        """Play a script on the journeys of a project, and ask for breaches.

        Args:
            script: to be played.
            project: with the journeys that take part.

        Returns:
            The acts that could be done, and what came of them.
        """
        await self._wipe()
        settings, project = self.under(script.policy, project)
        played = Played(script)
        async with in_process.serving(self._store, settings, project, most=CIRCLE) as engine:
            test = _Quick(engine, self._store, settings, "", CUSTOMER, project=project)
            test.begin_at(script.begin)
            try:
                await Playing(test, played).all(script)
                played.story = await test.story()
                played.breaches = breaches(project, played.story)
            except Exception as error:  # of a journey's own steps: the worst of breaches
                said = " ".join(str(error).split())
                played.breaches = [
                    Breach(f"{type(error).__name__}: {said}", (await test.now(),), FAILS)
                ]
            played.breaches += circles(engine.runs)
            played.waits = moments(engine.runs, script.begin, await test.now())
            await test.stop_all()
        return played

    def under(self, policy: str | None, project: Project) -> tuple[Settings, Project]:
        """Return settings and project under a policy.

        Args:
            policy: its text; None: none holds, nor do quiet hours.
            project: with the journeys that take part.

        Returns:
            Both.
        """
        if policy is None:
            return (
                self._settings.model_copy(update={"quiet_hours": None}),
                replace(project, policy=None),
            )
        file = self._folder / f"policy-{crc32(policy.encode())}.toml"
        if not file.exists():
            file.write_text(policy, encoding="utf-8")
        return self._settings, replace(project, policy=file)

    async def _wipe(self) -> None:
        """Empty the tables that had no row after the migration."""
        tables = [table.name for table in SQLModel.metadata.sorted_tables]
        async with self._store.engine.begin() as connection:
            if not self._kept:
                found = await connection.exec_driver_sql(
                    " UNION ALL ".join(
                        f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM \"{name}\")"  # noqa: S608
                        for name in tables
                    )
                )
                self._kept = {"", *(row[0] for row in found)}
            raw = await connection.get_raw_connection()
            assert raw.driver_connection is not None
            await raw.driver_connection.executescript(
                ";".join(f'DELETE FROM "{n}"' for n in reversed(tables) if n not in self._kept)  # noqa: S608
            )


class _Quick(JourneyTest):
    """A test that does not read what has happened after each act."""

    async def settled(self) -> None:
        """Let every run come to rest."""
        await self._engine.rest(())


class Customer(Protocol):
    """The verbs of a script, as `JourneyTest` has them."""

    async def now(self) -> datetime:
        """Return the journeys' clock."""
        ...

    async def identify(self, **traits: Any) -> None:
        """Change the customer."""
        ...

    async def publish(self, event: Event) -> Any:
        """Publish an event."""
        ...

    async def after(self, duration: timedelta) -> None:
        """Let time pass."""
        ...

    async def stop(self, reason: str) -> None:
        """Stop the newest run."""
        ...


class Playing:
    """The acts of one script, done one after the other.

    Args:
        test: does them.
        played: takes note of what was done.
    """

    def __init__(self, test: Customer, played: Played) -> None:
        self._test = test
        self._played = played
        self._waited = timedelta(0)

    async def all(self, script: Script) -> None:
        """Do them; those that cannot be done are left out."""
        if script.traits:
            await self._test.identify(**script.traits)
        for number, act in enumerate(script.acts, start=1):
            if act.after:
                await self._test.after(act.after)
                self._waited += act.after
            at = await self._test.now()
            event: Event | None = None
            match act:
                case Publishes():
                    if (event := await self._publish(act, at, number)) is None:
                        continue
                case Says():
                    await self._test.identify(**act.traits)
                case Stops():
                    if not await self._stop():
                        continue
            self._played.done.append(Done(at, act, self._waited, event))
            self._waited = timedelta(0)
        await self._test.after(script.rest)
        self._played.rested = self._waited + script.rest

    async def _publish(self, act: Publishes, now: datetime, number: int) -> Event | None:
        given: dict[str, Any] = {
            **made_up_ids(act.event),
            **resolved(act.fields, now),
            "customer_id": CUSTOMER,
            "occurred_at": now - act.late,
            # the same in each play: hypothesis needs one story to have one end
            "message_id": act.id or f"e{number}",
        }
        try:
            event = act.event(**given)
            await self._test.publish(event)
        except (ValidationError, BadEvent):
            return None
        return event

    async def _stop(self) -> bool:
        try:
            await self._test.stop("a test")
        except BadInput:  # it has no run, or those of several journeys
            return False
        return True


def resolved(fields: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Return the values of fields at a moment."""
    return {n: value.at(now) if isinstance(value, Ahead) else value for n, value in fields.items()}


@asynccontextmanager
async def stage(folder: Path) -> AsyncIterator[Stage]:
    """Set a stage up.

    Args:
        folder: an empty one, for its database.

    Yields:
        The stage.
    """
    settings = Settings(
        home=folder,
        database_url=f"sqlite:///{folder / 'fuzz.db'}",
        quiet_hours=QuietHours(*NIGHT),
        track_clicks=False,
    )
    async with await Store.open(settings.store_url, migrate=True) as store:
        yield Stage(store, settings, folder)


def circles(runs: Iterable[LocalRun]) -> list[Breach]:
    """Return a breach for each run that was left off because it goes round in a circle."""
    return [
        Breach(f"{run.journey.name} waits or sends again and again", (), CIRCLES)
        for run in runs
        if not run.is_open and run.result is None and len(run.waits) > CIRCLE
    ]


def moments(runs: Iterable[LocalRun], begin: datetime, now: datetime) -> list[timedelta]:
    """Return the moments at which waits of runs ended.

    Args:
        runs: that were played.
        begin: the moment from which they are counted.
        now: the last moment.

    Returns:
        The spans from the beginning, each once, in order.
    """
    ended = {wait.ended - begin for run in runs for wait in run.waits if wait.ended <= now}
    return sorted(one for one in ended if one > MOMENT)
