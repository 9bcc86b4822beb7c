"""Anniversaries: dates as they are stored, and the days on which they come round.

A date is ``1990-03-14``; a date without its year is ``03-14`` or ``--03-14``; a moment counts as
the day that is written in it. Both evaluators read alike: `store.facts` says the same in SQL.
"""

import re
from calendar import isleap
from datetime import UTC, date, datetime

from sojourn.domain.facts.nodes import Anniversary, AnyFact, Fact
from sojourn.domain.facts.values import DAY, MOMENT, MONTH_AND_DAY
from sojourn.domain.facts.walking import changed

NO_YEAR = "1200"
"""Stands for the year of a date without one: it is long past, and has a 29 February."""


def read_date(raw: object) -> str | None:
    """Return a stored date as ``1990-03-14``; None if it is none.

    Args:
        raw: the JSON value.

    Returns:
        The date.
    """
    if not isinstance(raw, str):
        return None
    if re.fullmatch(DAY, raw):
        return raw
    if re.fullmatch(MOMENT, raw):
        return raw[:10]
    if re.fullmatch(f"(--)?{MONTH_AND_DAY}", raw):
        return f"{NO_YEAR}-{raw[-5:]}"
    return None


def day_asked(fact: Anniversary, now: datetime) -> date:
    """Return the day that a fact asks about, at the moment of the judgement."""
    return fact.day or now.astimezone(UTC).date()


def kept_on(day: date, leap: str) -> tuple[str, ...]:
    """Return month and day of the dates whose anniversary is kept on a day.

    Args:
        day: with its year, which may be a leap year.
        leap: month and day on which 29 February is kept in years that have none.

    Returns:
        Month and day of each: ``("02-28", "02-29")``.
    """
    own = day.isoformat()[5:]
    return (own, "02-29") if own == leap and not isleap(day.year) else (own,)


def is_kept(date_: str, day: date, leap: str) -> bool:
    """Tell whether the anniversary of a date is kept on a day.

    Args:
        date_: as `read_date` returns it.
        day: with its year.
        leap: month and day on which 29 February is kept in years that have none.

    Returns:
        True if it is, in a later year than that of the date.
    """
    return date_[5:] in kept_on(day, leap) and int(date_[:4]) < day.year


def asked_on(fact: Fact, day: date) -> AnyFact:
    """Return a fact whose anniversaries are asked about a day."""
    return changed(
        fact,
        lambda leaf: (
            leaf.model_copy(update={"day": day}) if isinstance(leaf, Anniversary) else leaf
        ),
    )
