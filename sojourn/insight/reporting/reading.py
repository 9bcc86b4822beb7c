"""Reading a report: a few statements that sum up rollups, whatever the number of messages."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import Table, func, select
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.errors import UnknownName
from sojourn.domain.statistics.horizon import Horizon
from sojourn.insight.experiments import outcome_of, planned
from sojourn.insight.exposed import Divided, all_divided
from sojourn.insight.lifetimes import lifetimes_of
from sojourn.insight.measuring import sources_of
from sojourn.insight.reporting.brought import Brought
from sojourn.insight.reporting.figures import COLUMNS, Asked, By, Counts, Group, Money, Part, Report
from sojourn.project import Project
from sojourn.store.measuring import marks

ROLLUPS, REASONS, HOLDS, MONEY, CAMPAIGNS = (
    SQLModel.metadata.tables[name]
    for name in ("rollups", "rollup_reasons", "rollup_holds", "rollup_money", "campaigns")
)
OF_MAILBOXES = ("due", "sent", "delivered", "bounced", "complained", "opened", "clicked")
"""The counts that mailbox providers are judged by."""
MONTHS = 12
"""The highest age of which lifetime value is told."""
_FEWEST_VARIANTS = 2


async def read(
    session: AsyncSession,
    project: Project,
    asked: Asked,
    *,
    everywhere: float = 0.0,
    now: datetime | None = None,
    experiments: bool = True,
) -> Report:
    """Read the figures of journeys and campaigns.

    Args:
        session: any session.
        project: knows journeys and campaigns that have no messages yet.
        asked: the request.
        everywhere: the part of customers that the installation holds out.
        now: the present moment; None: by the machine's clock.
        experiments: read what control groups and experiments have brought, too.

    Returns:
        The report.

    Raises:
        UnknownName: no journey and no campaign has that name.
    """
    campaigns = set((await _rows(session, select(CAMPAIGNS.c.name).distinct())).scalars())
    campaigns |= set(project.campaigns)
    sources = set((await _rows(session, select(ROLLUPS.c.source).distinct())).scalars())
    known = {*project.journeys, *campaigns, *sources}
    for name in asked.names:
        if name not in known:
            raise UnknownName("journey or campaign", name, known)
    chosen = [*_chosen(asked)]
    split, days, variants = await _counts(session, asked.by, chosen)
    for name, day, size in await _frozen(session, asked):
        _add(days, (name, day), Counts(entered=size))
        _add(split, (name, day if asked.by is By.DAY else ""), Counts(entered=size))
    reasons = await _reasons(session, REASONS, asked.by, chosen)
    holds = await _reasons(session, HOLDS, asked.by, chosen)
    by_group, by_day = await _credit(session, asked, chosen)
    at = now or datetime.now(UTC)
    brought: list[Brought] = []
    fresh: set[str] = set()
    if experiments:
        brought, fresh = await _brought(session, project, asked, everywhere, at)
    parts = (
        Part(
            name,
            is_campaign=name in campaigns and name not in project.journeys,
            groups=_groups(name, split, by_group, reasons, holds),
            days=_groups(name, days, by_day),
            variants=_of_tests(_groups(name, variants, {}), _declared(project, name)),
            brought=tuple(one for one in brought if one.source == name),
        )
        for name in sorted({name for name, _ in days} | fresh)
    )
    return Report(
        at=at,
        uncounted=await marks.waiting(session),
        asked=asked,
        parts=tuple(parts),
        mailboxes=await _mailboxes(session, chosen),
        brought=tuple(one for one in brought if not one.source),
    )


async def _brought(
    session: AsyncSession, project: Project, asked: Asked, everywhere: float, now: datetime
) -> tuple[list[Brought], set[str]]:
    """Return what experiments have brought, and the sources of those that somebody came into.

    All days of an experiment count, for it is one from its beginning on. Experiments of journeys
    that are not asked for are left out.
    """
    found = [
        one
        for one in await all_divided(session, sources_of(project))
        if len(one.variants) >= _FEWEST_VARIANTS and (not asked.names or one.source in asked.names)
    ]
    fresh = {
        one.source
        for one in found
        if one.source and max(each.came.day for each in one.arrived).isoformat() >= asked.since
    }
    brought = [
        _of_experiment(one, planned(one.name, everywhere, project.journeys), now) for one in found
    ]
    return brought, fresh


def _of_experiment(found: Divided, weights: Mapping[str, float] | None, now: datetime) -> Brought:
    return Brought(
        found.name,
        found.source,
        outcome_of(found, now, weights=weights, horizon=Horizon(until=now)),
        outcome_of(found, now, weights=weights),
        tuple(lifetimes_of(found, now, months=MONTHS)),
    )


Key = tuple[str, str]
"""A source, and the name of a group."""


async def _counts(
    session: AsyncSession, by: By, chosen: Collection[Any]
) -> tuple[dict[Key, Counts], dict[Key, Counts], dict[Key, Counts]]:
    """Return counts by the report's column, by day and by variant, from one query."""
    key = [ROLLUPS.c[name] for name in dict.fromkeys(("source", "day", "variant", by.value))]
    sums = [func.sum(ROLLUPS.c[name]) for name in COLUMNS]
    split: dict[Key, Counts] = {}
    days: dict[Key, Counts] = {}
    variants: dict[Key, Counts] = {}
    rows = await _rows(session, select(*key, *sums).where(*chosen).group_by(*key))
    for row in rows:
        of = dict(zip((column.name for column in key), row, strict=False))
        counts = Counts(*map(int, row[len(key) :]))
        _add(split, (of["source"], of[by.value]), counts)
        _add(days, (of["source"], of["day"]), counts)
        _add(variants, (of["source"], of["variant"]), counts)
    return split, days, variants


