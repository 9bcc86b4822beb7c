"""Reading a report: a few statements that sum up rollups, however many messages these count."""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign_run import CampaignState
from sojourn.domain.errors import UnknownName
from sojourn.domain.measuring.attribution import Model
from sojourn.insight.reporting.figures import COLUMNS, Asked, By, Counts, Group, Money, Part, Report
from sojourn.project import Project
from sojourn.store.measuring import marks

ROLLUPS, REASONS, MONEY, CAMPAIGNS = (
    SQLModel.metadata.tables[name]
    for name in ("rollups", "rollup_reasons", "rollup_money", "campaigns")
)
_FEWEST_VARIANTS = 2


async def read(session: AsyncSession, project: Project, asked: Asked) -> Report:
    """Read the figures of journeys and campaigns.

    Args:
        session: any session.
        project: knows journeys and campaigns that have no messages yet.
        asked: which figures.

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
    by, model = asked.by, asked.model
    chosen = [*_chosen(asked)]
    days = await _groups(session, By.DAY, chosen, model)
    split = days if by is By.DAY else await _groups(session, by, chosen, model)
    variants = split if by is By.VARIANT else await _groups(session, By.VARIANT, chosen, model)
    for name, day, size in await _frozen(session, asked):
        _enter(days.setdefault(name, {}), day, size)
        if split is not days:
            _enter(split.setdefault(name, {}), "", size)
    parts = (
        Part(
            name,
            is_campaign=name in campaigns and name not in project.journeys,
            groups=_in_order(split[name].values()),
            days=_in_order(days[name].values()),
            variants=_of_tests(variants.get(name, {}), _declared(project, name)),
        )
        for name in sorted(days)
    )
    return Report(
        at=datetime.now(UTC),
        uncounted=await marks.waiting(session),
        asked=asked,
        parts=tuple(parts),
        mailboxes=await _mailboxes(session, chosen),
    )


Groups = dict[str, dict[str, Group]]
"""Groups by source and name."""


async def _groups(session: AsyncSession, by: By, chosen: Collection[Any], model: Model) -> Groups:
    """Return the messages of each source, split by a column."""
    column = ROLLUPS.c[by.value]
    key = (ROLLUPS.c.source, column)
    counts = select(*key, *_sums()).where(*chosen).group_by(*key)
    found: Groups = {}
    for source, name, *numbers in await _rows(session, counts):
        found.setdefault(source, {})[name] = Group(name, Counts(*map(int, numbers)))
    reasons: dict[tuple[str, str], dict[str, int]] = {}
    whys = (
        select(*key, REASONS.c.reason, func.sum(REASONS.c.n))
        .join_from(ROLLUPS, REASONS, REASONS.c.rollup_id == ROLLUPS.c.id)
        .where(*chosen)
        .group_by(*key, REASONS.c.reason)
    )
    for source, name, reason, number in await _rows(session, whys):
        if number:
            reasons.setdefault((source, name), {})[reason] = int(number)
    owed: dict[tuple[str, str], list[Money]] = {}
    money = (
        select(*key, MONEY.c.currency, func.sum(MONEY.c.orders), func.sum(MONEY.c.value))
        .join_from(ROLLUPS, MONEY, MONEY.c.rollup_id == ROLLUPS.c.id)
        .where(*chosen, MONEY.c.model == model.value)
        .group_by(*key, MONEY.c.currency)
    )
    for source, name, currency, orders, value in await _rows(session, money):
        if orders or value:
            owed.setdefault((source, name), []).append(Money(currency, int(orders), int(value)))
    return {
        source: {
            name: Group(
                name,
                one.counts,
                reasons.get((source, name), {}),
                tuple(sorted(owed.get((source, name), ()))),
            )
            for name, one in groups.items()
        }
        for source, groups in found.items()
    }


async def _mailboxes(session: AsyncSession, chosen: Collection[Any]) -> tuple[Group, ...]:
    query = (
        select(ROLLUPS.c.mailbox, *_sums())
        .where(*chosen, ROLLUPS.c.mailbox != "")
        .group_by(ROLLUPS.c.mailbox)
    )
    found = [
        Group(name, Counts(*map(int, numbers))) for name, *numbers in await _rows(session, query)
    ]
    return tuple(sorted(found, key=lambda one: (-one.counts.sent, one.name)))


async def _frozen(session: AsyncSession, asked: Asked) -> list[tuple[str, str, int]]:
    """Return the sizes of audiences that were frozen: the campaign, the day, the customers."""
    query = select(CAMPAIGNS.c.name, CAMPAIGNS.c.frozen_at, CAMPAIGNS.c.size).where(
        CAMPAIGNS.c.frozen_at.is_not(None), CAMPAIGNS.c.state != CampaignState.LAUNCHED
    )
    if asked.names:
        query = query.where(CAMPAIGNS.c.name.in_(asked.names))
    found = [
        (name, at.astimezone(asked.tz).date().isoformat(), size)
        for name, at, size in await _rows(session, query)
    ]
    return [one for one in found if one[1] >= asked.since]


def _enter(groups: dict[str, Group], name: str, number: int) -> None:
    had = groups.get(name, Group(name))
    groups[name] = Group(name, had.counts + Counts(entered=number), had.reasons, had.money)


def _chosen(asked: Asked) -> Iterable[Any]:
    if asked.since:
        yield ROLLUPS.c.day >= asked.since
    if asked.names:
        yield ROLLUPS.c.source.in_(asked.names)


def _in_order(groups: Iterable[Group]) -> tuple[Group, ...]:
    return tuple(sorted(groups, key=lambda one: one.name))


def _of_tests(groups: Mapping[str, Group], declared: list[str]) -> tuple[Group, ...]:
    """Return the variants, those that are declared first; none if there is nothing to compare."""
    named = [name for name in declared if name in groups]
    named += sorted(name for name in groups if name and name not in named)
    return tuple(groups[name] for name in named) if len(named) >= _FEWEST_VARIANTS else ()


def _declared(project: Project, name: str) -> list[str]:
    campaign = project.campaigns.get(name)
    return list(campaign.ab.variants) if campaign is not None and campaign.ab else []


def _sums() -> list[Any]:
    return [func.sum(ROLLUPS.c[name]) for name in COLUMNS]


async def _rows(session: AsyncSession, query: Any) -> Any:
    return await (await session.connection()).execute(query)
