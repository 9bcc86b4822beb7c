"""Identify calls in memory, by the rules of `store.cards` and `store.consents`."""

from collections.abc import Iterable
from datetime import datetime

from sojourn.domain.card_words import heard_in, newer
from sojourn.domain.consent import Purpose, Statement
from sojourn.domain.consent_words import about, after, circumstances, ordered, outweighing, same
from sojourn.domain.customer import Identity, Word, read_phone_of
from sojourn.domain.errors import BadCustomer
from sojourn.domain.events import EARLIEST, Event
from sojourn.domain.opt_ins import answered, event_of
from sojourn.domain.traits import NUMBERS
from sojourn.in_memory.people import Person, Spoken
from sojourn.in_memory.registry import Registry
from sojourn.store.hearing import REPEATS, digest


def identify(registry: Registry, person: Person, identity: Identity, now: datetime) -> list[Event]:
    """Take in an identify call.

    Args:
        registry: has the person.
        person: the customer.
        identity: the call.
        now: the present.

    Returns:
        The events of the requests for confirmation that its words answer.
    """
    arrived = min(identity.received_at or now, now)
    at = min(identity.at, arrived)
    if not _is_new(person, identity, arrived):
        # in doubt, a refusal counts
        noes = [word for word in identity.words if not word.granted and not identity.sure]
        return _say_all(registry, person, identity, noes, at=at, arrived=arrived)
    before = person.words
    person.words = {**before, **newer(heard_in(identity, at), than=before)}
    person.is_changed()
    for name in NUMBERS:
        if not (written := getattr(identity, name)):
            continue
        try:
            number = read_phone_of(person.card, written, name)
        except BadCustomer:
            continue
        told = {name: Word(number, at, identity.message_id)}
        person.words = {**person.words, **newer(told, than=before)}
        person.is_changed()
    person.known = person.known or identity.introduces
    person.is_changed()
    registry.moved(person)
    return _say_all(registry, person, identity, identity.words, at=at, arrived=arrived)


def _say_all(
    registry: Registry,
    person: Person,
    identity: Identity,
    words: Iterable[Statement],
    *,
    at: datetime,
    arrived: datetime,
) -> list[Event]:
    news: list[Event] = []
    for word in words:
        said_at = at if identity.dated or not word.granted else EARLIEST
        news += say(registry, person, word, at=said_at, arrived=arrived, source=identity.message_id)
    return news


def _is_new(person: Person, identity: Identity, arrived: datetime) -> bool:
    under_its_id = person.calls.setdefault(identity.message_id, [])
    # mostly there is no other one, and nothing to compare it with
    said = digest(identity) if under_its_id else ""
    for number, (other, before) in enumerate(under_its_id):
        if digest(other) == said:
            if identity.sure:
                return False
            under_its_id[number] = (other, max(before, arrived))
            return arrived - before > REPEATS
    under_its_id.append((identity, arrived))
    return True


def say(
    registry: Registry,
    person: Person,
    word: Statement,
    *,
    at: datetime,
    arrived: datetime,
    source: str,
) -> list[Event]:
    """Keep a statement of consent, refusal or request.

    Args:
        registry: numbers it.
        person: whose it is.
        word: the statement.
        at: its moment.
        arrived: when it arrived.
        source: the message id of the call or the event that brought it.

    Returns:
        The events of the requests for confirmation that it answers.
    """
    every = ordered(person.said)
    topic = word.purpose.value if word.purpose is Purpose.OPENS else word.topic
    said = about(every, word.channel, topic, word.purpose)
    moment = min(at, arrived)
    row = same(said, granted=word.granted, at=moment, evidence=word.evidence)
    if row is None:
        row = Spoken(
            registry.number(),
            word.channel.value if word.channel else "",
            topic,
            word.granted,
            moment,
            None,
            None if word.purpose is Purpose.MESSAGES else word.purpose.value,
            **circumstances(word.evidence),
        )
        if word.purpose is Purpose.PENDING and word.channel is not None:
            row.source = source
            row.address = word.evidence.address or person.card.address(word.channel) or None
        if word.granted and said:
            row.at = after(said[-1], moment, arrived, now=False)
        person.said.append(row)
    if not word.granted:
        row.received_at = max(row.received_at or moment, outweighing(row, every, arrived))
    person.is_changed()
    if word.purpose is not Purpose.MESSAGES:
        return []
    asked, stand = answered(every, row)
    told = [event_of(person.customer_id, one, stand) for one in asked]
    return [event for event in told if event is not None]
