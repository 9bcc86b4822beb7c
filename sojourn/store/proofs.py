"""Proofs that a provider took a message: its answer to an attempt, and its reports.

A proof may come late: another attempt may have asked the provider, heard that it does not have the
message, and sent it. The row admits it: a second delivery that is proved is noted, once.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.reports import Kind, Report
from sojourn.domain.states import UNRESOLVED, AttemptState, MessageState
from sojourn.store import attempts, coupons, prepared
from sojourn.store.prepared import value
from sojourn.store.tables import AttemptRow, LedgerRow

ANSWER, LOOK_UP, REPORT = "answer", "look-up", "report"
NEVER_SENT = (MessageState.REJECTED, MessageState.SKIPPED)
REACHED = (Kind.DELIVERED, Kind.OPENED, Kind.READ, Kind.CLICKED, Kind.COMPLAINED, Kind.REPLIED)
"""Reports that prove that a customer got the message, whatever we believed."""
_SECOND = (Kind.ACCEPTED, *REACHED)
"""Reports that prove a second delivery, if they name another message of the provider's."""

_LEDGER = SQLModel.metadata.tables["ledger"]
_SENT = (
    _LEDGER.update()
    .where(
        _LEDGER.c.id == value("number", _LEDGER.c.id),
        _LEDGER.c.state == MessageState.SUBMITTING,
        _LEDGER.c.attempt == value("nth", _LEDGER.c.attempt),
    )
    .values(
        state=MessageState.SENT,
        reason=None,
        detail=None,
        caused_by=None,
        settled_at=value("now", _LEDGER.c.settled_at),
        provider_id=value("their_id", _LEDGER.c.provider_id),
    )
)
"""It says of a row the same as `_sent`."""


async def answered(
    session: AsyncSession, ledger_id: int, attempt: int, *, provider_id: str | None, keyed: bool
) -> bool:
    """Note that the provider took the message from this attempt, as its own answer says.

    The answer counts even if the attempt was given up and the message is settled otherwise.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims in the attempt.
        provider_id: the provider's id of the message.
        keyed: the provider has idempotency keys: the same id twice is one delivery if both
          attempts used their own key.

    Returns:
        True if this proves, and nothing did before, that the message went out twice.
    """
    now = datetime.now(UTC)
    found = {"number": ledger_id, "nth": attempt, "now": now, "their_id": provider_id}
    usual = await prepared.change(session, _SENT, found)
    if usual == 1 and attempt == 1:
        await attempts.accepted(session, ledger_id, attempt, by=ANSWER, provider_id=provider_id)
        return False
    row = await held(session, ledger_id)
    if row.state is not MessageState.SENT:
        for name, value in _sent(now, provider_id).items():
            setattr(row, name, value)
        await coupons.bring_back(session, [(row.message_id, row.coupon)])
    tried = await _tried(session, row)
    for own in tried:
        if own.attempt == attempt:
            # another id that was attributed to this attempt belongs to an earlier one
            told = own.provider_id if own.state is AttemptState.ACCEPTED else None
            _accept(own, by=ANSWER, provider_id=provider_id, at=now)
            if told and told != provider_id:
                _attribute(tried, own.provider, told, at=now)
    under_key = keyed and all(own.keyed for own in tried if own.attempt == attempt)
    perhaps = any(one.state in UNRESOLVED and not (under_key and one.keyed) for one in tried)
    return _mark(row, perhaps=perhaps, proved=_deliveries(tried, keyed=keyed) > 1, at=now)


