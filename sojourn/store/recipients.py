"""Recipients: the frozen audience of a campaign, and when to ask the gate about each."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, case, func, literal, null, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.ab_standing import ABStanding
from sojourn.domain.campaign_run import PREFIX, CampaignState
from sojourn.domain.facts import read_fact
from sojourn.domain.facts.of_campaigns import followed
from sojourn.domain.messages import Reason
from sojourn.domain.states import MessageState
from sojourn.store import ab_tests, unsent
from sojourn.store.dialects import insert
from sojourn.store.tables import CampaignRow, CustomerRow, LedgerRow, RecipientRow


@dataclass(frozen=True)
class Membership:
    """A customer in the frozen audience of a campaign.

    Args:
        campaign: its id.
        customer_id: the customer's id at the freeze.
        since: the freeze.
        due: when the message is due.
        state: where the campaign stands.
        changed: since when it stands there.
        by: who put it there.
        because: why.
        variant: the variant that is tested on the customer; empty if none is.
        ab: where the campaign's test stands; None if it has none.
    """

    campaign: str
    customer_id: str
    since: datetime
    due: datetime
    state: CampaignState
    changed: datetime
    by: str
    because: str
    variant: str = ""
    ab: ABStanding | None = None
    doubtful: bool = False
    """The customer joins only once it is proved that they had the campaign that it follows."""
    asks: str = ""
    """The audience's fact in words, if it follows another campaign."""


DOUBTFUL = ""
"""The lane of customers who join once it is proved that they had another campaign's message."""
RECIPIENTS = SQLModel.metadata.tables["recipients"]
CUSTOMERS = SQLModel.metadata.tables["customers"]


async def freeze(
    session: AsyncSession,
    campaign_id: str,
    holders: Select[tuple[str]],
    *,
    lane: str,
    due: Mapping[str, datetime],
    at: datetime,
) -> int:
    """Note the recipients of a campaign, by one statement; those already noted stay as they are.

    Args:
        session: a writing transaction.
        campaign_id: the campaign's id.
        holders: selects the ids of its audience.
        lane: the first channel of its message; `DOUBTFUL`: they may only join later.
        due: when the message falls due in each time zone, as customers' cards name it.
        at: when it falls due in any other zone.

    Returns:
        The number of recipients, without those in doubt.
    """
    of = holders.subquery()
    moment = RECIPIENTS.c.due_at.type
    other = literal(at, moment)
    falls = other
    if due:
        moments = {name: literal(one, moment) for name, one in due.items()}
        falls = case(moments, value=CUSTOMERS.c.timezone, else_=other)  # type: ignore[assignment]
    chosen = (
        select(  # type: ignore[call-overload]
            literal(campaign_id), CUSTOMERS.c.customer_id, CUSTOMERS.c.timezone, falls, falls,
            literal(lane), null(),
        )
        .join(of, of.c.customer_id == CUSTOMERS.c.customer_id)
        .order_by(CUSTOMERS.c.customer_id)
    )  # fmt: skip
    columns = ["campaign", "customer_id", "timezone", "due_at", "next_at", "lane", "taken"]
    connection = await session.connection()
    await connection.execute(
        insert(session, RECIPIENTS).from_select(columns, chosen.where(literal(True)))
        .on_conflict_do_nothing()
    )  # fmt: skip
    return await size(session, campaign_id)


async def size(session: AsyncSession, campaign_id: str) -> int:
    """Return how many recipients a campaign has, without those in doubt."""
    query = select(func.count()).select_from(RecipientRow)
    inside = RecipientRow.campaign == campaign_id, RecipientRow.lane != DOUBTFUL
    return (await session.exec(query.where(*inside))).one()


async def doubtful(session: AsyncSession, campaign_id: str) -> int:
    """Return how many customers in doubt may still join a campaign."""
    query = select(func.count()).select_from(RecipientRow)
    return (
        await session.exec(
            query.where(*_open(campaign_id, DOUBTFUL, under_way=False, share_only=False))
        )
    ).one()


async def in_doubt(
    session: AsyncSession, campaign_id: str, *, after: int, limit: int
) -> Sequence[RecipientRow]:
    """Return the customers in doubt who may still join a campaign.

    Args:
        session: any session.
        campaign_id: the campaign's id.
        after: the number of the last one before; 0 at the beginning.
        limit: the most to return.

    Returns:
        Their rows.
    """
    query = select(RecipientRow).where(
        *_open(campaign_id, DOUBTFUL, under_way=False, share_only=False),
        col(RecipientRow.id) > after,
    )
    return (await session.exec(query.order_by(col(RecipientRow.id)).limit(limit))).all()


