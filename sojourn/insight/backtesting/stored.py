"""The store's own past as calls: what customers did and said, to be played once more.

The store keeps events as they came, statements of consent each in its row, and the addresses that a
customer has had. Of the other fields of a card it keeps the last word alone, so an earlier value is
gone: the last one is taken to have held since the customer's first call, and `Stored.gaps` counts
the customers.

Events that Sojourn wrote because of something else are left out, for memory writes its own: ends of
holds, changes of zones, copies for other ids, and what runs said that are played. A stop of an
operator is played as one.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sojourn.dispatch.calls import Track
from sojourn.domain.card_words import CONTEXT, TRAIT
from sojourn.domain.consent import Evidence, Purpose, Statement
from sojourn.domain.customer import Identity
from sojourn.domain.errors import BadEvent
from sojourn.domain.events import EARLIEST, Events, HoldEnded, JourneyStopped, TimeZoneChanged
from sojourn.domain.messages import Channel
from sojourn.domain.preferences import Kind
from sojourn.domain.sayings import NOTED, TOLD, TOLD_ON
from sojourn.domain.states import WAITING
from sojourn.insight.backtesting.besides import changes_of
from sojourn.insight.backtesting.playing import Arrival, Halt, Told
from sojourn.store import Store
from sojourn.store.addresses import KINDS
from sojourn.store.cards import CARD
from sojourn.store.past import Past, begun_before, pages, switched
from sojourn.store.tables import (
    ConsentRow,
    CustomerRow,
    EventRow,
    ExposureRow,
    LedgerRow,
    MuteRow,
    RunRow,
)

MADE_AGAIN = frozenset({HoldEnded.event_name, TimeZoneChanged.event_name})
"""Events that memory writes itself, when their reasons are played."""
_JUST_AFTER = timedelta(microseconds=1)
_ON_CARD = (Kind.LOCALE, Kind.TIMEZONE)
"""Choices that are fields of a card: the rows have the value before, too."""


@dataclass(frozen=True)
class Before:
    """The things that are known when playing begins, and are not played.

    Args:
        events: with their classes' reading, in the order of their arrival; nothing hears them.
        runs: that had begun.
        messages: that were decided on, and do not wait.
        exposures: variants of experiments.
        mutes: times in which somebody looks after a customer.
    """

    events: list[Track] = field(default_factory=list)
    runs: list[RunRow] = field(default_factory=list)
    messages: list[LedgerRow] = field(default_factory=list)
    exposures: list[ExposureRow] = field(default_factory=list)
    mutes: list[MuteRow] = field(default_factory=list)


@dataclass(frozen=True)
class Stored:
    """The calls of a time, as far as the store knows them.

    Args:
        calls: to be played.
        before: what is known at the beginning.
        started_by: message ids of the events that are played.
        gaps: what the store does not know, or memory does not play, by `words.GAPS`.
    """

    calls: list[Told] = field(default_factory=list)
    before: Before = field(default_factory=Before)
    started_by: set[str] = field(default_factory=set)
    gaps: Counter[str] = field(default_factory=Counter)

    def add(self, past: Past, known: Events, *, since: datetime, until: datetime) -> None:
        """Read a page of customers.

        Args:
            past: as the store has them.
            known: the project's events, by wire name.
            since: events that arrived earlier are known, and not played.
            until: what came later is left out.
        """
        self.gaps.update(
            erased=past.erased,
            restricted=past.restricted,
            joined=len(set(past.joined.values())),
        )
        self.started_by.update(began_by(past.events, since))
        words = _words_of(past, self.started_by)
        for row in past.customers:  # words first: an event of the same moment may need them
            card = words[row.customer_id]
            self.calls.extend(one for one in card.arrivals() if one.at < until)
            self.gaps["replaced"] += any(since <= at < until for at in card.replaced)
        self.calls.extend(one for one in changes_of(past) if one.at < until)
        self._events(past, known, since)
        self._before(past, since)

    def _events(self, past: Past, known: Events, since: datetime) -> None:
        latest: dict[str, datetime] = {}
        own = {row.message_id for row in past.events}
        for row in past.events:
            if row.aside_at is not None:
                self.gaps["aside"] += 1
                continue
            if row.name in MADE_AGAIN or self._said_by_a_run(row):
                continue
            if row.copy_of in own or (row.copy_of is not None and row.copy_of in past.copies):
                continue  # memory copies it as well
            # a run's clock may have been moved on: what happens then has not arrived before
            moment = max(row.received_at, row.occurred_at)
            at = latest[row.customer_id] = max(moment, latest.get(row.customer_id, moment))
            if row.name == JourneyStopped.event_name and row.received_at >= since:
                said = row.properties
                self.calls.append(Halt(at, str(said.get("run")), str(said.get("because") or "")))
                continue
            try:
                track = _track(row, known, past.copies.get(row.message_id, ()))
            except BadEvent:
                self.gaps["unreadable"] += 1
                continue
            if row.received_at < since:
                self.before.events.append(track)
            else:
                self.calls.append(Arrival(at, track))

    def _said_by_a_run(self, row: EventRow) -> bool:
        """Tell whether a run that is played says it again."""
        if not row.message_id.startswith((TOLD, TOLD_ON)):
            return False
        return _enrolment(row.message_id) in self.started_by

    def _before(self, past: Past, since: datetime) -> None:
        here = self.before
        here.messages.extend(
            row for row in past.messages if row.decided_at < since and row.state not in WAITING
        )
        here.exposures.extend(row for row in past.exposures if row.at < since)
        here.mutes.extend(
            row for row in past.mutes if row.at < since < min(row.until, row.ended_at or row.until)
        )
        here.runs.extend(row for row in past.runs if row.enrolment not in self.started_by)


async def read_stored(store: Store, known: Events, *, since: datetime, until: datetime) -> Stored:
    """Read the calls of a time from a store.

    Args:
        store: an open store.
        known: the project's events, by wire name.
        since: the first moment of the time, by the arrival of events.
        until: its end.

    Returns:
        The calls, and what is known before them.
    """
    stored = Stored()
    async for page in pages(store, since=since, until=until):
        stored.add(page, known, since=since, until=until)
    async with store.reading() as session:
        stored.gaps["switches"] = await switched(session, since=since, until=until)
        stored.gaps["open_runs"] = await begun_before(session, since=since, until=until)
    return stored


def began_by(events: Iterable[EventRow], since: datetime) -> set[str]:
    """Return the message ids of the events of a time, by which runs that are played may begin.

    Args:
        events: of some customers.
        since: the first moment of the time, by their arrival.

    Returns:
        The ids.
    """
    return {
        row.message_id
        for row in events
        if row.received_at >= since and row.aside_at is None and row.name not in MADE_AGAIN
    }


def _enrolment(message_id: str) -> str:
    """Return the event that began the enrolment in which a run said something."""
    parts = message_id.split("/")
    return parts[2].replace("%2F", "/").replace("%25", "%") if len(parts) > 2 else ""


def _track(row: EventRow, known: Events, also: Iterable[str]) -> Track:
    envelope = {
        "message_id": row.message_id,
        "customer_id": row.customer_id,
        "occurred_at": row.occurred_at,
    }
    understood = known.understand(row.name, row.properties, envelope)
    return Track(row.name, row.properties, understood.event, also=tuple(also))


# ---- cards and consents --------------------------------------------------------------------


@dataclass
class _Said:
    """The words of a call at a moment, as far as the store still knows them."""

    source: str
    at: datetime
    fields: dict[str, Any] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)


@dataclass
class _Words:
    """The words on one customer, by the call that brought them.

    Args:
        row: the card.
        heard: when each call arrived.
        said: by call and moment.
        again: refusals that arrived once more.
        replaced: arrivals of words whose field may have said something else before.
        former: values of fields before the customer's first choice on a page.
    """

    row: CustomerRow
    heard: dict[str, datetime] = field(default_factory=dict)
    said: dict[tuple[str, datetime], _Said] = field(default_factory=dict)
    again: list[_Said] = field(default_factory=list)
    replaced: list[datetime] = field(default_factory=list)
    former: dict[str, str] = field(default_factory=dict)

    def of(self, source: str, at: datetime) -> _Said:
        """Return what a call said at a moment."""
        return self.said.setdefault((source, at), _Said(source, at))

    def arrivals(self) -> Iterator[Arrival]:
        """Yield the words as identify calls, each with its arrival."""
        moments = [*self.heard.values(), *(one.at for one in self.said.values())]
        if self.row.identified_at is not None:
            moments.append(self.row.identified_at)
        first = min((at for at in moments if at > EARLIEST), default=EARLIEST)
        yield Arrival(first, self._first(first))
        for said in self.said.values():
            arrived = max(self.heard.get(said.source, said.at), said.at, first)
            yield Arrival(arrived, self._identity(said, arrived))
        for said in self.again:
            yield Arrival(said.at, self._identity(said, said.at))

    def _first(self, first: datetime) -> Identity:
        """Return a call before all others, with the last word on fields whose first one is gone.

        It counts as said before everything, so that any word that is known outweighs it. Addresses
        are not in it: each that the customer has had is kept.
        """
        early = _Said(f"before/{self.row.customer_id}", EARLIEST)
        for said in self.said.values():
            arrived = self.heard.get(said.source, said.at)
            for told, held in ((said.fields, early.fields), (said.context, early.context)):
                for name, value in told.items():
                    if name in KINDS or arrived <= first:
                        continue
                    if name in self.former:
                        held[name] = self.former[name]
                        continue
                    self.replaced.append(arrived)
                    if value != "":
                        held[name] = value
        introduces = self.row.identified_at is not None
        return replace(self._identity(early, first), introduces=introduces)

    def _identity(self, said: _Said, arrived: datetime) -> Identity:
        traits = {name: value for name, value in said.fields.items() if name.startswith(TRAIT)}
        return Identity(
            self.row.customer_id,
            said.source,
            said.at,
            card={name: value for name, value in said.fields.items() if name not in traits},
            attributes={name.removeprefix(TRAIT): value for name, value in traits.items()},
            consents={},
            received_at=arrived,
            context=said.context,
            statements=tuple(said.statements),
            dated=said.at > EARLIEST,
            introduces=False,
        )


def _words_of(past: Past, played: Collection[str]) -> Mapping[str, _Words]:
    """Return the words on the customers of a page; what runs say that are played is left out."""
    found = {row.customer_id: _Words(row) for row in past.customers}
    for call in past.calls:
        if call.customer_id is not None:
            found[call.customer_id].heard.setdefault(call.message_id, call.heard_at)
    for address in past.addresses:
        said = found[address.customer_id].of(address.source, address.at)
        said.fields[address.kind] = address.value
    for row in past.customers:
        _card(row, found[row.customer_id], played)
    for choice in past.choices:
        if choice.what in _ON_CARD:
            words = found[choice.customer_id]
            words.former.setdefault(choice.what, choice.was)
            words.of(f"choice/{choice.id}", choice.at).fields[choice.what] = choice.became
    for one in past.consents:
        if one.purpose != Purpose.PENDING or one.source not in played:  # else the event asks again
            _consent(one, found[one.customer_id])
    for customer_id, refusal in past.refusals:
        channel, topic = Channel(refusal.channel), refusal.topic
        said = found[customer_id].of(f"{refusal.source}/{channel}/{topic}", refusal.at)
        said.statements.append(Statement(channel, granted=False, topic=topic))
    return found


def _card(row: CustomerRow, words: _Words, played: Collection[str]) -> None:
    values = {name: getattr(row, name) for name in CARD}
    values |= {TRAIT + name: value for name, value in row.attributes.items()}
    for name, value in values.items():
        if name in row.said:
            at, source = row.said[name]
            moment = datetime.fromisoformat(at)
            if source.startswith(NOTED) and _enrolment(source) in played:
                words.replaced.append(moment)
                continue
            said = words.of(source.removeprefix(CONTEXT), moment)
            (said.context if source.startswith(CONTEXT) else said.fields)[name] = value
        elif row.identified_at is not None and (value != "" or name.startswith(TRAIT)):
            words.of("", row.identified_at).fields[name] = value


def _consent(row: ConsentRow, words: _Words) -> None:
    purpose = Purpose(row.purpose) if row.purpose else Purpose.MESSAGES
    statement = Statement(
        Channel(row.channel) if row.channel else None,
        row.granted,
        "" if purpose is Purpose.OPENS else row.topic,
        purpose,
        Evidence(
            row.address or "",
            row.wording or "",
            row.wording_version or "",
            row.locale or "",
            row.proof or "",
            row.expires_at,
        ),
    )
    words.of(row.source, row.at).statements.append(statement)
    arrived = max(words.heard.get(row.source, row.at), row.at)
    if row.received_at is not None and row.received_at > arrived + _JUST_AFTER:
        words.again.append(_Said(row.source, row.received_at, statements=[statement]))
