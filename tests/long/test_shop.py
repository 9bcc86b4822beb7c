"""A shop whose effects are known: the report names each, and its intervals keep their word.

``SOJOURN_SHOPS=200 pytest -s tests/long/test_shop.py`` plays 200 of them; ``SOJOURN_SHOPPERS`` is
the number of customers of each, ``SOJOURN_SEED`` the first one.
"""

import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from scipy import stats

from sojourn.domain.statistics import Interval
from sojourn.domain.statistics.sample_ratio import ALARM
from sojourn.insight.measuring import Measuring
from sojourn.insight.reporting.brought import Brought, More, Standing, Verdict
from sojourn.insight.reporting.figures import Asked
from sojourn.insight.reporting.reading import read
from sojourn.settings import Settings
from sojourn.store import Store
from sojourn.testkit import Shop
from tests.support.reports import UTC_ZONE

SHOPS = int(os.environ.get("SOJOURN_SHOPS", "3"))
CUSTOMERS = int(os.environ.get("SOJOURN_SHOPPERS", "20000"))
FIRST = int(os.environ.get("SOJOURN_SEED", "1"))
NAMED = {
    "holdout-left-cart": Standing.LEADS,
    "holdout-looked": Standing.CHANCE,
    "tone": Standing.LOSES,
    "price": Standing.MORE_FOR_LESS,
}
"""The words of a report for the effects that are planted."""
RARE = 0.0005
"""The probability that chance alone makes this test red."""


@asynccontextmanager
async def played(shop: Shop, migrated: Path, folder: Path) -> AsyncIterator[Store]:
    file = folder / f"{shop.seed}.db"
    shutil.copy(migrated, file)
    async with await Store.open(f"sqlite:///{file}") as store:
        await shop.write(store)
        await Measuring.of(store, Settings(home=folder), shop.project).catch_up()
        yield store
    file.unlink()


async def found_in(shop: Shop, store: Store) -> dict[str, Brought]:
    """Return what a report says of each experiment."""
    async with store.reading() as session:
        report = await read(session, shop.project, Asked(UTC_ZONE), now=shop.until)
    return {one.name: one for part in report.parts for one in part.brought}


async def test_each_effect_is_named_and_intervals_keep_their_word(
    migrated_database: Path, tmp_path: Path
) -> None:
    held, seen, wrong, uneven = Counter[str](), Counter[str](), Counter[str](), 0
    for seed in range(FIRST, FIRST + SHOPS):
        shop = Shop(customers=CUSTOMERS, seed=seed)
        async with played(shop, migrated_database, tmp_path) as store:
            found = await found_in(shop, store)
        assert found.keys() == NAMED.keys()
        for truth in shop.truths:
            against = found[truth.experiment].against[0]
            assert against.side.variant == truth.variant
            wrong[truth.experiment] += against.standing is not NAMED[truth.experiment]
            _hold(held, seen, "bought", against.converted, truth.converted)
            for currency, more in truth.revenue.items():
                _hold(held, seen, currency, against.revenue[currency], more)
        uneven += sum(one.is_uneven for one in found.values())
        nothing = found["holdout-looked"].against[0].converted
        seen["alarm"] += 1
        held["alarm"] += nothing.verdict is Verdict.CHANCE
    print(_figures(held, seen, wrong))  # noqa: T201 (the figures, for `pytest -s`)
    print(f"customers divided unevenly, by the check: {uneven} times")  # noqa: T201 (the same)
    assert uneven <= stats.binom.ppf(1 - RARE, SHOPS * len(NAMED), ALARM)
    for name, errors in wrong.items():
        assert errors <= stats.binom.ppf(1 - RARE, SHOPS, 0.05), name
    for what, number in seen.items():
        missed = number - held[what]
        assert missed <= stats.binom.ppf(1 - RARE, number, 0.06), what
        if not what.endswith("any day"):
            assert missed >= stats.binom.ppf(RARE, number, 0.04), what


def _hold(held: Counter[str], seen: Counter[str], what: str, more: More, truth: float) -> None:
    for name, figure in ((what, more.once), (f"{what}, any day", more.any_day)):
        if isinstance(figure, Interval):  # too few have paid, where a shop is small
            seen[name] += 1
            held[name] += not figure.excludes(truth)


def _figures(held: Counter[str], seen: Counter[str], wrong: Counter[str]) -> str:
    shares = [f"{what}: {held[what]} of {number}" for what, number in seen.items()]
    names = [f"{name}: named wrongly {number} times" for name, number in wrong.items()]
    return "\n".join(["", f"{SHOPS} shops of {CUSTOMERS} customers", *shares, *names])