async def take_in(
    session: AsyncSession, numbers: Collection[int], lane: str, *, at: datetime
) -> int:
    """Let customers who were in doubt join; those who have joined already stay as they are.

    Args:
        session: a writing transaction.
        numbers: the numbers of their rows.
        lane: the first channel of the message.
        at: now.

    Returns:
        How many joined.
    """
    changed = await session.exec(
        update(RecipientRow)
        .where(col(RecipientRow.id).in_(numbers), col(RecipientRow.lane) == DOUBTFUL)
        .values(lane=lane, next_at=at)
    )
    return changed.rowcount


async def zones(session: AsyncSession, holders: Select[tuple[str]]) -> list[str]:
    """Return the time zones on the cards of an audience; an empty one if some cards have none."""
    of = holders.subquery()
    query = (
        select(CUSTOMERS.c.timezone)
        .join(of, of.c.customer_id == CUSTOMERS.c.customer_id)
        .distinct()
    )
    connection = await session.connection()
    return list((await connection.execute(query)).scalars())


async def without_zone(
    session: AsyncSession, campaign_id: str, *, after: int, limit: int
) -> Sequence[tuple[int, CustomerRow]]:
    """Return recipients whose card has no time zone, with their cards.

    Args:
        session: any session.
        campaign_id: the campaign's id.
        after: the number of the last one before; 0 at the beginning.
        limit: the most to return.

    Returns:
        Each recipient's number and card.
    """
    query = (
        select(col(RecipientRow.id), CustomerRow)
        .join(CustomerRow, col(CustomerRow.customer_id) == RecipientRow.customer_id)
        .where(
            RecipientRow.campaign == campaign_id,
            RecipientRow.timezone == "",
            col(RecipientRow.id) > after,
        )
        .order_by(col(RecipientRow.id))
        .limit(limit)
    )
    return [(number, card) for number, card in await session.exec(query) if number is not None]


async def live_in(
    session: AsyncSession, numbers: Collection[int], timezone: str, due: datetime
) -> None:
    """Note the time zone of recipients, and when they are due there.

    Args:
        session: a writing transaction.
        numbers: the numbers of their rows.
        timezone: an IANA name.
        due: the moment.
    """
    await session.exec(
        update(RecipientRow)
        .where(col(RecipientRow.id).in_(numbers))
        .values(timezone=timezone, due_at=due, next_at=due)
    )


async def due(
    session: AsyncSession,
    campaign_id: str,
    lane: str,
    *,
    now: datetime,
    limit: int,
    under_way: bool = False,
    share_only: bool = False,
) -> Sequence[RecipientRow]:
    """Return the recipients to ask the gate about, those due longest first.

    Args:
        session: any session.
        campaign_id: the campaign's id.
        lane: the channel.
        now: the present moment.
        limit: the most to return.
        under_way: only those whose message was claimed, and may be out.
        share_only: only those that a variant is tested on.

    Returns:
        Their rows.
    """
    query = select(RecipientRow).where(
        *_open(campaign_id, lane, under_way=under_way, share_only=share_only)
    )
    query = query.where(col(RecipientRow.next_at) <= now)
    return (
        await session.exec(
            query.order_by(col(RecipientRow.next_at), col(RecipientRow.id)).limit(limit)
        )
    ).all()


async def next_due(
    session: AsyncSession,
    campaign_id: str,
    lane: str,
    *,
    under_way: bool = False,
    share_only: bool = False,
) -> datetime | None:
    """Return when the next recipient is due on a channel; None if none is left.

    Args:
        session: any session.
        campaign_id: the campaign's id.
        lane: the channel.
        under_way: as for `due`.
        share_only: likewise.

    Returns:
        The moment.
    """
    query = select(col(RecipientRow.next_at)).where(
        *_open(campaign_id, lane, under_way=under_way, share_only=share_only)
    )
    return (await session.exec(query.order_by(col(RecipientRow.next_at)).limit(1))).first()


def _open(campaign_id: str, lane: str, *, under_way: bool, share_only: bool) -> list[Any]:
    """Return the conditions that select recipients whose message is not decided on."""
    found: list[Any] = [
        col(RecipientRow.campaign) == campaign_id,
        col(RecipientRow.lane) == lane,
        col(RecipientRow.next_at).is_not(None),
    ]
    if share_only:
        found.append(col(RecipientRow.variant).is_not(None))
    return [*found, _is_under_way(campaign_id)] if under_way else found


