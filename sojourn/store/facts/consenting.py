"""Consent as SQL: the word that counts, as `store.consents` orders the statements.

A consent counts from its moment, a refusal from its arrival, and at the same moment the refusal
does. Refusals of an address count for everybody who has it.
"""

from typing import Any

from sqlalchemy import and_, case, false, func, literal, not_, or_, select, true, union_all
from sqlmodel import SQLModel

from sojourn.domain.facts.nodes import Agrees
from sojourn.domain.messages import Channel
from sojourn.store.facts.clauses import CUSTOMERS
from sojourn.store.facts.readings import Sql

CONSENTS = SQLModel.metadata.tables["consents"]
REFUSALS = SQLModel.metadata.tables["refusals"]


def agrees(fact: Agrees) -> Sql:
    """Return whether the customer agrees; NULL if neither yes nor no was said."""
    agreed, agreed_since = _last_word(fact.channel, "")
    if not fact.topic:
        return agreed
    own, own_since = _last_word(fact.channel, fact.topic)
    every, _ = _last_word(None, fact.topic)
    outweighed = func.coalesce(and_(not_(agreed), agreed_since >= own_since), false())
    return case(
        (or_(not_(own), not_(every)), false()),
        (and_(own, not_(outweighed)), true()),
        else_=agreed,
    )


def _last_word(channel: Channel | None, topic: str) -> tuple[Sql, Sql]:
    """Return whether the word that counts is a yes, and since when; NULL without any."""
    said = CONSENTS.alias()
    arrived = func.coalesce(said.c.received_at, said.c.at)
    late = and_(not_(said.c.granted), arrived > said.c.at)
    words: Any = select(
        said.c.granted.label("granted"), case((late, arrived), else_=said.c.at).label("since")
    ).where(
        said.c.customer_id == CUSTOMERS.c.customer_id,
        said.c.channel == (channel.value if channel else ""),
        said.c.topic == topic,
    )
    words = words.correlate(CUSTOMERS)
    if channel is not None:
        by_address = select(false(), REFUSALS.c.at).where(
            REFUSALS.c.channel == channel.value,
            REFUSALS.c.topic == topic,
            REFUSALS.c.address != "",
            REFUSALS.c.address == _address(channel),
        )
        words = union_all(words, by_address.correlate(CUSTOMERS))
    every = words.subquery()
    newest = select(every).order_by(every.c.since.desc(), every.c.granted).limit(1)
    return (
        newest.with_only_columns(every.c.granted).scalar_subquery(),
        newest.with_only_columns(every.c.since).scalar_subquery(),
    )


def _address(channel: Channel) -> Sql:
    """Return the address on the card as `domain.addresses.normalised` spells it."""
    phone = CUSTOMERS.c.phone
    match channel:
        case Channel.EMAIL:
            return func.lower(CUSTOMERS.c.email)
        case Channel.PUSH:
            return CUSTOMERS.c.push_token
        case Channel.SMS | Channel.WHATSAPP:
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
