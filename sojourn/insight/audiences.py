"""Audiences for people: their size, a sample, how they can be reached, and why."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import case, func, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.audience import Audience
from sojourn.domain.facts import Finding, consents
from sojourn.domain.messages import Channel
from sojourn.insight.card import masked
from sojourn.project import Project
from sojourn.store import people
from sojourn.store.dialects import is_postgresql
from sojourn.store.facts.all import holders
from sojourn.store.facts.clauses import CUSTOMERS
from sojourn.store.facts.one import judged

SAMPLE = 10
GROUPS = 20
"""The most zones and languages that are listed; the others share a line."""
_ADDRESSES: Mapping[Channel, tuple[str, ...]] = {
    Channel.EMAIL: ("email",),
    Channel.SMS: ("phone",),
    Channel.PUSH: ("push_token",),
    Channel.WHATSAPP: ("phone",),
}


class Example(BaseModel):
    """A customer of an audience, with addresses masked."""

    customer_id: str
    email: str
    phone: str
    locale: str
    timezone: str


class Reach(BaseModel):
    """The part of an audience that a channel reaches.

    Args:
        channel: the channel.
        address: the number of customers who have an address for it.
        agreed: the number of these who agree to promotional messages by it.
    """

    channel: str
    address: int
    agreed: int


class Group(BaseModel):
    """The customers of an audience with one time zone or language; an empty name: it is unknown."""

    name: str
    number: int


class Shown(BaseModel):
    """An audience.

    Args:
        name: its name.
        about: what it is.
        who: its fact, in words.
        number: the number of its customers.
        zones: its customers by time zone, the largest group first.
        languages: its customers by language, the largest group first.
        reach: how many each channel reaches.
        sample: some of its customers.
    """

    name: str
    about: str
    who: str
    number: int
    zones: list[Group]
    languages: list[Group]
    reach: list[Reach]
    sample: list[Example]


async def count(session: AsyncSession, project: Project, audience: Audience, now: datetime) -> int:
    """Count the customers of an audience.

    Args:
        session: any session.
        project: knows which topics need their own consent.
        audience: the audience.
        now: the moment at which its fact is judged.

    Returns:
        The number of its customers.
    """
    inner = _holders(session, project, audience, now).subquery()
    connection = await session.connection()
    return int((await connection.execute(select(func.count()).select_from(inner))).scalar_one())


async def show(session: AsyncSession, project: Project, audience: Audience, now: datetime) -> Shown:
    """Describe an audience, with one judgement of all customers.

    Args:
        session: any session.
        project: as for `count`.
        audience: the audience.
        now: as for `count`.

    Returns:
        The audience.
    """
    connection = await session.connection()
    columns = [
        CUSTOMERS.c[name].label(name)
        for name in ("customer_id", "email", "phone", "push_token", "locale", "timezone")
    ]
    agreed = [
        case((_agrees(session, project, channel, now), 1), else_=0).label(f"by_{channel}")
        for channel in Channel
    ]
    inside = (
        _holders(session, project, audience, now).with_only_columns(*columns, *agreed).cte("inside")
    )
    reach: list[Any] = []
    for channel in Channel:
        has = or_(*(inside.c[name] != "" for name in _ADDRESSES[channel]))
        reach += [
            func.sum(case((has, 1), else_=0)),
            func.sum(case((has, inside.c[f"by_{channel}"]), else_=0)),
        ]
    groups = select(
        inside.c.timezone,
        inside.c.locale,
        func.count().label("number"),
        *(one.label(f"r{n}") for n, one in enumerate(reach)),
    ).group_by(inside.c.timezone, inside.c.locale)
    zones: dict[str, int] = {}
    languages: dict[str, int] = {}
    reached = [0] * len(reach)
    number = 0
    for zone, locale, some, *by in await connection.execute(groups):
        number += some
        zones[zone] = zones.get(zone, 0) + some
        language = locale.replace("_", "-").partition("-")[0].lower()
        languages[language] = languages.get(language, 0) + some
        reached = [total + int(one or 0) for total, one in zip(reached, by, strict=True)]
    sample = (
        _holders(session, project, audience, now)
        .with_only_columns(*columns)
        .order_by(CUSTOMERS.c.customer_id)
        .limit(SAMPLE)
    )
    return Shown(
        name=audience.name,
        about=audience.about,
        who=str(audience.who),
        number=number,
        zones=_largest(zones),
        languages=_largest(languages),
        reach=[
            Reach(channel=channel, address=reached[2 * n], agreed=reached[2 * n + 1])
            for n, channel in enumerate(Channel)
        ],
        sample=[
            Example(
                customer_id=row.customer_id,
                email=masked(row.email),
                phone=masked(row.phone),
                locale=row.locale,
                timezone=row.timezone,
            )
            for row in await connection.execute(sample)
        ],
    )


async def explain(
    session: AsyncSession, project: Project, audience: Audience, customer_id: str, now: datetime
) -> Finding:
    """Explain for each clause of an audience whether it holds for a customer.

    Args:
        session: any session.
        project: as for `count`.
        audience: the audience.
        customer_id: any id of the customer; nothing is known about an unknown one.
        now: as for `count`.

    Returns:
        The answer, clause by clause.
    """
    person = await people.read(session, customer_id)
    return await judged(session, person, audience.who, now, own=project.topics.own)


def _holders(session: AsyncSession, project: Project, audience: Audience, now: datetime) -> Any:
    return holders(audience.who, now, postgresql=is_postgresql(session), own=project.topics.own)


def _agrees(session: AsyncSession, project: Project, channel: Channel, now: datetime) -> Any:
    return holders(
        consents(channel), now, postgresql=is_postgresql(session), own=project.topics.own
    ).whereclause


def _largest(groups: Mapping[str, int]) -> list[Group]:
    ordered = sorted(groups.items(), key=lambda one: (-one[1], one[0]))
    found = [Group(name=name, number=number) for name, number in ordered[:GROUPS]]
    others = sum(number for _, number in ordered[GROUPS:])
    return [*found, Group(name="others", number=others)] if others else found
