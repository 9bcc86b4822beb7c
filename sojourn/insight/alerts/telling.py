"""Telling: each word of an alert to each of those who are told, once.

A word is claimed, told, then noted as told. Whatever dies between the two last, it is told again:
under the same id to a webhook, which tells the two apart. Nothing else is told twice, and nothing
not at all.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from sojourn.domain.alerts.alert import Word
from sojourn.insight.alerts.sinks import Said, Sink
from sojourn.store import Store, alerts
from sojourn.store.tables import AlertRow, AlertTellingRow

LEASE = timedelta(minutes=2)
"""A claimed word of which nothing was noted is told again after that: its worker died."""
AT_ONCE = 20
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)
MOST_TRIES = 30
"""About a day; then it is given up, and `sojourn alerts list` says so."""

log = structlog.stdlib.get_logger("sojourn.alerts")


class Telling:
    """Tells what is due.

    Args:
        store: open.
        sinks: those who are told.
    """

    def __init__(self, store: Store, sinks: Sequence[Sink]) -> None:
        self._store = store
        self._sinks = {one.name: one for one in sinks}

    async def tell(self, now: datetime) -> int:
        """Tell what is due.

        Args:
            now: by the machine's clock.

        Returns:
            How many words were told.
        """
        async with self._store.reading() as session:
            if not await alerts.any_to_tell(session, self._sinks, now):
                return 0
        async with self._store.transaction() as session:
            claimed = await alerts.claim_to_tell(
                session, self._sinks, now, again=now + LEASE, limit=AT_ONCE
            )
        return sum(await asyncio.gather(*(self._tell(*one, now) for one in claimed)))

    async def _tell(self, telling: AlertTellingRow, row: AlertRow, now: datetime) -> bool:
        fault = await self._sinks[telling.sink].tell(said_of(telling, row))
        again = None
        if fault:
            again = now + _wait(telling.tries) if telling.tries < MOST_TRIES else None
            said = "told again later" if again else "given up: `sojourn alerts list` shows it"
            log.warning(
                "an alert was not told", alert=row.name, to=telling.sink, fault=fault, next=said
            )
        async with self._store.transaction() as session:
            await alerts.told(session, telling, fault=fault, again=again)
        return not fault


def said_of(telling: AlertTellingRow, row: AlertRow) -> Said:
    """Return a word of an alert as it is told.

    Args:
        telling: the word.
        row: the alert.

    Returns:
        The word, with an id that each attempt has.
    """
    over = telling.word is Word.OVER and row.over_at is not None
    return Said(
        id=f"alert_{row.id}_{telling.word}",
        word=telling.word,
        name=row.name,
        line=row.line,
        at=row.over_at if over and row.over_at else row.began_at,
        seen=row.seen,
        expected=row.expected,
        window=row.window,
        look=tuple(row.look),
    )


def _wait(tries: int) -> timedelta:
    doubled: timedelta = FIRST_WAIT * 2 ** min(tries - 1, 12)
    return min(doubled, LONGEST_WAIT)
