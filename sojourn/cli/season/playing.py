"""Play a season: customers act, time passes, messages come, customers react."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sojourn.cli.season.agenda import Body
from sojourn.cli.season.life import Life
from sojourn.cli.season.staff import Staff
from sojourn.cli.season.stage import Stage
from sojourn.cli.season.told import Did, Told
from sojourn.cli.time_travel import Unknown
from sojourn.dispatch.calls import Track, read_call
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent
from sojourn.project import Project
from sojourn.settings import Settings

LOOK = timedelta(hours=6)
"""The longest time between two looks into the letter boxes."""


@dataclass
class Season:
    """A finished season.

    Args:
        begins: its first moment.
        days: its length.
        customers: the season of each customer.
        unknown: runs and events without a known outcome.
        left_out: journeys that its stage does not play.
        refused: calls that this project's events do not allow, with the reason.
        calls: the number of calls by the customers and the shop.
    """

    begins: datetime
    days: int
    customers: list[Told] = field(default_factory=list)
    unknown: Sequence[Unknown] = ()
    left_out: Sequence[str] = ()
    refused: list[str] = field(default_factory=list)
    calls: int = 0


async def play(
    stage: Stage,
    settings: Settings,
    project: Project,
    *,
    customers: int,
    days: int,
    seed: int,
    begins: datetime,
    progress: Callable[[float], None] = lambda day: None,
) -> Season:
    """Play a season.

    Args:
        stage: the engine, with its clock at the first moment of the season.
        settings: of the season's installation.
        project: the project with its journeys and events.
        customers: the number of customers.
        days: the length of the season.
        seed: the seed; another one gives another season.
        begins: the first moment of the season.
        progress: called with the current day, counted from 0.

    Returns:
        The season: what each customer did and received.

    Raises:
        Unavailable: a server has gone, or nothing moves and no run is to blame.
    """
    lives = {life.customer_id: life for life in _lives(customers, seed, begins)}
    did: dict[str, list[Did]] = {name: [] for name in lives}
    ends = begins + timedelta(days=days)
    season = Season(begins, days)
    staff = Staff(stage, seed)
    now = begins
    while now < ends:
        progress((now - begins) / timedelta(days=1))
        await asyncio.sleep(0)  # a stage in memory never waits, and Ctrl-C comes in between
        next_up = min(lives.values(), key=lambda life: life.due)
        look = min(now + LOOK, ends)
        if staff.due <= min(next_up.due, look):
            now = max(now, staff.due)
            whose, deed = await staff.answer()
            did[whose].append(deed)
            await stage.rest()
        elif next_up.due <= look:
            now = max(now, next_up.due)
            for body in next_up.live():
                season.calls += 1
                try:
                    call = _read(body, project, settings)
                except BadEvent as error:  # the project has its own event of that name
                    season.refused.append(f"{body.get('event', body['type'])}: {error}")
                    continue
                did[next_up.customer_id].append(_noted(body))
                await stage.take(call)
                await stage.rest()
        else:
            now = look
            await stage.advance(now)
            await stage.rest()
        await staff.look()
        for customer_id, letter in await stage.letters():
            if customer_id in lives:
                lives[customer_id].receives(letter, now)
    season.unknown, season.left_out = stage.unknown, stage.left_out
    for name, life in lives.items():
        said = await stage.said_to(name)
        season.customers.append(
            Told(name, life.first_name, life.temper.name, life.timezone, did[name], said)
        )
    return season


def _lives(customers: int, seed: int, begins: datetime) -> Iterator[Life]:
    for number in range(customers):
        yield Life(number, seed, begins)


def _read(body: Body, project: Project, settings: Settings) -> Track | Identity | Alias:
    """Read a call in the same way as any sender's."""
    read = read_call(body, project.events, within=settings.clock_skew)
    if not isinstance(read, Track | Identity | Alias):
        raise TypeError(f"a season makes no such call: {body['type']}")
    return read


def _noted(body: Body) -> Did:
    at = datetime.fromisoformat(body["timestamp"])
    return Did(at, body.get("event", ""), body.get("properties") or body.get("traits") or {})
