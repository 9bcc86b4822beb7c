"""Play a season on the real engine: customers act, time passes, messages come, customers react."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sojourn.cli.local.stack import time_skipping_stack
from sojourn.cli.season.agenda import Body
from sojourn.cli.season.life import Life
from sojourn.cli.season.replies import Letter
from sojourn.cli.season.staff import Staff
from sojourn.cli.season.told import Did, Said, Told
from sojourn.cli.time_travel import TimeTravel, Unknown
from sojourn.dispatch.calls import Track, read_call
from sojourn.domain.alias import Alias
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import Store, ledger
from sojourn.store.tables import ContentRow, LedgerRow

LOOK = timedelta(hours=6)
"""The longest time between two looks into the letter boxes."""
OVERLAP = timedelta(seconds=5)
"""The overlap of two looks, since a message is dated before its row can be read."""
MOST = 5000
"""The most messages that one customer can get in a season."""


SAYING = ("subject", "title", "body", "text")
"""The parts of a message that are read."""
_LINK = re.compile(r"https?://\S+")


@dataclass
class Season:
    """A finished season.

    Args:
        begins: its first moment.
        days: its length.
        customers: the season of each customer.
        unknown: runs and events without a known outcome.
        refused: calls that this project's events do not allow, with the reason.
        calls: the number of calls by the customers and the shop.
    """

    begins: datetime
    days: int
    customers: list[Told] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    calls: int = 0


async def play(
    settings: Settings,
    project: Project,
    *,
    customers: int,
    days: int,
    seed: int,
    begins: datetime,
    progress: Callable[[float], None] = lambda day: None,
    on_restart: Callable[[int], None] = lambda code: None,
) -> Season:
    """Play a season.

    Args:
        settings: the settings, with a separate ``home`` and database for the season's state.
        project: the project with its journeys and events.
        customers: the number of customers.
        days: the length of the season.
        seed: the seed; another one gives another season.
        begins: the first moment of the season.
        progress: called with the current day, counted from 0.
        on_restart: called with the exit code when the worker died and is restarted.

    Returns:
        The season: what each customer did and received.

    Raises:
        Unavailable: a server does not start or has gone, or nothing moves and no run is to blame.
    """
    lives = {life.customer_id: life for life in _lives(customers, seed, begins)}
    did: dict[str, list[Did]] = {name: [] for name in lives}
    ends = begins + timedelta(days=days)
    season = Season(begins, days)
    async with time_skipping_stack(settings, cached=True, on_restart=on_restart) as stack:
        travel = await TimeTravel.begin(stack, project, begins)
        box, staff = _LetterBox(stack.store), Staff(stack.store, seed)
        now = begins
        while now < ends:
            progress((now - begins) / timedelta(days=1))
            next_up = min(lives.values(), key=lambda life: life.due)
            look = min(now + LOOK, ends)
            if staff.due <= min(next_up.due, look):
                now = max(now, staff.due)
                whose, deed = await staff.answer(travel)
                did[whose].append(deed)
                await travel.rest()
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
                    await travel.take(call)
                    await travel.rest()
            else:
                now = look
                await travel.advance(now)
                await travel.rest()
            await staff.look()
            for row in await box.opened():
                if row.customer_id in lives:
                    lives[row.customer_id].receives(_letter(row), now)
        season.unknown = travel.unknown
        for name, life in lives.items():
            said = await box.said_to(name)
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


def _letter(row: LedgerRow) -> Letter:
    return Letter(
        row.journey,
        row.step,
        row.channel,
        row.message_class == "promotional",
        row.workflow_id,
    )


class _LetterBox:
    """Everybody's letter box."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: set[int] = set()
        self._looked = datetime.min.replace(tzinfo=UTC)

    async def opened(self) -> list[LedgerRow]:
        """Return the messages since the last look, sorted by minute and name.

        Within a moment, the order in which the engine sends messages is chance.
        """
        since, self._looked = self._looked, datetime.now(UTC) - OVERLAP
        async with self._store.reading() as session:
            rows = await ledger.sent_since(session, since)
        new = [row for row in rows if row.id not in self._seen]
        self._seen |= {row.id for row in new if row.id is not None}
        return sorted(
            new,
            key=lambda row: (row.decided_at.replace(second=0, microsecond=0), row.ledger_key),
        )

    async def said_to(self, customer_id: str) -> list[Said]:
        """Return all messages decided on for a customer, oldest first."""
        async with self._store.reading() as session:
            contents = {
                row.id: content
                for row, content in await ledger.outbox(
                    session, customer_id=customer_id, limit=MOST
                )
            }
            rows = await ledger.of_customer(session, customer_id)
        said = [_said(row, contents.get(row.id)) for row in rows]
        return sorted(said, key=lambda one: one.at)


def _said(row: LedgerRow, content: ContentRow | None) -> Said:
    words: Mapping[str, Any] = content.content if content else {}
    headline = words.get("subject") or words.get("title") or words.get("text", "")
    return Said(
        at=row.decided_at.astimezone(UTC),
        workflow_id=row.workflow_id,
        journey=row.journey,
        step=row.step,
        channel=row.channel,
        message_class=row.message_class,
        state=row.state,
        reason=row.reason or "",
        held_until=row.held_until,
        headline=str(headline).split("\n", 1)[0],
        words=_LINK.sub("", " ".join(str(words[part]) for part in SAYING if part in words)),
    )
