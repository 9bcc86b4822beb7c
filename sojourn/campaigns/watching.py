"""Watching audiences: each coming and going becomes an event, once.

A look asks the audience's question of all customers, at the moment of the look, so that changes by
time alone are seen as well. The first look, and the first one after the question has changed, notes
who is in and tells nobody: otherwise an audience that is new, or has a new question, would start a
run for everybody in it. `sojourn start --audience` reaches those who were in it before.
"""

import time
from datetime import UTC, datetime, timedelta

from sojourn.dispatch import Sojourn
from sojourn.domain.audience import Audience
from sojourn.domain.events import AudienceEntered, AudienceLeft, Event
from sojourn.domain.made_ids import made_id
from sojourn.store import members
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.all import holders
from sojourn.store.tables import MemberRow

PAGE = 5000
AT_ONCE = 200
"""Changes that are read at a time to be told."""


async def watch(sojourn: Sojourn, *, every: timedelta) -> int:
    """Look at the watched audiences that are due, and tell each change.

    Args:
        sojourn: open.
        every: the time between two looks at one audience.

    Returns:
        The number of changes that were told.

    Raises:
        TemporalUnavailable: the changes are stored, and their events; runs are told later.
    """
    told = 0
    for audience in sojourn.project.audiences.watched:
        now = datetime.now(UTC)
        async with sojourn.store.transaction() as session:
            row = await members.claim(
                session, audience.name, audience.digest, now=now, until=now + every
            )
            is_first = row is not None and row.looked_at is None
        if is_first:
            # changes that the former question found: left untold, they would hide those noted now
            told += await _tell(sojourn, audience)
        if row is not None:
            await look(sojourn, audience, now, quiet=is_first)
        told += await _tell(sojourn, audience)
    return told


async def look(sojourn: Sojourn, audience: Audience, now: datetime, *, quiet: bool) -> int:
    """Note who has come into an audience, and who has gone.

    It ends early if a worker of another release asks another question by now.

    Args:
        sojourn: open.
        audience: any of the project's.
        now: the moment at which its question is asked.
        quiet: no event tells of the changes.

    Returns:
        The number of customers in it.
    """
    began, after, size = time.monotonic(), "", 0
    name, digest = audience.name, audience.digest
    while True:
        async with sojourn.store.reading() as session:
            query = holders(
                audience.who,
                now,
                postgresql=is_postgresql(session),
                own=sojourn.project.topics.own,
            )
            page = await members.compare(session, name, query, after=after, limit=PAGE)
        size += page.size
        if page.entered or page.left:
            async with sojourn.store.transaction() as session:
                if not await members.asks(session, name, digest):
                    return size
                await members.turn(
                    session, name, entered=page.entered, left=page.left, at=now, quiet=quiet
                )
        if page.end is None:
            break
        after = page.end
    took = round((time.monotonic() - began) * 1000)
    async with sojourn.store.transaction() as session:
        await members.finish(session, name, digest, at=now, took_ms=took, size=size)
    return size


async def _tell(sojourn: Sojourn, audience: Audience) -> int:
    number = 0
    while True:
        async with sojourn.store.reading() as session:
            rows = await members.untold(session, audience.name, limit=AT_ONCE)
        for row in rows:
            await sojourn.publish(_event(audience, row), wait=False)
        async with sojourn.store.transaction() as session:
            await members.told(session, rows, at=datetime.now(UTC))
        number += len(rows)
        if len(rows) < AT_ONCE:
            return number


def _event(audience: Audience, row: MemberRow) -> Event:
    kind = AudienceEntered if row.inside else AudienceLeft
    return kind(
        message_id=made_id("audience", audience.name, row.id, row.turn, row.at),
        customer_id=row.customer_id,
        occurred_at=row.at,
        audience=audience.name,
    )