async def _reasons(
    session: AsyncSession, of: Table, by: By, chosen: Collection[Any]
) -> dict[Key, dict[str, int]]:
    """Return how many messages did not leave, or were held, by reason."""
    key = (ROLLUPS.c.source, ROLLUPS.c[by.value])
    query = (
        select(*key, of.c.reason, func.sum(of.c.n))
        .join_from(ROLLUPS, of, of.c.rollup_id == ROLLUPS.c.id)
        .where(*chosen)
        .group_by(*key, of.c.reason)
    )
    found: dict[Key, dict[str, int]] = {}
    for source, name, reason, number in await _rows(session, query):
        if number:
            found.setdefault((source, name), {})[reason] = int(number)
    return found


Credit = dict[Key, dict[str, Money]]
"""Money by currency."""


async def _credit(
    session: AsyncSession, asked: Asked, chosen: Collection[Any]
) -> tuple[Credit, Credit]:
    """Return the credit of messages for orders, by the report's column and by day."""
    column = ROLLUPS.c[asked.by.value].label("of_group")
    key = (ROLLUPS.c.source, ROLLUPS.c.day, column, MONEY.c.currency)
    query = (
        select(*key, func.sum(MONEY.c.orders), func.sum(MONEY.c.value))
        .join_from(ROLLUPS, MONEY, MONEY.c.rollup_id == ROLLUPS.c.id)
        .where(*chosen, MONEY.c.model == asked.model.value)
        .group_by(ROLLUPS.c.source, ROLLUPS.c.day, ROLLUPS.c[asked.by.value], MONEY.c.currency)
    )
    split: Credit = {}
    days: Credit = {}
    for source, day, name, currency, orders, value in await _rows(session, query):
        if orders or value:
            for credit, of in ((split, name), (days, day)):
                all_of_it = credit.setdefault((source, of), {})
                had = all_of_it.get(currency, Money(currency, 0, 0))
                all_of_it[currency] = Money(
                    currency, had.orders + int(orders), had.value + int(value)
                )
    return split, days


def _groups(
    name: str,
    counts: Mapping[Key, Counts],
    credit: Credit,
    reasons: Mapping[Key, Mapping[str, int]] = MappingProxyType({}),
    holds: Mapping[Key, Mapping[str, int]] = MappingProxyType({}),
) -> tuple[Group, ...]:
    """Return the groups of a source, by name."""
    return tuple(
        Group(
            key[1],
            counts[key],
            reasons.get(key, {}),
            tuple(sorted(credit.get(key, {}).values())),
            holds.get(key, {}),
        )
        for key in sorted(counts)
        if key[0] == name
    )


async def _mailboxes(session: AsyncSession, chosen: Collection[Any]) -> tuple[Group, ...]:
    sums = [func.sum(ROLLUPS.c[name]) for name in OF_MAILBOXES]
    query = (
        select(ROLLUPS.c.mailbox, *sums)
        .where(*chosen, ROLLUPS.c.mailbox != "")
        .group_by(ROLLUPS.c.mailbox)
    )
    found = [
        Group(name, Counts(**dict(zip(OF_MAILBOXES, map(int, numbers), strict=True))))
        for name, *numbers in await _rows(session, query)
    ]
    return tuple(sorted(found, key=lambda one: (-one.counts.sent, one.name)))


async def _frozen(session: AsyncSession, asked: Asked) -> list[tuple[str, str, int]]:
    """Return the sizes of frozen audiences: the campaign, the day, the number of customers."""
    query = select(CAMPAIGNS.c.name, CAMPAIGNS.c.frozen_at, CAMPAIGNS.c.size).where(
        CAMPAIGNS.c.frozen_at.is_not(None), CAMPAIGNS.c.state != CampaignState.LAUNCHED
    )
    if asked.names:
        query = query.where(CAMPAIGNS.c.name.in_(asked.names))
    found = [
        (name, at.astimezone(asked.tz).date().isoformat(), size)
        for name, at, size in await _rows(session, query)
    ]
    return [one for one in found if asked.since <= one[1] <= (asked.until or one[1])]


def _add(counts: dict[Key, Counts], key: Key, more: Counts) -> None:
    counts[key] = counts[key] + more if key in counts else more


def _chosen(asked: Asked) -> Iterable[Any]:
    if asked.since:
        yield ROLLUPS.c.day >= asked.since
    if asked.until:
        yield ROLLUPS.c.day <= asked.until
    if asked.names:
        yield ROLLUPS.c.source.in_(asked.names)


def _of_tests(groups: tuple[Group, ...], declared: list[str]) -> tuple[Group, ...]:
    """Return the variants, declared ones first; none if there is nothing to compare."""
    found = {one.name: one for one in groups if one.name}
    named = [name for name in declared if name in found]
    named += [name for name in found if name not in named]
    return tuple(found[name] for name in named) if len(named) >= _FEWEST_VARIANTS else ()


def _declared(project: Project, name: str) -> list[str]:
    campaign = project.campaigns.get(name)
    return list(campaign.ab.variants) if campaign is not None and campaign.ab else []


async def _rows(session: AsyncSession, query: Any) -> Any:
    return await (await session.connection()).execute(query)
