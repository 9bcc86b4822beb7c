"""Strategies of hypothesis that make scripts up.

The plain comes first in every choice, and most of them are plain: a story in which nothing is as
usual seldom reaches the moment that matters.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, get_args

from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from sojourn.domain.errors import BadInput
from sojourn.domain.events import ENVELOPE, Event
from sojourn.domain.events.samples import fitting, is_secret, made_up_fields
from sojourn.domain.facts import Fact
from sojourn.domain.facts.answers import of_events
from sojourn.journeys.journey import Journey
from sojourn.project import Project
from sojourn.testkit.fuzzing.script import (
    AT_ONCE,
    BEGIN,
    Act,
    Ahead,
    Publishes,
    Says,
    Script,
    Stops,
)

MOST_ACTS = 7
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

SPANS = (AT_ONCE, 7 * MINUTE, 3 * HOUR, 23 * HOUR, 2 * DAY)
"""Between two acts, beside those that the journey itself takes."""
LATE = (*(AT_ONCE,) * 9, 2 * MINUTE, 30 * HOUR, 4 * DAY)
MOMENTS = (3 * DAY, 10 * MINUTE, 12 * HOUR, 10 * DAY, 40 * DAY, -DAY)
"""The moments that events tell of, counted from the event."""
BEGINS = (
    *(BEGIN,) * 6,
    datetime(2026, 3, 26, 12, tzinfo=UTC),  # three days before Rome's clocks go forward
    datetime(2026, 3, 28, 23, tzinfo=UTC),  # hours before
    datetime(2026, 10, 24, 23, tzinfo=UTC),  # before they go back
    datetime(2026, 3, 7, 20, tzinfo=UTC),  # before New York's go forward
    datetime(2026, 10, 31, 20, tzinfo=UTC),  # back
    datetime(2028, 2, 27, 9, tzinfo=UTC),  # before a 29 February
    datetime(2027, 1, 30, 9, tzinfo=UTC),  # a month without a 30th is next
    datetime(2026, 12, 30, 18, tzinfo=UTC),  # the end of a year
)
CUSTOMERS: tuple[Mapping[str, Any], ...] = (
    *({},) * 6,
    {"timezone": "America/New_York"},
    {"timezone": "Asia/Kolkata", "locale": "it-IT"},
    {"timezone": "Pacific/Auckland", "locale": "pl-PL"},
    {"pushToken": ""},
    {"phone": "", "pushToken": ""},
    {"email": ""},
    {"marketingConsent": {"email": False}},
    {"marketingConsent": {"email": False, "push": False}},
    {"marketingConsent": {"email": False, "sms": False, "push": False}},
    {"marketingConsent": {"sms": False, "push": False}},
)
CHANGES: tuple[Mapping[str, Any], ...] = (
    {"marketingConsent": {"email": False}},
    {"marketingConsent": {"email": True, "sms": True}},
    {"timezone": "America/New_York"},
    {"timezone": "Pacific/Auckland"},
    {"email": ""},
    {"email": "ada@other.example"},
    {"phone": ""},
    {"pushToken": ""},
    {"locale": "pl-PL"},
)
KEYS = ("k1", "k1", "k2")
"""The keys of runs."""
STRICT = """\
quiet_hours = "20:00-10:00"

