"""Consent as SQL: the word that counts, as `store.consents` orders the statements.

A consent counts from its moment, a refusal from its arrival; at the same moment the refusal wins.
A yes that has ended does not count. Refusals of an address count for everybody who has it, except
those of erased addresses: SQL cannot make their digests, and the gate looks at them.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Integer,
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


_CHANNEL, _OWN, _EVERY = 0, 1, 2
"""The subject of a word: the channel, the topic by this channel, the topic by every channel."""


def agrees(fact: Agrees, now: datetime, *, needs_own_yes: bool = False) -> Sql:
    """Return whether the customer agrees at a moment; NULL if neither yes nor no was said.

    One subquery reads all words that matter, since each subquery is run for each customer.

    Args:
        fact: the question.
        now: that moment.
        needs_own_yes: consent to the channel does not suffice for the topic.

    Returns:
        The expression.
    """
    words = _words(fact).subquery()
    holding = and_(words.c.granted, words.c.ends > literal(now, CONSENTS.c.expires_at.type))
    # at the same moment a refusal wins, and of two consents the one that ends first
    order = (words.c.since.desc(), words.c.granted, words.c.ends)
    if not fact.topic:
        return select(holding).order_by(*order).limit(1).scalar_subquery()
    placed = select(
        words.c.kind,
        words.c.since,
        words.c.granted,
        holding.label("holds"),
        func.row_number().over(partition_by=words.c.kind, order_by=order).label("place"),
    ).subquery()

    def of(kind: int, value: Any) -> Sql:
        return func.max(case((placed.c.kind == kind, value)))

    def holds(kind: int) -> Sql:
        return of(kind, cast(placed.c.holds, Integer())) == 1

    channel, own, every = holds(_CHANNEL), holds(_OWN), holds(_EVERY)
    withdrawn = and_(
        of(_CHANNEL, cast(placed.c.granted, Integer())) == 0,
        of(_CHANNEL, placed.c.since) >= of(_OWN, placed.c.since),
    )
    found = case(
        (or_(not_(own), not_(every)), false()),
        (and_(own, not_(func.coalesce(withdrawn, false()))), true()),
        *([(and_(channel, every.is_(None)), null())] if needs_own_yes else []),
        else_=channel,
    )
    return select(found).where(placed.c.place == 1).scalar_subquery()


def _words(fact: Agrees) -> Any:
    """Return all words on the channel and the topic, with columns kind, since, granted and ends."""
    said, topics = CONSENTS.alias(), ("", fact.topic) if fact.topic else ("",)
    on_channel = and_(said.c.channel == fact.channel.value, said.c.topic.in_(topics))
    on_all = and_(said.c.channel == "", said.c.topic == fact.topic)
    arrived = func.coalesce(said.c.received_at, said.c.at)
    late = and_(not_(said.c.granted), arrived > said.c.at)
    never = literal(_NEVER, CONSENTS.c.expires_at.type)
    by_person = select(
        case((said.c.channel == "", _EVERY), (said.c.topic == "", _CHANNEL), else_=_OWN).label(
            "kind"
        ),
        case((late, arrived), else_=said.c.at).label("since"),
        said.c.granted.label("granted"),
        func.coalesce(said.c.expires_at, never).label("ends"),
    ).where(
        said.c.purpose.is_(None),
        said.c.customer_id == CUSTOMERS.c.customer_id,
        or_(on_channel, on_all) if fact.topic else on_channel,
    )
    kind = case((REFUSALS.c.topic == "", _CHANNEL), else_=_OWN)
    by_address = select(kind, REFUSALS.c.at, false(), never).where(
        REFUSALS.c.channel == fact.channel.value,
        REFUSALS.c.topic.in_(topics),
        REFUSALS.c.address != "",
        REFUSALS.c.address.in_(_addresses(fact.channel)),
    )
    return union_all(by_person.correlate(CUSTOMERS), by_address.correlate(CUSTOMERS))


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
