"""Suppressed addresses: they get no message, no matter which customer has them.

SMS and WhatsApp use the same number but count apart: a number without WhatsApp takes texts. A
suppression that was lifted stays as a row, so that no earlier report brings it back. A row of an
erased person has the digest of the address in place of the address (`store.digests`).
"""

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, tuple_, update
from sqlalchemy import select as core_select
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.addresses import normalised, spellings
from sojourn.domain.messages import Channel
from sojourn.store import prepared, refusals
from sojourn.store.dialects import insert
from sojourn.store.digests import digest, erased_among, is_digest
from sojourn.store.tables import SuppressionRow

CAUSES = ("bounced", "complained", "gone")
"""The causes that providers report; any other cause is in an operator's words."""
OPERATOR = "by hand"
"""The cause that replaces an operator's words once the address is forgotten."""
_PAGE = 500
_SUPPRESSIONS = SQLModel.metadata.tables["suppressions"]
_AMONG = core_select(_SUPPRESSIONS.c.channel, _SUPPRESSIONS.c.address).where(
    tuple_(_SUPPRESSIONS.c.channel, _SUPPRESSIONS.c.address).in_(
        bindparam("pairs", expanding=True)
    ),
    _SUPPRESSIONS.c.lifted_at.is_(None),
)
_LIKE_A_NUMBER = re.compile(r"(whatsapp:)?[+\d][\d\s().-]*", re.ASCII)


@dataclass(frozen=True)
class Asked:
    """A filter for suppressions.

    Args:
        channel: None: any.
        because: None: any cause.
        address: in any spelling; None: any. It also finds an erased person's row.
        lifted: include those that were lifted.
    """

    channel: Channel | None = None
    because: str | None = None
    address: str | None = None
    lifted: bool = False


async def add(
    session: AsyncSession,
    channel: Channel,
    address: str,
    *,
    because: str,
    at: datetime,
    source: str,
    hidden: bool = False,
) -> bool:
    """Send nothing more to an address. The first of several suppressions is kept.

    Args:
        session: a writing transaction.
        channel: the channel to which the suppression applies.
        address: the address, in any spelling.
        because: one of `CAUSES`, or an operator's word.
        at: the moment of the report, answer or command. If the address was lifted later, nothing
          changes.
        source: the report, answer or operator that it comes from.
        hidden: keep only the digest of the address, since its owner is erased. An address that
          an erased person had (`store.digests.erased_among`) is always hidden.

    Returns:
        True if this suppresses the address; False if it was suppressed, or has been lifted since.

    Raises:
        ValueError: the address is empty.
    """
    spelling = normalised(channel, address)
    if not spelling:
        raise ValueError("an empty address cannot be suppressed")
    rows = await _rows(session, channel, address)
    stands = any(row.lifted_at is None for row in rows)
    if any(row.lifted_at is not None and at <= row.lifted_at for row in rows):
        return False
    # an address that is known again keeps the digest that stands for it
    kept = next((row.address for row in rows if is_digest(row.address)), spelling)
    if hidden or await erased_among(session, [(channel, address)]):
        kept = await digest(session, channel, address)
    row = SuppressionRow(channel=channel.value, address=kept, because=because, at=at, source=source)
    addition = insert(session, SuppressionRow).values(row.model_dump())
    said, held = addition.excluded, SuppressionRow
    await session.exec(
        addition.on_conflict_do_update(
            index_elements=["channel", "address"],
            set_={
                "because": said.because,
                "at": said.at,
                "source": said.source,
                "lifted_at": None,
                "lifted_by": None,
                "lifted_because": None,
            },
            # the same one stays, whatever the order of arrival
            where=(said.at > col(held.lifted_at))
            | (
                col(held.lifted_at).is_(None)
                & (tuple_(said.at, said.source) < tuple_(col(held.at), col(held.source)))
            ),
        )
    )
    return not stands


async def would_add(session: AsyncSession, channel: Channel, address: str, *, at: datetime) -> bool:
    """Tell whether `add` would suppress an address, without changing anything.

    Args:
        session: any session.
        channel: as for `add`.
        address: as for `add`.
        at: as for `add`.

    Returns:
        What `add` would return.
    """
    rows = await _rows(session, channel, address)
    return all(row.lifted_at is not None and at > row.lifted_at for row in rows)


async def lift(
    session: AsyncSession,
    channel: Channel,
    address: str,
    *,
    at: datetime,
    by: str,
    because: str = "",
) -> bool:
    """Send to an address again.

    Args:
        session: a writing transaction.
        channel: the channel to which the suppression applies.
        address: the address, in any spelling.
        at: now; only a later report suppresses the address again.
        by: the operator.
        because: the operator's words.

    Returns:
        False if the address was not suppressed.
    """
    lifted = await session.exec(
        update(SuppressionRow)
        .where(
            col(SuppressionRow.channel) == channel.value,
            col(SuppressionRow.address).in_(await written(session, channel, address)),
            col(SuppressionRow.lifted_at).is_(None),
        )
        .values(lifted_at=at, lifted_by=by, lifted_because=because)
    )
    return lifted.rowcount > 0