[caps]
per_day = 1
per_week = 2
distance = "6h"
"""
"""A policy under which much is held."""


@dataclass(frozen=True)
class Subject:
    """The journeys that scripts are made up for.

    Args:
        project: of these journeys.
        events: that may be published, those that start runs first.
        starts: of those, how many start runs.
        ends: those that end runs.
        keys: fields that tell runs apart.
        topics: that the customer may refuse.
        spans: that the journeys' own waits take.
        policy: the text of the project's policy; None: there is none.
        rest: the time after the last act.
        times: how often the first event comes before a journey begins.
    """

    project: Project
    events: Sequence[type[Event]]
    starts: int
    ends: Sequence[type[Event]]
    keys: frozenset[str]
    topics: Sequence[str]
    spans: Sequence[timedelta] = ()
    policy: str | None = None
    rest: timedelta = 30 * DAY
    times: int = 1
    _values: dict[type[Event], Mapping[str, Sequence[Any]]] = field(default_factory=dict)

    @classmethod
    def of(cls, project: Project, policy: str | None = None) -> "Subject":
        """Return the subject of a project with the journeys that are fuzzed, and no other."""
        journeys = list(project.journeys.values())
        starts = _made_up(one for journey in journeys for one in journey.terms.starts_on)
        ends = _made_up(one for journey in journeys for one in _ends(journey, project))
        others = _made_up(one for journey in journeys for one in _heard(journey, project))
        return cls(
            project=project,
            events=list(dict.fromkeys([*starts, *ends, *others])),
            starts=len(starts),
            ends=ends,
            keys=frozenset(
                name
                for journey in journeys
                for name in (journey.terms.key, journey.terms.part)
                if name
            ),
            topics=sorted(
                {
                    message.of(journey.topic).topic
                    for journey in journeys
                    for message in journey.messages
                }
            ),
            policy=policy,
        )

    def values(self, event: type[Event]) -> Mapping[str, Sequence[Any]]:
        """Return the values that each field of an event may take, the plain one first."""
        if event not in self._values:
            self._values[event] = {
                name: found
                for name, info in event.model_fields.items()
                if name not in (*ENVELOPE, *event.made) and (found := self._of_field(name, info))
            }
        return self._values[event]

    def is_needed(self, event: type[Event], name: str) -> bool:
        """Tell whether an event is refused without a field."""
        info = event.model_fields[name]
        return info.is_required() or is_secret(info)

    def is_usual(self, event: type[Event], name: str) -> bool:
        """Tell whether senders usually give a field: it says what the event is about."""
        return name in self.keys or name == "topic" or name.endswith("_id")

    def plain(self, event: type[Event]) -> Mapping[str, Any]:
        """Return the plain values of the fields that an event needs, or usually has."""
        return {
            name: values[0]
            for name, values in self.values(event).items()
            if self.is_needed(event, name) or self.is_usual(event, name)
        }

    def _of_field(self, name: str, info: FieldInfo) -> list[Any]:
        types = {*_parts(info.annotation)}
        if name == "topic":
            return [one.id for one in self.project.topics.values() if one.can_be_refused]
        if name in self.keys or name.endswith("_id"):
            ideas = KEYS if name in self.keys else (f"{name}-1", f"{name}-1", f"{name}-2")
            return [*ideas] if _fits(name, info) else []
        for kind in (AwareDatetime, datetime, date):
            if kind in types:
                return [Ahead(span, is_day=kind is date) for span in MOMENTS]
        if bool in types:
            return [True, False]
        models = [one for one in types if isinstance(one, type) and issubclass(one, BaseModel)]
        if name == "products" and models:
            return [[], [made_up_fields(models[0], now=BEGIN)]]
        found: list[Any] = []
        for value in fitting(name, info, now=BEGIN):
            if value not in found:
                found.append(value)
        return found[:1] if types & {str, int, float, Decimal} else found


@st.composite
def scripts(draw: st.DrawFn, subject: Subject) -> Script:
    """Draw a script: a start, and what the customer and others do then."""
    first = draw(_published(subject, subject.events[: subject.starts], AT_ONCE))
    times = draw(st.sampled_from((*(subject.times,) * 4, 1, 3)))
    acts = draw(st.lists(_acts(subject), min_size=1, max_size=MOST_ACTS))
    return Script(
        acts=(first, *[replace(first, id="")] * (times - 1), *acts),
        begin=draw(st.sampled_from(BEGINS)) + draw(st.sampled_from((AT_ONCE, 5 * HOUR, 11 * HOUR))),
        traits=draw(st.sampled_from(CUSTOMERS)),
        policy=draw(st.sampled_from((None, None, None, *_policies(subject)))),
        rest=subject.rest,
    )


def _policies(subject: Subject) -> tuple[str, ...]:
    return (subject.policy, STRICT) if subject.policy else (STRICT,)


@st.composite
def _acts(draw: st.DrawFn, subject: Subject) -> Act:
    after = draw(st.sampled_from((*SPANS, *subject.spans)))
    kind = draw(st.sampled_from(_KINDS))
    if kind == "traits":
        return Says(draw(st.sampled_from(CHANGES)), after)
    if kind == "topic":
        word = {"topic": draw(st.sampled_from(subject.topics)), "granted": False}
        return Says({"consents": [word]}, after)
    if kind == "stop":
        return Stops(after)
    events = {
        "end": subject.ends,
        "start": subject.events[: subject.starts],
    }.get(kind) or subject.events
    return draw(_published(subject, events, after))


_KINDS = ("end",) * 4 + ("start",) * 2 + ("event",) * 3 + ("traits", "traits", "topic", "stop")


@st.composite
def _published(
    draw: st.DrawFn, subject: Subject, events: Sequence[type[Event]], after: timedelta
) -> Publishes:
    event = draw(st.sampled_from(events))
    fields = {}
    for name, values in subject.values(event).items():
        is_told = subject.is_usual(event, name)
        if subject.is_needed(event, name) or draw(st.sampled_from(_OFTEN if is_told else _SELDOM)):
            fields[name] = draw(st.sampled_from(values))
    return Publishes(
        event,
        fields,
        after,
        draw(st.sampled_from(LATE)),
        draw(st.sampled_from(("", "", "", f"{event.__name__}-1"))),
    )


_OFTEN = (True,) * 7 + (False,)
_SELDOM = (False,) * 5 + (True,)


def _ends(journey: type[Journey], project: Project) -> Iterable[type[Event]]:
    """Yield the events that end runs, and those that invariants of the journey speak of."""
    terms = journey.terms
    yield from (*terms.goal, *terms.ends_on)
    for one in (*project.invariants, *terms.invariants):
        if one in terms.invariants or not one.journeys or journey.name in one.journeys:
            yield from one.events


def _heard(journey: type[Journey], project: Project) -> Iterable[type[Event]]:
    terms = journey.terms
    yield from (*terms.moved_by, *terms.hears)
    for fact in (terms.enters_if, terms.stays_if):
        yield from _asked(fact, project)


def _asked(fact: Fact | None, project: Project) -> Iterable[type[Event]]:
    for one in of_events(fact) if fact is not None else ():
        if one.event in project.events:
            yield project.events[one.event]


def _made_up(events: Iterable[type[Event]]) -> list[type[Event]]:
    """Return those for which we can think of fields, each once."""
    found = []
    for event in dict.fromkeys(events):
        try:
            made_up_fields(event, now=BEGIN)
        except BadInput:
            continue
        found.append(event)
    return found


def _fits(name: str, info: FieldInfo) -> bool:
    return next(fitting(name, info, now=BEGIN), None) is not None


def _parts(annotation: Any) -> Iterable[Any]:
    yield annotation
    for part in get_args(annotation):
        yield from _parts(part)
