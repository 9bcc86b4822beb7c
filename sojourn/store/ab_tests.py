"""A/B tests of campaigns: their shares, where they stand, and their results."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import exists, func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.ab_standing import ABPlan, ABResult, ABStanding
from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.messages import Reason
from sojourn.domain.reports import Kind
from sojourn.domain.states import MessageState
from sojourn.store import unsent
from sojourn.store.dialects import insert
from sojourn.store.tables import ABTestRow, EventRow, LedgerRow, RecipientRow, ReportRow

OF_ONE_CUSTOMER = (Reason.CAP, Reason.GAVE_WAY, Reason.SNOOZED, Reason.IN_CARE)
"""Holds that may last for days: the test does not wait for their end."""


async def begin(session: AsyncSession, campaign_id: str) -> None:
    """Note that a campaign's variants are being tested; a repeated call changes nothing."""
    await session.exec(
        insert(session, ABTestRow).values(campaign=campaign_id).on_conflict_do_nothing()
    )


async def find(session: AsyncSession, campaign_id: str, *, hold: bool = False) -> ABTestRow | None:
    """Return the test of a campaign; None if it has none.

    Args:
        session: any session; a writing transaction if ``hold`` is set.
        campaign_id: the campaign's id.
        hold: lock the row until the transaction ends.

    Returns:
        The row.
    """
    query = select(ABTestRow).where(ABTestRow.campaign == campaign_id)
    query = query.with_for_update() if hold else query
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def standing(
    session: AsyncSession, campaign_id: str, plan: Mapping[str, Any]
) -> ABStanding | None:
    """Return where the test of a campaign stands; None if it has no test, or no row of one yet.

    Args:
        session: any session.
        campaign_id: the campaign's id.
        plan: the campaign's, as it is kept.

    Returns:
        The standing.
    """
    if not plan.get("ab"):
        return None
    row = await find(session, campaign_id)
    if row is None:
        return None
    test = ABPlan.model_validate(plan["ab"])
    return ABStanding(
        by=test.by,
        variants=test.names,
        after=test.after,
        decides_at=row.decides_at,
        decided_at=row.decided_at,
        winner=row.winner or "",
        results=tuple(ABResult.model_validate(one) for one in row.results or ()),
    )


async def page(
    session: AsyncSession, campaign_id: str, *, after: int, limit: int
) -> Sequence[tuple[int, str]]:
    """Return recipients of a campaign: the number and the customer of each.

    Args:
        session: any session.
        campaign_id: the campaign's id.
        after: the number of the last one before; 0 at the beginning.
        limit: the most to return.

    Returns:
        In the order of their numbers.
    """
    query = (
        select(RecipientRow.id, RecipientRow.customer_id)
        .where(RecipientRow.campaign == campaign_id, col(RecipientRow.id) > after)
        .order_by(col(RecipientRow.id))
        .limit(limit)
    )
    return [(number, one) for number, one in await session.exec(query) if number is not None]


async def assign(session: AsyncSession, variant: str, numbers: Collection[int]) -> None:
    """Note which variant is tried on recipients.

    Args:
        session: a writing transaction.
        variant: its name.
        numbers: the numbers of the recipients.
    """
    if numbers:
        chosen = col(RecipientRow.id).in_(numbers)
        await session.exec(update(RecipientRow).where(chosen).values(variant=variant))


async def is_share_waiting(session: AsyncSession, campaign_id: str) -> bool:
    """Tell whether some of the share are still to get the message.

    Holds of single customers (`OF_ONE_CUSTOMER`) do not count: a cap may last for days.

    Args:
        session: any session.
        campaign_id: the campaign's id.
    """
    held = select(LedgerRow.enrolment).where(
        unsent.among([MessageState.DEFERRED], workflows=[PREFIX + campaign_id]),
        LedgerRow.workflow_id == PREFIX + campaign_id,
        LedgerRow.state == MessageState.DEFERRED,
        col(LedgerRow.reason).in_([reason.value for reason in OF_ONE_CUSTOMER]),
    )
    waits = exists().where(
        col(RecipientRow.campaign) == campaign_id,
        col(RecipientRow.next_at).is_not(None),
        col(RecipientRow.variant).is_not(None),
        col(RecipientRow.customer_id).not_in(held),
    )
    return bool((await session.exec(select(waits))).one())


async def results(session: AsyncSession, campaign_id: str, test: ABPlan) -> list[ABResult]:
    """Count each variant's sent messages, and those that led to the wanted click or event.

    Args:
        session: any session.
        campaign_id: the campaign's id.
        test: its test.

    Returns:
        A result for each variant, in their order.
    """
    sent = await _counted(session, select(LedgerRow.variant, func.count()), campaign_id)
    if test.event:
        reached = await _bought(session, campaign_id, test.event)
    else:
        reached = await _clicked(session, campaign_id)
    return [
        ABResult(variant=one, sent=sent.get(one, 0), reached=reached.get(one, 0))
        for one in test.names
    ]


async def _clicked(session: AsyncSession, campaign_id: str) -> dict[str, int]:
    """Count the messages in which a person followed a link, once each."""
    query = select(LedgerRow.variant, func.count(func.distinct(LedgerRow.id))).join(
        ReportRow, col(ReportRow.ledger_id) == LedgerRow.id
    )
    query = query.where(ReportRow.kind == Kind.CLICKED, col(ReportRow.machine).is_(None))
    return await _counted(session, query, campaign_id)


async def _bought(session: AsyncSession, campaign_id: str, event: str) -> dict[str, int]:
    """Count the messages after which their customers had an event, once each."""
    query = select(LedgerRow.variant, func.count(func.distinct(LedgerRow.id))).join(
        EventRow, col(EventRow.customer_id) == LedgerRow.customer_id
    )
    query = query.where(EventRow.name == event, col(EventRow.occurred_at) > LedgerRow.decided_at)
    return await _counted(session, query, campaign_id)


async def _counted(session: AsyncSession, query: Any, campaign_id: str) -> dict[str, int]:
    query = query.where(
        LedgerRow.workflow_id == PREFIX + campaign_id,
        LedgerRow.state == MessageState.SENT,
        col(LedgerRow.variant).is_not(None),
    )
    return dict((await session.exec(query.group_by(LedgerRow.variant))).all())
