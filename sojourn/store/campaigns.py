"""Campaigns that were launched, where they stand, and what was done to them."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.campaign_run import (
    PREFIX,
    CampaignAct,
    CampaignCounts,
    CampaignDeed,
    CampaignState,
)
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Reason
from sojourn.domain.states import MessageState
from sojourn.domain.text import LONGEST_NOTE, writable
from sojourn.store import ab_tests, recipients, unsent
from sojourn.store.dialects import insert
from sojourn.store.tables import CampaignRow, CampaignWordRow, EventRow, LedgerRow

_AFTER: Mapping[CampaignAct, CampaignState] = {
    CampaignAct.PAUSE: CampaignState.PAUSED,
    CampaignAct.RESUME: CampaignState.RUNNING,
    CampaignAct.STOP: CampaignState.STOPPED,
}
_OVER = tuple(state for state in CampaignState if state.is_over)
_UNDER_WAY = (MessageState.CLAIMED, MessageState.SUBMITTING)
_HALTED = (CampaignState.PAUSED, CampaignState.STOPPED)
_REFUSED = (MessageState.REJECTED,)
_NOT_SENT = (MessageState.SKIPPED, MessageState.EXPIRED)


async def launch(
    session: AsyncSession,
    campaign_id: str,
    *,
    name: str,
    digest: str,
    plan: Mapping[str, Any],
    by: str,
) -> tuple[CampaignRow, bool]:
    """Note that a campaign is launched; the first launch of an id counts.

    Args:
        session: a writing transaction.
        campaign_id: its id.
        name: the campaign's name.
        digest: of what was approved.
        plan: all that its batches need, as JSON values.
        by: who launches it.

    Returns:
        The row; and False if it was launched before.
    """
    now = datetime.now(UTC)
    row = CampaignRow(
        id=campaign_id,
        name=name,
        digest=digest,
        plan=dict(plan),
        state=CampaignState.LAUNCHED,
        launched_at=now,
        launched_by=by,
        changed_at=now,
        changed_by=by,
    )
    added = await session.exec(
        insert(session, CampaignRow)
        .values(row.model_dump())
        .on_conflict_do_nothing()
        .returning(col(CampaignRow.id))
    )
    if new := added.first() is not None:
        note(session, campaign_id, "launch", by=by, digest=digest)
    return await get(session, campaign_id), new


def note(
    session: AsyncSession,
    campaign_id: str,
    what: str,
    *,
    by: str,
    because: str = "",
    digest: str = "",
) -> None:
    """Keep what was done to a campaign, who did it and why.

    Args:
        session: a writing transaction.
        campaign_id: its id.
        what: the deed.
        by: who did it.
        because: why.
        digest: of what was approved or launched.
    """
    session.add(
        CampaignWordRow(
            campaign=campaign_id,
            what=what,
            at=datetime.now(UTC),
            by=by,
            because=writable(because, LONGEST_NOTE),
            digest=digest,
        )
    )


async def words(session: AsyncSession, campaign_id: str) -> Sequence[CampaignWordRow]:
    """Return what was done to a campaign, oldest first."""
    query = select(CampaignWordRow).where(CampaignWordRow.campaign == campaign_id)
    return (await session.exec(query.order_by(col(CampaignWordRow.id)))).all()


async def find(session: AsyncSession, campaign_id: str) -> CampaignRow | None:
    """Return a campaign that was launched; None if it never was."""
    query = select(CampaignRow).where(CampaignRow.id == campaign_id)
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def get(session: AsyncSession, campaign_id: str) -> CampaignRow:
    """Return a campaign that was launched.

    Raises:
        BadInput: it never was.
    """
    row = await find(session, campaign_id)
    if row is None:
        raise BadInput(
            f'no campaign "{campaign_id}" was launched: `sojourn campaign list` shows them'
        )
    return row


async def launches(session: AsyncSession, name: str) -> Sequence[str]:
    """Return the ids of the launches of a campaign, newest first; at most ten."""
    query = select(CampaignRow.id).where(CampaignRow.name == name)
    return (await session.exec(query.order_by(col(CampaignRow.launched_at).desc()).limit(10))).all()


async def every(session: AsyncSession, *, limit: int = 100) -> Sequence[CampaignRow]:
    """Return the campaigns that were launched, newest first.

    Args:
        session: any session.
        limit: the most to return.
    """
    query = select(CampaignRow).order_by(col(CampaignRow.launched_at).desc()).limit(limit)
    return (await session.exec(query)).all()


async def standing(session: AsyncSession, campaign_id: str) -> tuple[CampaignState, datetime]:
    """Return where a campaign stands, and since when; one that was never launched is stopped."""
    query = select(CampaignRow.state, CampaignRow.changed_at).where(CampaignRow.id == campaign_id)
    found = (await session.exec(query)).first()
    if found is None:
        return CampaignState.STOPPED, datetime.now(UTC)
    state, since = found
    return CampaignState(state), since


async def hold(session: AsyncSession, campaign_id: str) -> CampaignRow | None:
    """Return a campaign, and lock it: nobody pauses or stops it before the transaction ends."""
    query = select(CampaignRow).where(CampaignRow.id == campaign_id).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).first()


async def frozen(session: AsyncSession, campaign_id: str, *, at: datetime, size: int) -> None:
    """Note that the audience of a campaign is frozen, and that it runs.

    Args:
        session: the transaction that freezes.
        campaign_id: its id.
        at: the moment at which the audience was queried.
        size: customers in it.
    """
    newest = select(func.coalesce(func.max(EventRow.seq), 0)).scalar_subquery()
    this = col(CampaignRow.id) == campaign_id
    await session.exec(
        update(CampaignRow).where(this).values(frozen_at=at, size=size, start_seq=newest)
    )
    await session.exec(
        update(CampaignRow)
        .where(this, col(CampaignRow.state) == CampaignState.LAUNCHED)
        .values(state=CampaignState.RUNNING, changed_at=datetime.now(UTC))
    )


async def waits(session: AsyncSession, campaign_id: str, *, because: str) -> None:
    """Note, once, that a campaign cannot be frozen yet.

    Args:
        session: a writing transaction.
        campaign_id: the campaign's id.
        because: why.
    """
    if not any(one.what == "wait" for one in await words(session, campaign_id)):
        note(session, campaign_id, "wait", by="campaign", because=because)


async def grown(session: AsyncSession, campaign_id: str, *, by: int) -> None:
    """Note that customers came into a frozen audience.

    Args:
        session: a writing transaction.
        campaign_id: the campaign's id.
        by: how many.
    """
    await session.exec(
        update(CampaignRow)
        .where(col(CampaignRow.id) == campaign_id)
        .values(size=col(CampaignRow.size) + by)
    )


async def act(session: AsyncSession, deed: CampaignDeed) -> CampaignRow:
    """Pause, resume or stop a campaign. A campaign that is over stays over.

    The caller reports the deed as done only once `store.switches.settle` has followed the commit:
    until then, a claim that has not seen it may be under way.

    Args:
        session: a writing transaction.
        deed: what is done.

    Returns:
        The campaign.

    Raises:
        BadInput: it was never launched.
    """
    row = await hold(session, deed.campaign)
    if row is None:
        return await get(session, deed.campaign)
    after = _AFTER[deed.act]
    if after is CampaignState.RUNNING and row.frozen_at is None:
        after = CampaignState.LAUNCHED
    if row.state.is_over or row.state is after:
        return row
    if deed.act is CampaignAct.RESUME and row.state is not CampaignState.PAUSED:
        return row
    row.state, row.changed_at, row.changed_by = after, datetime.now(UTC), deed.by
    row.because = writable(deed.because, LONGEST_NOTE)
    session.add(row)
    note(session, deed.campaign, deed.act.value, by=deed.by, because=deed.because)
    if deed.act is CampaignAct.RESUME:
        await recipients.ask_held_back(session, deed.campaign, at=row.changed_at)
    if after is CampaignState.STOPPED:
        await _void_held(session, deed)
    return row


async def _void_held(session: AsyncSession, deed: CampaignDeed) -> None:
    """Skip the held messages of a campaign that was stopped."""
    detail = f"stopped by {deed.by}" if deed.by else "stopped"
    await session.exec(
        update(LedgerRow)
        .where(
            unsent.among([MessageState.DEFERRED], workflows=[PREFIX + deed.campaign]),
            col(LedgerRow.workflow_id) == PREFIX + deed.campaign,
            col(LedgerRow.state) == MessageState.DEFERRED,
        )
        .values(
            state=MessageState.SKIPPED,
            reason=Reason.RUN_STOPPED.value,
            detail=writable(f"{detail}: {deed.because}" if deed.because else detail, LONGEST_NOTE),
            settled_at=datetime.now(UTC),
        )
    )


async def claim_seed(session: AsyncSession, campaign_id: str, digest: str) -> bool:
    """Note that a seed gets its copy now.

    Args:
        session: a writing transaction.
        campaign_id: the campaign's id.
        digest: the digest of the seed's address, with the variant if there are several.

    Returns:
        False if it got its copy before, or the campaign was paused or stopped meanwhile.
    """
    this = select(CampaignRow.state).where(CampaignRow.id == campaign_id).with_for_update()
    if (await session.exec(this)).first() is not CampaignState.RUNNING:
        return False
    had = select(CampaignWordRow.id).where(
        CampaignWordRow.campaign == campaign_id,
        CampaignWordRow.what == "seed",
        CampaignWordRow.digest == digest,
    )
    if (await session.exec(had)).first() is not None:
        return False
    note(session, campaign_id, "seed", by="campaign", digest=digest)
    return True


async def end(
    session: AsyncSession, campaign_id: str, state: CampaignState, *, by: str, because: str
) -> None:
    """End a campaign before anybody in it was decided on; one that is over stays as it is.

    Args:
        session: a writing transaction.
        campaign_id: its id.
        state: where it stands from now on.
        by: who ends it.
        because: why.
    """
    changed = await session.exec(
        update(CampaignRow)
        .where(col(CampaignRow.id) == campaign_id, col(CampaignRow.state).not_in(_OVER))
        .values(state=state, changed_at=datetime.now(UTC), changed_by=by, because=because)
    )
    if changed.rowcount:
        note(session, campaign_id, "finish", by=by, because=because)


async def finish(session: AsyncSession, campaign_id: str) -> None:
    """Note that everybody in a campaign was decided on."""
    changed = await session.exec(
        update(CampaignRow)
        .where(
            col(CampaignRow.id) == campaign_id,
            col(CampaignRow.state).not_in(_OVER),
        )
        .values(state=CampaignState.FINISHED, changed_at=datetime.now(UTC), changed_by="campaign")
    )
    if changed.rowcount:
        note(session, campaign_id, "finish", by="campaign")


async def counts(session: AsyncSession, campaign_id: str) -> CampaignCounts:
    """Return the numbers of a campaign, from the ledger.

    Raises:
        BadInput: it was never launched.
    """
    row = await get(session, campaign_id)
    query = (
        select(LedgerRow.state, func.count())
        .where(LedgerRow.workflow_id == PREFIX + campaign_id)
        .group_by(col(LedgerRow.state))
    )
    found: dict[str, int] = dict((await session.exec(query)).all())
    sent = found.get(MessageState.SENT, 0)
    unknown = found.get(MessageState.UNKNOWN, 0)
    under_way = sum(found.get(one, 0) for one in _UNDER_WAY)
    skipped = sum(found.get(one, 0) for one in _NOT_SENT)
    rejected = sum(found.get(one, 0) for one in _REFUSED)
    held = found.get(MessageState.DEFERRED, 0)
    decided = sent + unknown + under_way + skipped + rejected + held
    return CampaignCounts(
        campaign=campaign_id,
        state=row.state,
        size=row.size,
        sent=sent,
        skipped=skipped,
        rejected=rejected,
        unknown=unknown,
        under_way=under_way,
        held=held,
        waiting=max(row.size - decided, 0),
        because=row.because if row.state in _HALTED else "",
        ab=await ab_tests.standing(session, campaign_id, row.plan),
        doubtful=await recipients.doubtful(session, campaign_id),
    )


async def reasons(session: AsyncSession, campaign_id: str) -> dict[str, int]:
    """Return why customers of a campaign got nothing, and how many each time, most first."""
    query = (
        select(LedgerRow.reason, func.count())
        .where(
            LedgerRow.workflow_id == PREFIX + campaign_id,
            col(LedgerRow.state).in_((*_NOT_SENT, *_REFUSED, MessageState.DEFERRED)),
            col(LedgerRow.reason).is_not(None),
        )
        .group_by(LedgerRow.reason)
    )
    found = [(reason or "", number) for reason, number in await session.exec(query)]
    return dict(sorted(found, key=lambda one: (-one[1], one[0])))
