"""Reading: the counts that alerts are judged by, of the pulse and the rollups."""

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.alerts.harm import Mailbox
from sojourn.domain.alerts.judging import ALL, Audience, Facts
from sojourn.domain.alerts.silence import Line, Of
from sojourn.domain.alerts.spans import WEEKS, WINDOWS, Span, Window, spans
from sojourn.domain.alerts.surge import Day, Surge
from sojourn.domain.calendar import zone
from sojourn.domain.messages import Channel
from sojourn.domain.public_holidays import holiday, read_place
from sojourn.domain.switches import Part, first
from sojourn.project import Project
from sojourn.settings import Settings
from sojourn.store import pulse, switches
from sojourn.store.tables import SwitchRow

ROLLUPS, REASONS, AUDIENCES, MEMBERS, CAMPAIGNS = (
    SQLModel.metadata.tables[name]
    for name in ("rollups", "rollup_reasons", "audiences", "members", "campaigns")
)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
SETTLED_AFTER = timedelta(hours=1)
"""Messages that were due at midnight have left by then, or wait for a reason."""
HELD_FOR = 1000
"""Switches that are looked at: those that are on, and the newest of the others."""
FEWEST_OCCASIONS, OCCASIONS = 2, 3
"""Audiences of a campaign that its newest one is compared with."""


