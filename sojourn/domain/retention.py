"""Retention: the days after which tables give something up, as a setting writes them."""

from collections.abc import Mapping

AGING = (
    "contents",
    "attempts",
    "handovers",
    "hits",
    "reports",
    "quarantine",
    "identify_calls",
    "events",
    "tickets",
    "tasks",
    "entries",
    "ledger",
)
"""Tables that give something up by age (`store.rights.holdings` says what); others keep all."""
MOST_DAYS = 36_500


def read_retention(text: str) -> dict[str, int]:
    """Read ``contents=90, events=730``: days by table.

    Args:
        text: empty means that everything is kept.

    Raises:
        ValueError: a table is not known, or its days are not a number.
    """
    found: dict[str, int] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        table, equals, days = (one.strip() for one in part.partition("="))
        if table not in AGING:
            raise ValueError(f'"{table}" keeps everything. Choose one of: {", ".join(AGING)}')
        if not equals or not days.isascii() or not days.isdigit() or not 0 < int(days) <= MOST_DAYS:
            raise ValueError(f"{table}: write the days, 1 to {MOST_DAYS}: {table}=90")
        if table in found:
            raise ValueError(f"{table} stands there twice")
        found[table] = int(days)
    return found


def written(days: Mapping[str, int]) -> str:
    """Return days by table as `read_retention` reads them."""
    return ",".join(f"{table}={count}" for table, count in days.items())
