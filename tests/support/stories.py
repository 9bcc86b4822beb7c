"""Stories of one customer, made up by hypothesis: what happens, when, and how late it is told."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Protocol

from hypothesis import strategies as st

from sojourn.domain.errors import BadInput
from sojourn.domain.events import Event
from sojourn.domain.events.samples import made_up_fields
from sojourn.journeys.journey import Journey
from tests.support.project import WHOLE

PROJECT = replace(WHOLE, policy=None)
JOURNEYS = sorted(PROJECT.journeys.values(), key=lambda one: one.name)
BEGIN = datetime(2026, 3, 26, 12, tzinfo=UTC)
"""Three days before Rome changes its clocks."""
SPANS = [
    timedelta(0),
    timedelta(minutes=7),
    timedelta(hours=3),
    timedelta(hours=23),
    timedelta(days=2),
    timedelta(days=8),
]
ANSWERS = ["yes", "no"]
TRAITS: list[dict[str, Any]] = [
    {"marketingConsent": {"email": False}},
    {"marketingConsent": {"email": True, "sms": True}},
    {"phone": ""},
    {"pushToken": ""},
    {"email": ""},
    {"email": "ada@other.example"},
    {"timezone": "America/New_York"},
    {"locale": "pl-PL"},
]


class Teller(Protocol):
    """The verbs of a test that a story uses: `JourneyTest` has them, and `InMemory`."""

    customer_id: str

    async def now(self) -> datetime: ...
    async def publish(self, event: type[Event], **fields: Any) -> Any: ...
    async def identify(self, **traits: Any) -> None: ...
    async def stop(self, reason: str) -> None: ...
    async def answer(self, name: str) -> None: ...
    async def after(self, duration: timedelta) -> Any: ...


Deed = Callable[[Any], Any]


class Act:
    """One thing of a story: it is done to the customer after a span."""

    def __init__(self, after: timedelta, name: str, do: Deed) -> None:
        self.after, self.name, self.do = after, name, do

    def __repr__(self) -> str:
        return f"after {self.after}: {self.name}"


def events_of(journey: type[Journey]) -> list[type[Event]]:
    terms = journey.terms
    found = [*terms.starts_on, *terms.goal, *terms.moved_by, *terms.ends_on, *terms.hears]
    known = dict.fromkeys(one for one in found if one.event_name in PROJECT.events)
    return [one for one in known if _can_be_made_up(one)]


def _can_be_made_up(event: type[Event]) -> bool:
    try:
        made_up_fields(event, now=BEGIN)
    except BadInput:
        return False
    return True


@st.composite
def acts(draw: st.DrawFn, journey: type[Journey]) -> Act:
    after = draw(st.sampled_from(SPANS))
    kind = draw(st.sampled_from(["event"] * 5 + ["traits", "stop", "answer"]))
    if kind == "traits":
        traits = draw(st.sampled_from(TRAITS))
        return Act(after, f"identify {traits}", lambda one: one.identify(**traits))
    if kind == "stop":
        return Act(after, "stop", _stop)
    if kind == "answer":
        name = draw(st.sampled_from(ANSWERS))
        return Act(after, f"a person answers {name}", partial(answer, name=name))
    event, key = draw(st.sampled_from(events_of(journey))), journey.terms.key
    fields = {key: draw(st.sampled_from(["k1", "k1", "k2"]))} if key else {}
    late = draw(st.sampled_from([timedelta(0)] * 4 + [timedelta(minutes=2), timedelta(days=3)]))
    number = draw(st.one_of(st.integers(1, 2**40), st.just(0)))  # 0: the same id once more

    async def publish(one: Teller) -> None:
        now = await one.now()
        given = made_up_fields(event, also=key, now=BEGIN) | fields
        given |= {"occurred_at": now - late}
        # a hold ends at a minute that the ids tell
        given |= {"message_id": f"{one.customer_id}-{event.event_name}-{number}"}
        taken = {name: value for name, value in given.items() if name in event.model_fields}
        await one.publish(event, **taken)

    said = f"{event.event_name} {fields} late by {late}, id {number}"
    return Act(after, said, publish)


async def _stop(one: Teller) -> None:
    try:
        await one.stop("a test")
    except (BadInput, RuntimeError):  # it has no run, runs of several journeys, or is over
        return
    except Exception as error:
        if "not found" not in str(error) and "already completed" not in str(error):
            raise


async def answer(one: Teller, name: str) -> None:
    with suppress(BadInput):  # nobody is asked, or about something that has no such answer
        await one.answer(name)


@st.composite
def stories(draw: st.DrawFn) -> tuple[type[Journey], list[Act]]:
    journey = draw(st.sampled_from([one for one in JOURNEYS if _starts(one)]))
    return journey, draw(st.lists(acts(journey), min_size=1, max_size=6))


Story = tuple[type[Journey], list[Act]]


def _starts(journey: type[Journey]) -> bool:
    return bool(journey.terms.starts_on) and _can_be_made_up(journey.terms.starts_on[0])


async def tell(story: Story, to: Teller, afterwards: timedelta = timedelta(days=40)) -> None:
    """Have a story happen to a customer, and some time pass after it."""
    journey, done = story
    starts, key = journey.terms.starts_on[0], journey.terms.key
    fields = made_up_fields(starts, also=key, now=BEGIN) | ({key: "k1"} if key else {})
    await to.publish(starts, **fields | {"message_id": f"{to.customer_id}-start"})
    for act in done:
        await to.after(act.after)
        await act.do(to)
    await to.after(afterwards)


def minutes(span: timedelta) -> int:
    """Return whole minutes: on a server the verbs of a test take their time."""
    return round(span.total_seconds() / 60)


def difference(one: list[Any], other: list[Any], names: tuple[str, str]) -> str:
    """Return the rows that only one of two has."""
    return "\n".join([
        *(f"  {names[0]}: {row}" for row in one if row not in other),
        *(f"  {names[1]}: {row}" for row in other if row not in one),
    ])  # fmt: skip
