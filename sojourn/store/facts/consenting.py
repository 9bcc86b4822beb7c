"""Consent as SQL: the word that counts, as `store.consents` orders the statements.

A consent counts from its moment, a refusal from its arrival, and at the same moment the refusal
does. A yes that has ended is none. Refusals of an address count for everybody who has it, but those
of erased addresses: SQL cannot make their digests, and the gate looks at them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    and_,
    case,
    cast,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlmodel import SQLModel

from sojourn.domain.facts.nodes import Agrees
from sojourn.domain.messages import Channel
from sojourn.store.facts.clauses import CUSTOMERS
from sojourn.store.facts.readings import Sql

CONSENTS = SQLModel.metadata.tables["consents"]
REFUSALS = SQLModel.metadata.tables["refusals"]


_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class _Word:
    """The word that counts; NULL without any.

    Args:
        granted: it is a yes.
        holds: it is a yes that has not ended.
        since: when it began to count.
    """

    granted: Sql
    holds: Sql
    since: Sql


def agrees(fact: Agrees, now: datetime, *, needs_own_yes: bool = False) -> Sql:
    """Return whether the customer agrees at a moment; NULL if neither yes nor no was said.

    Args:
        fact: the question.
        now: that moment.
        needs_own_yes: consent to the channel does not suffice for the topic.

    Returns:
        The expression.
    """
    channel = _last_word(fact.channel, "", now)
    if not fact.topic:
        return channel.holds
    own = _last_word(fact.channel, fact.topic, now)
    every = _last_word(None, fact.topic, now)
    outweighed = func.coalesce(and_(not_(channel.granted), channel.since >= own.since), false())
    return case(
        (or_(not_(own.holds), not_(every.holds)), false()),
        (and_(own.holds, not_(outweighed)), true()),
        *([(and_(channel.holds, every.holds.is_(None)), null())] if needs_own_yes else []),
        else_=channel.holds,
    )


def _last_word(channel: Channel | None, topic: str, now: datetime) -> _Word:
    said = CONSENTS.alias()
    arrived = func.coalesce(said.c.received_at, said.c.at)
    late = and_(not_(said.c.granted), arrived > said.c.at)
    words: Any = select(
        said.c.granted.label("granted"),
        case((late, arrived), else_=said.c.at).label("since"),
        said.c.expires_at.label("expires_at"),
    ).where(
        said.c.purpose.is_(None),
        said.c.customer_id == CUSTOMERS.c.customer_id,
        said.c.channel == (channel.value if channel else ""),
        said.c.topic == topic,
    )
    words = words.correlate(CUSTOMERS)
    if channel is not None:
        by_address = select(false(), REFUSALS.c.at, cast(null(), CONSENTS.c.expires_at.type)).where(
            REFUSALS.c.channel == channel.value,
            REFUSALS.c.topic == topic,
            REFUSALS.c.address != "",
            REFUSALS.c.address.in_(_addresses(channel)),
        )
        words = union_all(words, by_address.correlate(CUSTOMERS))
    every = words.subquery()
    end = func.coalesce(every.c.expires_at, literal(_NEVER, CONSENTS.c.expires_at.type))
    # of two of one moment, a no counts, and of two consents the one that ends first
    newest = select(every).order_by(every.c.since.desc(), every.c.granted, end).limit(1)
    over = and_(every.c.granted, end <= literal(now, CONSENTS.c.expires_at.type))
    return _Word(
        granted=newest.with_only_columns(every.c.granted).scalar_subquery(),
        holds=newest.with_only_columns(and_(every.c.granted, not_(over))).scalar_subquery(),
        since=newest.with_only_columns(every.c.since).scalar_subquery(),
    )


def _addresses(channel: Channel) -> list[Sql]:
    """Return the addresses on the card as `domain.addresses.normalised` spells them."""
    match channel:
        case Channel.EMAIL:
            return [func.lower(CUSTOMERS.c.email)]
        case Channel.PUSH:
            return [CUSTOMERS.c.push_token]
        case Channel.SMS | Channel.WHATSAPP:
            return [_number(CUSTOMERS.c.phone), _number(CUSTOMERS.c.phone2)]


def _number(phone: Sql) -> Sql:
    head, length = func.substr(phone, 1, 3), func.length(phone)
    mobile = func.substr(phone, 6, 1).in_(("6", "7", "8", "9"))
    return case(
        (
            and_(func.substr(phone, 1, 4) == "+521", length == 14),
            literal("+52").concat(func.substr(phone, 5)),
        ),
        (
            and_(head == "+54", length == 13),
            literal("+549").concat(func.substr(phone, 4)),
        ),
        (
            and_(head == "+55", length == 13, mobile),
            func.substr(phone, 1, 5).concat("9").concat(func.substr(phone, 6)),
        ),
        else_=phone,
    )