def _is_under_way(campaign_id: str) -> Any:
    open_ones = select(LedgerRow.enrolment).where(
        unsent.among([MessageState.CLAIMED], workflows=[PREFIX + campaign_id]),
        LedgerRow.workflow_id == PREFIX + campaign_id,
        col(LedgerRow.state).in_((MessageState.CLAIMED, MessageState.SUBMITTING)),
    )
    return col(RecipientRow.customer_id).in_(open_ones)


async def decided(session: AsyncSession, numbers: Collection[int]) -> None:
    """Note that recipients were decided on, and need not be asked about any more."""
    if numbers:
        await session.exec(
            update(RecipientRow).where(col(RecipientRow.id).in_(numbers)).values(next_at=None)
        )


async def ask_again(session: AsyncSession, moments: Mapping[int, datetime]) -> None:
    """Note when to ask about recipients again, by their numbers."""
    if moments:
        connection = await session.connection()
        await connection.execute(
            RECIPIENTS.update()
            .where(RECIPIENTS.c.id == bindparam("number"))
            .values(next_at=bindparam("moment")),
            [{"number": number, "moment": at} for number, at in moments.items()],
        )


async def moments(
    session: AsyncSession, campaign_id: str, lane: str, *, now: datetime, share_only: bool = False
) -> list[tuple[datetime, bool]]:
    """Return the due moments of the recipients to be asked about now.

    Args:
        session: any session.
        campaign_id: the campaign's id.
        lane: the channel.
        now: the present moment.
        share_only: as for `due`.

    Returns:
        Each moment once (one a time zone, at most), and whether a variant is tested on them.
    """
    tried = col(RecipientRow.variant).is_not(None)
    query = (
        select(col(RecipientRow.due_at), tried)
        .where(
            *_open(campaign_id, lane, under_way=False, share_only=share_only),
            col(RecipientRow.next_at) <= now,
        )
        .distinct()
    )
    return [(at, bool(of_share)) for at, of_share in await session.exec(query)]


async def postpone(
    session: AsyncSession,
    campaign_id: str,
    lane: str,
    later: Mapping[datetime, datetime],
    *,
    now: datetime,
    tried: bool,
) -> None:
    """Put off recipients who are to be asked about now, unless their message may be out.

    Args:
        session: a writing transaction.
        campaign_id: the campaign's id.
        lane: the channel.
        later: when to ask, by their due moments.
        now: the present moment.
        tried: put off those that a variant is tested on; False: the others.
    """
    await session.exec(
        update(RecipientRow)
        .where(
            *_open(campaign_id, lane, under_way=False, share_only=False),
            col(RecipientRow.next_at) <= now,
            col(RecipientRow.due_at).in_(later),
            col(RecipientRow.variant).is_not(None)
            if tried
            else col(RecipientRow.variant).is_(None),
            ~_is_under_way(campaign_id),
        )
        .values(next_at=_by_due(col(RecipientRow.due_at), later))
        .execution_options(synchronize_session=False)
    )


async def hold_longer(
    session: AsyncSession,
    campaign_id: str,
    lane: str,
    later: Mapping[datetime, datetime],
    *,
    reason: Reason,
    detail: str,
    now: datetime,
) -> None:
    """Note why held messages whose hold is over go on waiting.

    Args:
        session: a writing transaction.
        campaign_id: the campaign's id.
        lane: the channel.
        later: until when, by their due moments.
        reason: why.
        detail: the same in words.
        now: the present moment.
    """
    await session.exec(
        update(LedgerRow)
        .where(
            unsent.among([MessageState.DEFERRED], workflows=[PREFIX + campaign_id]),
            col(LedgerRow.workflow_id) == PREFIX + campaign_id,
            col(LedgerRow.state) == MessageState.DEFERRED,
            col(LedgerRow.channel) == lane,
            col(LedgerRow.held_until) <= now,
            col(LedgerRow.due_at).in_(later),
        )
        .values(
            held_until=_by_due(col(LedgerRow.due_at), later),
            held_for=_one_more(col(LedgerRow.held_for), reason),
            reason=reason.value,
            detail=detail,
        )
        .execution_options(synchronize_session=False)
    )


def _one_more(held_for: Any, reason: Reason) -> Any:
    """Return the reasons of holds with one more, as `measures.one_more` does."""
    before = func.coalesce(held_for, "")
    has = (" " + before + " ").contains(f" {reason.value} ", autoescape=True)
    return case((has, before), (before == "", reason.value), else_=before + f" {reason.value}")


def _by_due(due: Any, later: Mapping[datetime, datetime]) -> Any:
    kind = RECIPIENTS.c.due_at.type
    return case({one: literal(at, kind) for one, at in later.items()}, value=due)


