"""Harms: messages that bounced for good or were complained about, each noted once.

Providers tell of one bounce several times, in reports or in their answer; brakes and ramps count
messages.
"""

from datetime import UTC, datetime

from sqlalchemy import func, literal, or_
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.brakes import Harm, Tally
from sojourn.domain.campaign_run import PREFIX
from sojourn.domain.messages import Channel, Reason
from sojourn.domain.reports import Kind, Report
from sojourn.domain.states import MessageState
from sojourn.store.dialects import insert
from sojourn.store.tables import HarmRow, LedgerRow

HARMS = SQLModel.metadata.tables["harms"]


def harm_of(report: Report) -> Harm | None:
    """Return the harm that a report tells of; None if it tells of none.

    A push token that is gone is no harm: the app was removed from the device.
    """
    if report.channel is Channel.PUSH:
        return None
    if report.kind is Kind.COMPLAINED:
        return Harm.COMPLAINED
    return Harm.BOUNCED if report.hard else None


async def note(session: AsyncSession, ledger_id: int, harm: Harm) -> None:
    """Note a harm of a message; a repeated note changes nothing.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        harm: what happened.
    """
    query = select(LedgerRow.workflow_id, LedgerRow.channel, LedgerRow.message_class)
    found = (await session.exec(query.where(LedgerRow.id == ledger_id))).first()
    if found is None:
        return
    workflow_id, channel, message_class = found
    campaign = workflow_id.removeprefix(PREFIX) if workflow_id.startswith(PREFIX) else ""
    row = HarmRow(
        ledger_id=ledger_id,
        harm=harm,
        campaign=campaign,
        channel=channel,
        message_class=message_class,
        at=datetime.now(UTC),
    )
    addition = insert(session, HARMS).values(row.model_dump(exclude={"id"}))
    await session.exec(addition.on_conflict_do_nothing())


async def of_campaign(session: AsyncSession, campaign_id: str, channel: Channel) -> tuple[int, int]:
    """Count the messages of a campaign by a channel that did harm.

    Args:
        session: any session.
        campaign_id: its id.
        channel: the channel.

    Returns:
        The number that bounced for good, and the number that were complained about.
    """
    query = (
        select(HarmRow.harm, func.count())
        .where(HarmRow.campaign == campaign_id, HarmRow.channel == channel.value)
        .group_by(col(HarmRow.harm))
    )
    found = {Harm(harm): number for harm, number in await session.exec(query)}
    return found.get(Harm.BOUNCED, 0), found.get(Harm.COMPLAINED, 0)


async def tally(session: AsyncSession, campaign_id: str, channel: Channel) -> Tally:
    """Count the messages of a campaign that have left by a channel, and their harm.

    Args:
        session: any session.
        campaign_id: its id.
        channel: the channel.

    Returns:
        The numbers. It reads all rows of the campaign: do not ask after each batch.
    """
    query = select(func.count()).where(
        LedgerRow.workflow_id == PREFIX + campaign_id,
        col(LedgerRow.state).in_((MessageState.SENT, MessageState.REJECTED)),
        LedgerRow.channel == channel.value,
        or_(
            col(LedgerRow.state) == MessageState.SENT,
            col(LedgerRow.reason) == literal(Reason.INVALID_ADDRESS.value),
        ),
    )
    left = (await session.exec(query)).one()
    bounced, complained = await of_campaign(session, campaign_id, channel)
    return Tally(left, bounced, complained)
