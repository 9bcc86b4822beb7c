"""`Shop`: a shop whose customers react to what they get, played into a store at once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from sojourn.domain.errors import BadFigures
from sojourn.project import Project
from sojourn.store import Store
from sojourn.testkit.selling.effects import (
    Change,
    Effect,
    Lift,
    Variants,
    arms_of,
    check,
    name_of,
    weights_of,
)
from sojourn.testkit.selling.journeys import PRICE, TONE, shop
from sojourn.testkit.selling.lives import CURRENCIES, SECOND, live, usual_order
from sojourn.testkit.selling.rows import Numbers, rows_of
from sojourn.testkit.selling.writing import next_number, write

PLANTED: tuple[Effect, ...] = (
    Lift("left-cart", points=0.05),
    Lift("looked"),
    Variants("welcome", TONE, {"shouting": Change(points=-0.045)}),
    Variants("offer", PRICE, {"sale": Change(points=0.05, basket=0.3)}),
)
"""A journey that lifts, one that does nothing, a variant that loses, and one that sells more and
earns less."""


@dataclass(frozen=True)
class Planted:
    """The truth about a side of an experiment, against the one that it is compared with.

    Args:
        experiment: its name.
        variant: the side.
        base: the other one.
        converted: how much higher the share of buyers is.
        revenue: by currency, how much more a customer pays.
    """

    experiment: str
    variant: str
    base: str
    converted: float
    revenue: Mapping[str, float]


@dataclass(frozen=True)
class Shop:
    """A shop whose customers react to what they get, by chance, with effects that are known.

    Each customer is in one journey. Who buys, and what for, depends on whether their message
    arrived; those that a journey holds out buy as ever::

        shop = Shop(customers=20_000, effects=[Lift("left-cart", points=0.05)])
        await shop.write(store)
        assert shop.truths[0].converted == 0.05

    Args:
        customers: of all journeys, as many of each.
        effects: what messages change; one for each journey that has customers.
        seed: another one is another shop; the same one is the same.
        project: its journeys; those of a made-up shop unless a test brings its own.
        until: nothing happens later. By then everybody has had the time in which orders count.
        days: so long before it the first customers came.

    Raises:
        BadFigures: an effect makes no sense, or there are too few customers or days.
        UnknownName: an effect names a journey or a variant that there is not.
    """

    customers: int = 20_000
    effects: Iterable[Effect] = PLANTED
    seed: int = 1
    project: Project = field(default_factory=shop)
    until: datetime = datetime(2024, 6, 3, tzinfo=UTC)
    days: int = 120

    def __post_init__(self) -> None:
        effects = check(self.effects, self.project.journeys)
        object.__setattr__(self, "effects", effects)
        if self.until.tzinfo is None:
            raise BadFigures(f"until={self.until} lacks a time zone")
        if self.customers < len(effects):
            raise BadFigures(
                f"{self.customers} customers for {len(effects)} effects: give one each at least"
            )
        longest = max(self._window(effect) for effect in effects)
        if timedelta(days=self.days) <= longest + timedelta(days=1):
            raise BadFigures(
                f"{self.days} days: orders count for {longest.days} days after a message, "
                f"give {longest.days + 2} or more"
            )

    @property
    def truths(self) -> tuple[Planted, ...]:
        """The truth that a report is to find."""
        found = []
        for effect in self.effects:
            base, *others = arms_of(effect).values()
            for one in others:
                more = one.spent - base.spent
                found.append(
                    Planted(
                        name_of(effect),
                        one.variant,
                        base.variant,
                        one.bought - base.bought,
                        {currency: more * usual_order(currency) for currency in CURRENCIES},
                    )
                )
        return tuple(found)

    async def write(self, store: Store) -> None:
        """Write all that happened into a store, in one transaction.

        Args:
            store: open. Several shops fit into one, if their seeds differ.
        """
        effects = tuple(self.effects)
        async with store.transaction() as session:
            numbers = Numbers(
                await next_number(session, "ledger"), await next_number(session, "reports")
            )
            for place, effect in enumerate(effects):
                chance = np.random.default_rng([self.seed, place])
                first = place * self.customers // len(effects)
                last = (place + 1) * self.customers // len(effects)
                lives = live(
                    chance,
                    [f"s{self.seed}-{number}" for number in range(first, last)],
                    name_of(effect),
                    dict(weights_of(effect, self.project.journeys)),
                    arms_of(effect),
                    window=round(self._window(effect).total_seconds()) * SECOND,
                    since=self.until - timedelta(days=self.days),
                    until=self.until,
                )
                journey = self.project.journeys.named(effect.journey)
                for table, columns in rows_of(
                    journey, name_of(effect), lives, numbers, chance
                ).items():
                    await write(session, table, columns)

    def _window(self, effect: Effect) -> timedelta:
        return self.project.journeys.named(effect.journey).terms.conversion_window
