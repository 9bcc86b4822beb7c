"""The parts that facts are made of, as plain values that can be written as JSON.

A *measure* is what is looked up: a trait, a count of events. A *fact* says something about
measures, or joins facts. Nothing in here knows a database; `judging` evaluates, `words` tells.
"""

from datetime import date, timedelta
from types import MappingProxyType
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from sojourn.domain.facts.kept import Kept
from sojourn.domain.facts.values import Value
from sojourn.domain.facts.words import LONG, TIMES, span
from sojourn.domain.messages import Channel

Operator = Literal["==", "!=", "<", "<=", ">", ">="]
_ASKED_OF_CAMPAIGNS = MappingProxyType(
    {"received": "received", "clicked": "clicked in", "reached": "reached the goal of"}
)


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True)


# ---- measures ------------------------------------------------------------------------------


class TraitOf(_Node):
    """A trait of the customer.

    Args:
        path: its name, and the names within it.
        personal: nobody has declared that a history may hold it.
    """

    measure: Literal["trait"] = "trait"
    path: tuple[str, ...]
    personal: bool = True

    def __str__(self) -> str:
        return ".".join(self.path)


class FieldOf(_Node):
    """A field of the event that is looked at.

    Args:
        name: of the field.
        default: the value that an event without the field has, by its class.
        capitals: the field is compared in capital letters, as a currency is.
        personal: its class marks it so.
    """

    measure: Literal["field"] = "field"
    name: str
    default: Value | None = None
    capitals: bool = False
    personal: bool = False

    def __str__(self) -> str:
        return self.name


class CountOf(_Node):
    """The number of events.

    Args:
        event: their wire name.
        within: in the time before now; None: ever.
        where: a fact about the fields of each.
    """

    measure: Literal["count"] = "count"
    event: str
    within: timedelta | None = None
    where: "AnyFact | None" = None

    def __hash__(self) -> int:
        return _place(self)

    def __str__(self) -> str:
        return _events(self)


class TimeOf(_Node):
    """The moment of the last event, or of the first.

    Args:
        which: ``last`` or ``first``.
        event: its wire name.
        where: a fact about its fields.
    """

    measure: Literal["time"] = "time"
    which: Literal["last", "first"]
    event: str
    where: "AnyFact | None" = None

    def __hash__(self) -> int:
        return _place(self)

    def __str__(self) -> str:
        return f"{self.which} {_events(self)}"


class TotalOf(_Node):
    """The sum of a field over events.

    Args:
        event: their wire name.
        field: the field.
        within: in the time before now; None: ever.
        where: a fact about the fields of each.
    """

    measure: Literal["total"] = "total"
    event: str
    field: FieldOf
    within: timedelta | None = None
    where: "AnyFact | None" = None

    def __hash__(self) -> int:
        return _place(self)

    def __str__(self) -> str:
        return f"{self.field} of all {_events(self)}"


OfEvents = CountOf | TimeOf | TotalOf
"""The measures of a customer's events."""
Single = TraitOf | FieldOf
"""The measures that are one stored value."""
Measure = Annotated[TraitOf | FieldOf | CountOf | TimeOf | TotalOf, Field(discriminator="measure")]


# ---- facts ---------------------------------------------------------------------------------


class Fact(_Node):
    """A yes-or-no question about a customer, which may have no answer: then it is unknown.

    Facts are joined by ``&``, ``|`` and ``~``. A fact has no truth of its own: `ask` it in the
    steps of a journey, or give it to a class keyword.
    """

    def __and__(self, other: object) -> "Fact":
        return _joined(AllOf, self, other, "&")

    def __or__(self, other: object) -> "Fact":
        return _joined(AnyOf, self, other, "|")

    def __invert__(self) -> "Fact":
        return Not(part=self)

    def or_if_unknown(self, answer: bool) -> "Fact":
        """Return a fact that has an answer where this one is unknown.

        Args:
            answer: taken where this one is unknown.

        Raises:
            TypeError: the answer is neither True nor False.
        """
        if not isinstance(answer, bool):
            raise TypeError("or_if_unknown takes True or False")
        return Otherwise(part=self, answer=answer)

    def __bool__(self) -> NoReturn:
        raise TypeError(
            f'"{self}" is a question, and has no answer before it is asked about a customer. Join '
            "facts by & | ~ and put each into parentheses, not by and, or, not; in the steps of a "
            "journey write `if await self.ask(...)`"
        )

    def __repr__(self) -> str:
        return f"<fact: {self}>"


class Compare(Fact):
    """A measure compared with a value."""

    fact: Literal["compare"] = "compare"
    of: Measure
    op: Operator
    value: Value

    def __str__(self) -> str:
        if not isinstance(self.of, CountOf):
            return f"{self.of} {self.op} {self.value}"
        if (self.op, self.value.value) == (">=", 1):
            return str(self.of)
        return f"{self.of} {TIMES[self.op]} {self.value} times"


class OneOf(Fact):
    """A measure is one of several values of one kind."""

    fact: Literal["one_of"] = "one_of"
    of: Measure
    values: tuple[Value, ...]

    def __str__(self) -> str:
        return f"{self.of} is one of {', '.join(map(str, self.values))}"


class Contains(Fact):
    """A text contains another one, or a list has it as an element."""

    fact: Literal["contains"] = "contains"
    of: Measure
    text: str

    def __str__(self) -> str:
        return f'{self.of} contains "{self.text}"'


class Known(Fact):
    """A measure has a value. This is never unknown."""

    fact: Literal["known"] = "known"
    of: Measure

    def __str__(self) -> str:
        return f"{self.of} is known"