@dataclass(frozen=True)
class Reading:
    """Reads the counts of an installation.

    Args:
        project: its journeys, events, audiences and campaigns.
        tz: of the installation.
        places: on whose common holidays nothing is expected.
    """

    project: Project
    tz: ZoneInfo
    places: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, project: Project, settings: Settings) -> "Reading":
        """Read for an installation.

        Args:
            project: its journeys, events, audiences and campaigns.
            settings: its zone and its holidays.

        Returns:
            Ready to read.
        """
        places = tuple(read_place(one) for one in settings.alerts_holidays)
        return cls(project, zone(settings.timezone), places)

    async def facts(self, session: AsyncSession, now: datetime) -> Facts:
        """Return all that alerts are judged by.

        Args:
            session: any session.
            now: by the machine's clock.

        Returns:
            The counts.
        """
        held = await switches.history(session, HELD_FOR)
        lines = [line async for line in self._hours(session, held)]
        today = now.astimezone(self.tz).date()
        since = today - (WEEKS + 2) * WEEK
        days = await _days(session, since.isoformat())
        lines += self._sends(days, now, held)
        return Facts(
            lines=tuple(lines),
            surges=tuple(await self._surges(session, days, today)),
            mailboxes=tuple(await _mailboxes(session, today)),
            audiences=tuple(await self._audiences(session, now)),
            starts=self.starts,
        )

    @property
    def starts(self) -> Mapping[str, tuple[str, ...]]:
        """The journeys that start on an event, by its name."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, journey in self._journeys().items():
            for event in journey.terms.starts_on:
                found[event.event_name].append(name)
        return {event: tuple(names) for event, names in sorted(found.items())}

    def _journeys(self) -> Mapping[str, Any]:
        off = self.project.journeys.off
        return {name: one for name, one in self.project.journeys.items() if name not in off}

    def _is_holiday(self, day: date) -> bool:
        return bool(self.places) and all(holiday(day, *place) for place in self.places)

    # ---- events and runs -------------------------------------------------------------------

    async def _hours(self, session: AsyncSession, held: Sequence[SwitchRow]) -> AsyncIterator[Line]:
        end = await pulse.known_until(session)
        if end is None:
            return
        end = end.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        looked = []
        for window in WINDOWS:
            now, before = spans(end, window, self.tz, self._is_holiday)
            # of a span that is like no other the count is wanted all the same: what is back counts
            at = Span(end - window.length, end)
            looked.append(_Looked(window, at, before if now is not None else ()))
        wanted = list(dict.fromkeys(span for one in looked for span in (one.at, *one.before)))
        events = await pulse.sums(session, pulse.EVENT, wanted)
        runs = await pulse.sums(session, pulse.JOURNEY, wanted)
        known = self.project.events
        starts = self.starts
        journeys = self._journeys()
        every = [sums for name, sums in events.items() if name in known]
        for one in looked:
            yield _together(every, one)
            for name, sums in events.items():
                if name in starts:
                    yield _line(Of.EVENT, name, sums, one)
                elif name not in known:
                    yield _line(Of.STRANGER, name, sums, one)
            for name, sums in runs.items():
                journey = journeys.get(name)
                if journey is not None and not _was_held(
                    held, Part.ENTRIES, name, journey.topic, one.at.begin
                ):
                    yield _line(Of.JOURNEY, name, sums, one)

    # ---- messages --------------------------------------------------------------------------

    def _sends(
        self, days: Mapping[tuple[str, str], "_Due"], now: datetime, held: Sequence[SwitchRow]
    ) -> Iterator[Line]:
        """Yield the messages that left yesterday, and in the week that ended with it."""
        local = now.astimezone(self.tz)
        last = (local - SETTLED_AFTER).date() - DAY
        begins = {name: min(day for one, day in days if one == name) for name, _ in days}
        for name, journey in self._journeys().items():
            if name not in begins:
                continue
            begin = datetime.combine(last, datetime.min.time(), self.tz)
            for words, length in (("1 day", 1), ("7 days", 7)):
                if _was_held(held, Part.SENDS, name, journey.topic, begin - (length - 1) * DAY):
                    continue
                seen, *before = (
                    [last - weeks * WEEK - n * DAY for n in range(length)]
                    for weeks in range(WEEKS + 1)
                )
                usual = [
                    sum(_left(days, name, day) for day in some)
                    for some in before
                    if some[-1].isoformat() >= begins[name] and not self._is_unusual(some)
                ]
                if self._is_unusual(seen):
                    usual = []
                number = sum(_left(days, name, day) for day in seen)
                yield Line(Of.SENDS, name, words, number, tuple(usual))

    def _is_unusual(self, days: Collection[date]) -> bool:
        return 4 * sum(map(self._is_holiday, days)) >= len(days)

    async def _surges(
        self, session: AsyncSession, days: Mapping[tuple[str, str], "_Due"], today: date
    ) -> Iterable[Surge]:
        weeks = [today - n * WEEK for n in range(1, WEEKS + 1)]
        wanted = [today, today - DAY, *weeks]
        query = (
            select(ROLLUPS.c.source, REASONS.c.reason, ROLLUPS.c.day, func.sum(REASONS.c.n))
            .join_from(ROLLUPS, REASONS, REASONS.c.rollup_id == ROLLUPS.c.id)
            .where(ROLLUPS.c.day.in_([day.isoformat() for day in wanted]))
            .group_by(ROLLUPS.c.source, REASONS.c.reason, ROLLUPS.c.day)
        )
        found: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)
        for source, reason, day, number in await _run(session, query):
            found[source, reason][day] = int(number)

        def on(day: date, source: str, numbers: Mapping[str, int]) -> Day:
            due = days.get((source, day.isoformat()), _Due())
            return Day(numbers.get(day.isoformat(), 0), due.due)

        return [
            Surge(
                source,
                reason,
                on(today, source, numbers),
                on(today - DAY, source, numbers),
                tuple(day for one in weeks if (day := on(one, source, numbers)).due),
            )
            for (source, reason), numbers in sorted(found.items())
        ]

    # ---- audiences -------------------------------------------------------------------------

    async def _audiences(self, session: AsyncSession, now: datetime) -> list[Audience]:
        query = select(AUDIENCES.c.name, AUDIENCES.c.size).where(AUDIENCES.c.looked_at.is_not(None))
        watched = {one.name for one in self.project.audiences.watched}
        found = []
        for name, size in (await _run(session, query)).all():
            if name in watched:
                had = size or await _left_lately(session, name, now)
                found.append(Audience(name, size, had, (f"sojourn audience show {name}",)))
        query = (
            select(CAMPAIGNS.c.name, CAMPAIGNS.c.size)
            .where(CAMPAIGNS.c.frozen_at.is_not(None), CAMPAIGNS.c.frozen_at >= now - 52 * WEEK)
            .order_by(CAMPAIGNS.c.frozen_at.desc())
        )
        sizes: dict[str, list[int]] = defaultdict(list)
        for name, size in await _run(session, query):
            sizes[name].append(size)
        for name, (size, *before) in sizes.items():
            if name in self.project.campaigns:
                usual = before[:OCCASIONS]
                had = min(usual) if len(usual) >= FEWEST_OCCASIONS else 0
                look = (f"sojourn campaign show {name}", f"sojourn campaign check {name}")
                found.append(Audience(name, size, had, look))
        return found


@dataclass(frozen=True)
class _Looked:
    """A window: the span that is looked at, and those that count of the weeks before."""

    window: Window
    at: Span
    before: tuple[Span, ...]


@dataclass(frozen=True)
class _Due:
    """The messages of a source on a day."""

    due: int = 0
    left: int = 0


def _line(of: Of, name: str, sums: pulse.Sums, looked: _Looked) -> Line:
    known = tuple(sums.counts[one] for one in looked.before if one.begin >= sums.first)
    return Line(of, name, looked.window.words, sums.counts[looked.at], known)


def _together(every: Sequence[pulse.Sums], looked: _Looked) -> Line:
    began = min((sums.first for sums in every), default=looked.at.end)
    known = tuple(
        sum(sums.counts[one] for sums in every) for one in looked.before if one.begin >= began
    )
    seen = sum(sums.counts[looked.at] for sums in every)
    return Line(Of.ALL, ALL, looked.window.words, seen, known)


def _was_held(
    held: Iterable[SwitchRow], part: Part, journey: str, topic: str, since: datetime
) -> bool:
    """Tell whether an operator held a journey back at a time since then."""
    on = [
        switches.switch(row)
        for row in held
        if row.part == part and (row.ended_at is None or row.ended_at > since)
    ]
    return first(on, journey=journey, topics=[topic]) is not None


def _left(days: Mapping[tuple[str, str], _Due], name: str, day: date) -> int:
    return days.get((name, day.isoformat()), _Due()).left


async def _days(session: AsyncSession, since: str) -> Mapping[tuple[str, str], _Due]:
    """Return the messages of each source and day."""
    names = ("due", "held", "sent", "unknown", "skipped", "rejected", "expired")
    query = (
        select(ROLLUPS.c.source, ROLLUPS.c.day, *(func.sum(ROLLUPS.c[name]) for name in names))
        .where(ROLLUPS.c.day >= since, ROLLUPS.c.step != "")
        .group_by(ROLLUPS.c.source, ROLLUPS.c.day)
    )
    found = {}
    for source, day, *numbers in await _run(session, query):
        due, held, sent, unknown, skipped, rejected, expired = map(int, numbers)
        left = sent + unknown
        waits = due - left - skipped - rejected - expired
        # what is held leaves later; what waits without being held is stuck, which is silence
        found[source, day] = _Due(due, left + max(min(waits, held), 0))
    return found


async def _mailboxes(session: AsyncSession, today: date) -> list[Mailbox]:
    """Return the e-mails of the last seven days, of each mailbox provider and of all."""
    names = ("sent", "bounced", "complained")
    query = (
        select(ROLLUPS.c.mailbox, *(func.sum(ROLLUPS.c[name]) for name in names))
        .where(ROLLUPS.c.day > (today - WEEK).isoformat(), ROLLUPS.c.channel == Channel.EMAIL.value)
        .group_by(ROLLUPS.c.mailbox)
    )
    found = [Mailbox(name, *map(int, numbers)) for name, *numbers in await _run(session, query)]
    every = Mailbox(
        ALL,
        sum(one.sent for one in found),
        sum(one.bounced for one in found),
        sum(one.complained for one in found),
    )
    return [*(one for one in found if one.name), every]


async def _left_lately(session: AsyncSession, name: str, now: datetime) -> int:
    query = select(func.count()).where(
        MEMBERS.c.audience == name, MEMBERS.c.inside.is_(False), MEMBERS.c.at >= now - DAY
    )
    return int((await _run(session, query)).scalar_one())


async def _run(session: AsyncSession, query: Any) -> Any:
    return await (await session.connection()).execute(query)
