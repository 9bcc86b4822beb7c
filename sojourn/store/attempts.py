"""Attempts: each hand-over of a message to a provider, and its end.

`domain.states.AttemptState` draws how an attempt moves.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.states import UNRESOLVED, AttemptState
from sojourn.store import prepared
from sojourn.store.prepared import value
from sojourn.store.tables import AttemptRow

_ATTEMPTS = SQLModel.metadata.tables["attempts"]
_BEGUN = _ATTEMPTS.insert()
_ACCEPTED = (
    _ATTEMPTS.update()
    .where(
        _ATTEMPTS.c.ledger_id == value("attempt_of", _ATTEMPTS.c.ledger_id),
        _ATTEMPTS.c.attempt == value("nth", _ATTEMPTS.c.attempt),
        # a superseded attempt counts as unresolved: its worker may live, and still report an end
        _ATTEMPTS.c.state.in_(UNRESOLVED),
    )
    .values(
        state=AttemptState.ACCEPTED,
        settled_at=value("now", _ATTEMPTS.c.settled_at),
        settled_by=value("by", _ATTEMPTS.c.settled_by),
        provider_id=func.coalesce(
            value("their_id", _ATTEMPTS.c.provider_id), _ATTEMPTS.c.provider_id
        ),
    )
)


async def begin(
    session: AsyncSession,
    ledger_id: int,
    attempt: int,
    *,
    provider: str,
    now: datetime,
    keyed: bool = True,
    language: str | None = None,
    mailbox: str | None = None,
) -> None:
    """Note that an attempt hands the message over now.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the row's count of claims.
        provider: the provider that gets the message.
        now: by the journey's clock.
        keyed: False if it leaves in a call with others, whose idempotency key is not its alone
            (`sending.handing_many.is_keyed`).
        language: the language of the message.
        mailbox: the operator of the mailbox that it goes to.
    """
    begun = {
        "ledger_id": ledger_id,
        "attempt": attempt,
        "provider": provider,
        "state": AttemptState.SUBMITTING,
        "submitted_at": datetime.now(UTC),
        "journey_at": now,
        "keyed": keyed,
        "language": language,
        "mailbox": mailbox,
    }
    await prepared.change(session, _BEGUN, begun)


async def accepted(
    session: AsyncSession, ledger_id: int, attempt: int, *, by: str, provider_id: str | None
) -> None:
    """Note that the provider took the message from an attempt whose end is not known, as `end`.

    Args:
        session: a writing transaction, which has read no attempt.
        ledger_id: the number of the message's row.
        attempt: the attempt.
        by: as for `end`.
        provider_id: the provider's id of the message; None: it gave none, and a former one stays.
    """
    values = {"attempt_of": ledger_id, "nth": attempt, "now": datetime.now(UTC), "by": by}
    await prepared.change(session, _ACCEPTED, {**values, "their_id": provider_id})


async def end(
    session: AsyncSession,
    ledger_id: int,
    state: AttemptState,
    *,
    by: str,
    attempt: int | None = None,
    provider_id: str | None = None,
    error: str | None = None,
    detail: str | None = None,
    at: datetime | None = None,
) -> None:
    """Note how an attempt ended. An attempt whose end is known stays as it is.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        state: the end; not ``submitting``.
        by: answer, look-up, report, gate, or an operator's name.
        attempt: the attempt; None means the last one whose end is not known.
        provider_id: the provider's id of the message.
        error: the kind of the provider's error.
        detail: what the provider said.
        at: when the end became known, by the machine's clock; None means now.
    """
    values: dict[str, Any] = {"state": state, "settled_at": at or datetime.now(UTC)}
    values["settled_by"] = by
    given = {"provider_id": provider_id, "error": error, "detail": detail}
    values |= {name: value for name, value in given.items() if value is not None}
    # a superseded attempt counts as unresolved: its worker may live, and still report an end
    unresolved = col(AttemptRow.ledger_id) == ledger_id, col(AttemptRow.state).in_(UNRESOLVED)
    query = update(AttemptRow).where(*unresolved)
    if attempt is None:
        last = select(func.max(AttemptRow.id)).where(*unresolved).scalar_subquery()
        query = query.where(col(AttemptRow.id) == last)
    else:
        query = query.where(col(AttemptRow.attempt) == attempt)
    await session.exec(query.values(**values))


async def reopen(session: AsyncSession, ledger_id: int, attempt: int) -> bool:
    """Reopen an attempt that a look-up settled as not sent, since its worker has now reported.

    Args:
        session: a writing transaction.
        ledger_id: the number of the message's row.
        attempt: the attempt.

    Returns:
        True if a look-up had settled the attempt.
    """
    changed = await session.exec(
        update(AttemptRow)
        .where(
            col(AttemptRow.ledger_id) == ledger_id,
            col(AttemptRow.attempt) == attempt,
            col(AttemptRow.state) == AttemptState.RELEASED,
            col(AttemptRow.settled_by) == "look-up",
        )
        .values(state=AttemptState.SUBMITTING)
    )
    return changed.rowcount == 1


async def absent(session: AsyncSession, ledger_id: int) -> None:
    """Note that the provider does not have the message: no open attempt has sent it.

    The attempts keep their details, which tell an operator why there was doubt.
    """
    await session.exec(
        update(AttemptRow)
        .where(
            col(AttemptRow.ledger_id) == ledger_id,
            col(AttemptRow.state).in_(UNRESOLVED),
        )
        .values(state=AttemptState.RELEASED, settled_at=datetime.now(UTC), settled_by="look-up")
    )


async def of_messages(
    session: AsyncSession, ledger_ids: Iterable[int]
) -> Mapping[int, Sequence[AttemptRow]]:
    """Return the attempts at each of these messages, oldest first, by the number of its row."""
    kept: dict[int, list[AttemptRow]] = {number: [] for number in ledger_ids}
    query = select(AttemptRow).where(col(AttemptRow.ledger_id).in_(kept))
    for row in await session.exec(query.order_by(col(AttemptRow.id))):
        kept[row.ledger_id].append(row)
    return kept


async def unresolved(session: AsyncSession, ledger_id: int) -> Sequence[AttemptRow]:
    """Return the attempts by which the message may be out, oldest first."""
    query = select(AttemptRow).where(
        AttemptRow.ledger_id == ledger_id, col(AttemptRow.state).in_(UNRESOLVED)
    )
    return (await session.exec(query.order_by(col(AttemptRow.id)))).all()