class Ago(Fact):
    """The time since an event, compared with a span."""

    fact: Literal["ago"] = "ago"
    of: TimeOf
    op: Operator
    span: timedelta

    def __str__(self) -> str:
        return f"{self.of} {LONG[self.op]} {span(self.span)} ago"


class Anniversary(Fact):
    """Day and month of a date have come round, in a later year.

    Args:
        of: a trait that holds a date, or the time of an event.
        leap: month and day on which 29 February is kept in years that have none.
        day: the day that is asked about; None: that of the judgement, in UTC.
    """

    fact: Literal["anniversary"] = "anniversary"
    of: Measure
    leap: Literal["02-28", "03-01"] = "02-28"
    day: date | None = None

    def __str__(self) -> str:
        return f"anniversary of {self.of}" + (f" on {self.day}" if self.day else "")


class Agrees(Fact):
    """The customer agrees to promotional messages.

    Args:
        channel: by this channel.
        topic: on this topic; empty: on any that is not refused.
    """

    fact: Literal["agrees"] = "agrees"
    channel: Channel
    topic: str = ""

    def __str__(self) -> str:
        return f"agrees to {self.channel}" + (f" on {self.topic}" if self.topic else "")


class Listed(Fact):
    """The customer is on a list that somebody imported. This is never unknown."""

    fact: Literal["listed"] = "listed"
    name: str

    def __str__(self) -> str:
        return f"on the list {self.name}"


class WrittenTo(Fact):
    """A journey or campaign has written to the customer, or is about to. This is never unknown.

    Args:
        by: its name.
        within: in the time before now.
    """

    fact: Literal["written_to"] = "written_to"
    by: str
    within: timedelta

    def __str__(self) -> str:
        return f"written to by {self.by} in {span(self.within)}"


class OfCampaign(Fact):
    """Something became of a campaign's message to the customer, or followed it.

    Args:
        asks: received, clicked or reached.
        campaign: its id: its name, with ``@`` and the occasion if it has one.
    """

    fact: Literal["of_campaign"] = "of_campaign"
    asks: Literal["received", "clicked", "reached"]
    campaign: str

    def __str__(self) -> str:
        return f"{_ASKED_OF_CAMPAIGNS[self.asks]} {self.campaign}"


class AllOf(Fact):
    """Every part holds."""

    fact: Literal["all"] = "all"
    parts: tuple["AnyFact", ...]

    def __str__(self) -> str:
        return " and ".join(map(_inner, self.parts))


class AnyOf(Fact):
    """At least one part holds."""

    fact: Literal["any"] = "any"
    parts: tuple["AnyFact", ...]

    def __str__(self) -> str:
        return " or ".join(map(_inner, self.parts))


class Not(Fact):
    """The part fails."""

    fact: Literal["not"] = "not"
    part: "AnyFact"

    def __str__(self) -> str:
        return f"not ({self.part})"


class Otherwise(Fact):
    """The part, with an answer where it is unknown."""

    fact: Literal["otherwise"] = "otherwise"
    part: "AnyFact"
    answer: bool

    def __str__(self) -> str:
        return f"({self.part}; if unknown, {'yes' if self.answer else 'no'})"


Leaf = (
    Compare
    | OneOf
    | Contains
    | Known
    | Ago
    | Anniversary
    | Agrees
    | Listed
    | WrittenTo
    | OfCampaign
)
AnyFact = Annotated[Leaf | AllOf | AnyOf | Not | Otherwise, Field(discriminator="fact")]

for _model in (
    CountOf, TimeOf, TotalOf, Compare, OneOf, Contains, Known, Ago, Anniversary, AllOf, AnyOf, Not,
    Otherwise,
):  # fmt: skip
    _model.model_rebuild()

_FACT: TypeAdapter[Fact] = TypeAdapter(AnyFact)
_MEASURE: TypeAdapter[Measure] = TypeAdapter(Measure)


def written(fact: Fact) -> dict[str, Any]:
    """Return a fact as JSON values."""
    found: dict[str, Any] = _FACT.dump_python(fact, mode="json")
    return found


def read_fact(value: object) -> Fact:
    """Return the fact that `written` gave.

    Raises:
        pydantic.ValidationError: these values are not a fact.
    """
    return _FACT.validate_python(value)


def written_measure(of: Measure) -> dict[str, Any]:
    """Return a measure as JSON values."""
    found: dict[str, Any] = _MEASURE.dump_python(of, mode="json")
    return found


def read_measure(value: object) -> Measure:
    """Return the measure that `written_measure` gave.

    Raises:
        pydantic.ValidationError: these values are not a measure.
    """
    return _MEASURE.validate_python(value)


def _place(of: CountOf | TimeOf | TotalOf) -> int:
    """Return the hash of a measure: what was looked up is found by it, so it has to be fast.

    Few measures are of one event.
    """
    return hash(of.event)


@Kept
def _events(of: CountOf | TimeOf | TotalOf) -> str:
    where = f" with {of.where}" if of.where is not None else ""
    within = None if isinstance(of, TimeOf) else of.within
    return of.event + where + (f" in {span(within)}" if within is not None else "")


def _inner(part: Fact) -> str:
    return f"({part})" if isinstance(part, AllOf | AnyOf) else str(part)


def _joined(kind: "type[AllOf | AnyOf]", left: Fact, right: object, sign: str) -> Fact:
    if not isinstance(right, Fact):
        raise TypeError(
            f"{sign} joins two facts, and {right!r} is none: put each comparison into parentheses, "
            f'as in (trait("plan") == "pro") {sign} did(OrderCompleted)'
        )
    parts: list[Any] = []
    for one in (left, right):
        parts += one.parts if isinstance(one, kind) else [one]
    return kind(parts=tuple(parts))