async def suppressed(
    session: AsyncSession, pairs: Iterable[tuple[Channel, str]]
) -> set[tuple[Channel, str]]:
    """Return which of these channels and addresses are suppressed, as they were given."""
    # an old row may have another spelling than is written today
    asked = [
        (channel, address, await written(session, channel, address)) for channel, address in pairs
    ]
    wanted = [(channel.value, one) for channel, _, same in asked for one in same]
    if not wanted:
        return set()
    found = set(await prepared.rows(session, _AMONG, {"pairs": wanted}))
    return {
        (channel, address)
        for channel, address, same in asked
        if any((channel.value, one) in found for one in same)
    }


async def listed(
    session: AsyncSession, asked: Asked, *, limit: int | None = None
) -> AsyncIterator[SuppressionRow]:
    """Yield suppressions in the order of channels and addresses.

    Args:
        session: any session.
        asked: the filter.
        limit: the most to yield; None: all.

    Yields:
        One row after the other.
    """
    query = select(SuppressionRow).order_by(
        col(SuppressionRow.channel), col(SuppressionRow.address)
    )
    if asked.channel is not None:
        query = query.where(col(SuppressionRow.channel) == asked.channel.value)
    if asked.because is not None:
        query = query.where(col(SuppressionRow.because) == asked.because)
    if asked.address is not None:
        channels = [asked.channel] if asked.channel else list(Channel)
        pairs = [
            (channel.value, one)
            for channel in channels
            for one in await written(session, channel, asked.address)
        ]
        pair = tuple_(col(SuppressionRow.channel), col(SuppressionRow.address))
        query = query.where(pair.in_(pairs))
    if not asked.lifted:
        query = query.where(col(SuppressionRow.lifted_at).is_(None))
    after, left = ("", ""), limit
    while left is None or left > 0:
        page = _PAGE if left is None else min(left, _PAGE)
        place = tuple_(col(SuppressionRow.channel), col(SuppressionRow.address))
        rows = (await session.exec(query.where(place > after).limit(page))).all()
        for row in rows:
            yield row
        if len(rows) < page:
            return
        after = (rows[-1].channel, rows[-1].address)
        left = None if left is None else left - len(rows)


async def forget(
    session: AsyncSession, address: str, *, channels: Iterable[Channel] = tuple(Channel)
) -> None:
    """Replace an address by its digest in its suppressions and refusals, which go on counting.

    No row names the address any more, and none has an operator's words on it. A later customer with
    the same address gets nothing either. A repeated call changes nothing.

    Args:
        session: a writing transaction.
        address: in any spelling: an e-mail address, a number or a device token.
        channels: those to search; channels that the address cannot belong to are skipped.
    """
    for channel in channels:
        if not _may_be_of(channel, address):
            continue
        await refusals.forget(session, channel, address)
        rows = await _rows(session, channel, address)
        if not rows:
            continue
        kept = _whole(rows)
        row = SuppressionRow(
            channel=channel.value,
            address=await digest(session, channel, address),
            because=kept.because if kept.because in CAUSES else OPERATOR,
            at=kept.at,
            source=kept.source if kept.because in CAUSES else OPERATOR,
            lifted_at=kept.lifted_at,
            lifted_by=kept.lifted_by,
        )
        for old in rows:
            await session.delete(old)
        await session.flush()
        session.add(row)
        await session.flush()


def _whole(rows: Sequence[SuppressionRow]) -> SuppressionRow:
    """Return the row that stands for several of one address: the oldest, preferably not lifted."""
    return min(rows, key=lambda row: (row.lifted_at is not None, row.at, row.source))


def _may_be_of(channel: Channel, address: str) -> bool:
    match channel:
        case Channel.EMAIL:
            return "@" in address
        case Channel.SMS | Channel.WHATSAPP:
            return bool(_LIKE_A_NUMBER.fullmatch(address.strip()))
        case Channel.PUSH:
            return bool(address)


async def _rows(session: AsyncSession, channel: Channel, address: str) -> Sequence[SuppressionRow]:
    query = select(SuppressionRow).where(
        col(SuppressionRow.channel) == channel.value,
        col(SuppressionRow.address).in_(await written(session, channel, address)),
    )
    return (await session.exec(query.execution_options(populate_existing=True))).all()


async def written(session: AsyncSession, channel: Channel, address: str) -> tuple[str, ...]:
    """Return the forms in which a suppression may hold an address.

    Args:
        session: any session.
        channel: of the address.
        address: in any spelling.

    Returns:
        Its spellings, and its digest; none for an empty one.
    """
    same = spellings(channel, address)
    return (*sorted(same), await digest(session, channel, address)) if same else ()