async def reported(
    session: AsyncSession, row: LedgerRow, provider: str, report: Report, received_at: datetime
) -> bool:
    """Note that the provider has the message, as a report that names it proves.

    Args:
        session: a writing transaction.
        row: the message's row, held by this transaction.
        provider: the name of the provider that reports.
        report: the report.
        received_at: when it arrived, by the machine's clock.

    Returns:
        True if this proves, and nothing did before, that the message went out twice.
    """
    their_id = report.provider_id or None
    if row.state is not MessageState.SENT:
        for name, value in _sent(received_at, row.provider_id or their_id).items():
            setattr(row, name, value)
        if their_id:  # without an id, the report may be our own, of a followed link
            row.provider = provider
        tried = await _tried(session, row)
        open_ones = [one for one in tried if one.state in UNRESOLVED]
        # a report does not name the attempt: take the last one that may have sent it
        for one in open_ones[-1:]:
            _accept(one, by=REPORT, provider_id=their_id, at=received_at)
        if not open_ones and their_id:
            _attribute(tried, provider, their_id, at=received_at)
        session.add(row)
        await session.flush()
        await coupons.bring_back(session, [(row.message_id, row.coupon)])
        return False
    if their_id is None or (row.provider_id == their_id and row.provider == provider):
        return False
    if report.kind is Kind.UNSUBSCRIBED:  # the customer's word, whichever message it came from
        return False
    tried = await _tried(session, row)
    if row.provider_id is None:
        row.provider_id = their_id
        _name_last(tried, their_id)  # later reports find the message by its attempts
        session.add(row)
        return False
    if not any((one.provider, one.provider_id) == (provider, their_id) for one in tried):
        _attribute(tried, provider, their_id, at=received_at)
    return _mark(row, perhaps=True, proved=report.kind in _SECOND, at=received_at)


async def held(session: AsyncSession, ledger_id: int) -> LedgerRow:
    """Return a row of the ledger as it is now, and lock it until the transaction ends."""
    query = select(LedgerRow).where(LedgerRow.id == ledger_id).with_for_update()
    return (await session.exec(query.execution_options(populate_existing=True))).one()


def _sent(at: datetime, provider_id: str | None) -> dict[str, object]:
    return {
        "state": MessageState.SENT,
        "reason": None,
        "detail": None,
        "caused_by": None,
        "settled_at": at,
        "provider_id": provider_id,
    }


async def _tried(session: AsyncSession, row: LedgerRow) -> Sequence[AttemptRow]:
    query = select(AttemptRow).where(AttemptRow.ledger_id == row.id)
    query = query.order_by(col(AttemptRow.id)).execution_options(populate_existing=True)
    return (await session.exec(query)).all()


def _accept(one: AttemptRow, *, by: str, provider_id: str | None, at: datetime) -> None:
    one.state, one.settled_by, one.settled_at = AttemptState.ACCEPTED, by, at
    one.provider_id = provider_id or one.provider_id


def _attribute(
    tried: Sequence[AttemptRow], provider: str, provider_id: str, *, at: datetime
) -> None:
    """Attribute a message that the provider proved to the first attempt that can have sent it.

    An attempt that a look-up did not find is one of them: its message may have arrived later.
    """
    for one in tried:
        unfound = one.state is AttemptState.RELEASED and one.settled_by == LOOK_UP
        if one.provider == provider and (one.state in UNRESOLVED or unfound):
            _accept(one, by=REPORT, provider_id=provider_id, at=at)
            return


def _name_last(tried: Sequence[AttemptRow], provider_id: str) -> None:
    """Give a provider's id to the last attempt that has none."""
    for one in [one for one in tried if one.provider_id is None][-1:]:
        one.provider_id = provider_id


def _deliveries(tried: Sequence[AttemptRow], *, keyed: bool) -> int:
    """Count the deliveries that are proved.

    Two ids are two deliveries. Some providers use our own id for every attempt: there, each answer
    is a delivery, except that answers under one idempotency key are one.
    """
    accepted = [one for one in tried if one.state is AttemptState.ACCEPTED and one.provider_id]
    named = {(one.provider, one.provider_id) for one in accepted}
    answers = [one for one in accepted if one.settled_by == ANSWER]
    # the answers under one key are one delivery together, each other answer is one
    told = {(a.provider, a.provider_id) for a in answers if keyed and a.keyed}
    alone = Counter((a.provider, a.provider_id) for a in answers if not (keyed and a.keyed))
    return len(named) + sum(n - (name not in told) for name, n in alone.items())


def _mark(row: LedgerRow, *, perhaps: bool, proved: bool, at: datetime) -> bool:
    row.possible_duplicate |= perhaps or proved
    if not proved or row.twice_at is not None:
        return False
    row.twice_at = at
    return True
