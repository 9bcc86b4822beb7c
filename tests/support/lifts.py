"""Experiments of a store, counted by DuckDB, which knows nothing of Sojourn."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sojourn.store import Store
from tests.support.measured import loaded


@dataclass
class Side:
    """A variant: who is in it, who bought, and what they paid by currency, in cents."""

    customers: int = 0
    converted: int = 0
    paid: dict[str, int] = field(default_factory=dict)


async def divided(
    store: Store,
    goals: Mapping[str, Collection[str]],
    windows: Mapping[str, timedelta],
    now: datetime,
) -> dict[tuple[str, str], Side]:
    """Count the customers of each experiment and variant whose time to buy is over.

    It is over for all who came on one day at one moment.
    """
    base = await loaded(store, goals, windows)
    base.execute(_VIEWS)
    found: dict[tuple[str, str], Side] = {}
    at = now.astimezone(UTC).replace(tzinfo=None)
    for name, variant, customers, converted in base.execute(_SIDES, [at]).fetchall():
        found[name, variant] = Side(customers, converted)
    for name, variant, currency, cents in base.execute(_PAID, [at]).fetchall():
        found[name, variant].paid[currency] = int(cents)
    return found


_VIEWS = """
CREATE VIEW firsts AS
SELECT experiment, customer_id, arg_min(variant, ("at", id)) AS variant, min("at") AS at,
    arg_min(split_part(workflow_id, ':', 1), ("at", id)) AS source
FROM exposures GROUP BY ALL;

CREATE VIEW exposed AS
SELECT f.*, f.at + to_days(g.days) AS until,
    date_trunc('day', f.at) + to_days(g.days + 1) AS grown
FROM firsts f JOIN (SELECT DISTINCT source, days FROM goals) g ON g.source = f.source;

CREATE VIEW bought AS
SELECT x.experiment, x.variant, x.customer_id, x.grown, s.currency, s.value
FROM exposed x JOIN standing s ON s.customer_id = x.customer_id AND s.source = x.source
WHERE s.at > x.at AND s.at <= x.until;
"""

_SIDES = """
SELECT experiment, variant, count(*),
    count(*) FILTER (customer_id IN (
        SELECT b.customer_id FROM bought b WHERE b.experiment = x.experiment))
FROM exposed x WHERE grown <= ? GROUP BY ALL
"""

_PAID = """
SELECT experiment, variant, currency, sum(value * 100) FROM bought
WHERE grown <= ? AND currency <> '' GROUP BY ALL
"""
