"""All that is known against addresses, by one statement: suppressions and refusals."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BindParameter,
    Executable,
    bindparam,
    literal,
    null,
    select,
    tuple_,
    union_all,
)
from sqlmodel import SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from sojourn.domain.messages import Channel
from sojourn.domain.stored import Refused
from sojourn.store import prepared, refusals, suppressions

_SUPPRESSIONS, _REFUSALS = (SQLModel.metadata.tables[name] for name in ("suppressions", "refusals"))
_PAIRS: BindParameter[Any] = bindparam("pairs", expanding=True)
_KNOWN: Executable = union_all(
    select(
        literal(0).label("is_refusal"),
        _SUPPRESSIONS.c.channel,
        _SUPPRESSIONS.c.address,
        null().label("topic"),
        _SUPPRESSIONS.c.at,
        _SUPPRESSIONS.c.source,
    ).where(
        tuple_(_SUPPRESSIONS.c.channel, _SUPPRESSIONS.c.address).in_(_PAIRS),
        _SUPPRESSIONS.c.lifted_at.is_(None),
    ),
    select(
        literal(1).label("is_refusal"),
        _REFUSALS.c.channel,
        _REFUSALS.c.address,
        _REFUSALS.c.topic,
        _REFUSALS.c.at,
        _REFUSALS.c.source,
    ).where(tuple_(_REFUSALS.c.channel, _REFUSALS.c.address).in_(_PAIRS)),
)


@dataclass(frozen=True)
class Against:
    """The findings on some addresses.

    Args:
        dead: those that are suppressed.
        refused: the refusals of all of them, oldest first.
    """

    dead: frozenset[tuple[Channel, str]]
    refused: Sequence[Refused]


async def addresses(session: AsyncSession, pairs: Iterable[tuple[Channel, str]]) -> Against:
    """Return what is known against addresses, as `suppressions` and `refusals` do one by one.

    Args:
        session: any session.
        pairs: channels and addresses, in any spelling.

    Returns:
        The findings.
    """
    asked = list(dict.fromkeys(pairs))
    written = {one: await suppressions.written(session, *one) for one in asked}
    compared = {(one[0], word) for one in asked for word in await refusals.written(session, *one)}
    every = {(channel.value, word) for (channel, _), words in written.items() for word in words}
    every |= {(channel.value, word) for channel, word in compared}
    if not every:
        return Against(frozenset(), ())
    found = await prepared.rows(session, _KNOWN, {"pairs": sorted(every)})
    barred = {(row.channel, row.address) for row in found if not row.is_refusal}
    said: list[Refused] = [
        row for row in found if row.is_refusal and (Channel(row.channel), row.address) in compared
    ]
    return Against(
        frozenset(
            one
            for one, words in written.items()
            if any((one[0].value, word) in barred for word in words)
        ),
        sorted(said, key=lambda row: row.at),
    )