async def change_lane(session: AsyncSession, number: int, lane: str, *, at: datetime) -> None:
    """Move a recipient to the queue of another channel.

    Args:
        session: a writing transaction.
        number: the recipient's number.
        lane: the other channel.
        at: when to ask.
    """
    await session.exec(
        update(RecipientRow).where(col(RecipientRow.id) == number).values(lane=lane, next_at=at)
    )


async def wake(
    session: AsyncSession, campaign_id: str, *, at: datetime, customer_id: str | None = None
) -> None:
    """Have held recipients asked about now: the cause of their hold may be gone.

    Args:
        session: a writing transaction.
        campaign_id: the campaign's id.
        at: now.
        customer_id: only this customer, by the id at the freeze; None: all.
    """
    change = update(RecipientRow).where(
        col(RecipientRow.campaign) == campaign_id,
        col(RecipientRow.next_at) > at,
        col(RecipientRow.due_at) <= at,
    )
    if customer_id is not None:
        change = change.where(col(RecipientRow.customer_id) == customer_id)
    await session.exec(change.values(next_at=at))


async def ask_held_back(session: AsyncSession, campaign_id: str, *, at: datetime) -> None:
    """Have recipients asked about whose messages an operator held back.

    Args:
        session: a writing transaction.
        campaign_id: the campaign's id.
        at: now.
    """
    held = select(LedgerRow.enrolment).where(
        unsent.among([MessageState.DEFERRED], workflows=[PREFIX + campaign_id]),
        LedgerRow.workflow_id == PREFIX + campaign_id,
        LedgerRow.state == MessageState.DEFERRED,
        LedgerRow.reason == Reason.HELD_BACK.value,
    )
    await session.exec(
        update(RecipientRow)
        .where(
            col(RecipientRow.campaign) == campaign_id,
            col(RecipientRow.customer_id).in_(held),
            col(RecipientRow.next_at) > at,
        )
        .values(next_at=at)
    )


async def of_customers(
    session: AsyncSession, customer_ids: Collection[str], *, limit: int
) -> list[Membership]:
    """Return the frozen audiences that customers are in, the newest first.

    Args:
        session: any session.
        customer_ids: the ids of one person.
        limit: the most to return.

    Returns:
        A membership for each campaign and id.
    """
    query = (
        select(RecipientRow, CampaignRow)
        .join(CampaignRow, col(CampaignRow.id) == RecipientRow.campaign)
        .where(col(RecipientRow.customer_id).in_(customer_ids))
        .order_by(col(RecipientRow.id).desc())
        .limit(limit)
    )
    return [
        Membership(
            campaign=row.id,
            customer_id=one.customer_id,
            since=row.frozen_at or row.launched_at,
            due=one.due_at,
            state=row.state,
            changed=row.changed_at,
            by=row.changed_by,
            because=row.because,
            variant=one.variant or "",
            ab=await ab_tests.standing(session, row.id, row.plan),
            doubtful=one.lane == DOUBTFUL,
            asks=_asks(row.plan),
        )
        for one, row in (await session.exec(query)).all()
    ]


def _asks(plan: Mapping[str, Any]) -> str:
    fact = read_fact(plan["who"]) if "who" in plan else None
    return str(fact) if fact is not None and followed(fact) else ""


async def takers(
    session: AsyncSession, campaign_id: str, digests: Collection[str]
) -> dict[str, str]:
    """Return the recipients whose addresses a message of a campaign has already gone to.

    Args:
        session: any session.
        campaign_id: the campaign's id.
        digests: the digests of addresses.

    Returns:
        The recipients' ids, by digest.
    """
    if not digests:
        return {}
    query = select(RecipientRow.taken, RecipientRow.customer_id).where(
        RecipientRow.campaign == campaign_id, col(RecipientRow.taken).in_(digests)
    )
    return {taken: one for taken, one in await session.exec(query) if taken is not None}


async def take(session: AsyncSession, campaign_id: str, digests: Mapping[str, str]) -> None:
    """Note the addresses that messages go to.

    Args:
        session: the transaction that claims them.
        campaign_id: the campaign's id.
        digests: the digests of the addresses, by the recipient's id.
    """
    if digests:
        connection = await session.connection()
        await connection.execute(
            RECIPIENTS.update()
            .where(
                RECIPIENTS.c.campaign == campaign_id,
                RECIPIENTS.c.customer_id == bindparam("recipient"),
            )
            .values(taken=bindparam("digest")),
            [{"recipient": one, "digest": taken} for one, taken in digests.items()],
        )
