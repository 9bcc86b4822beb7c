"""Checks on facts as they are written: fields that exist, values of their kind, nothing personal.

Each mistake is a TypeError of one line, raised where the fact is written: as its class is made.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from difflib import get_close_matches
from enum import Enum
from typing import Any

from pydantic import AwareDatetime

from sojourn.domain.events.base import ENVELOPE, Event, personal_fields
from sojourn.domain.events.fields import AmountPart, MoneyMark
from sojourn.domain.events.shapes import parts_of
from sojourn.domain.facts import walking
from sojourn.domain.facts.nodes import (
    Agrees,
    AllOf,
    AnyFact,
    Compare,
    Contains,
    CountOf,
    Fact,
    FieldOf,
    Known,
    Leaf,
    Listed,
    Measure,
    OfCampaign,
    OneOf,
    Operator,
    TotalOf,
    TraitOf,
    WrittenTo,
)
from sojourn.domain.facts.values import ORDERED, Kind, Value, given
from sojourn.domain.traits import card_field

PERSONAL_TRAITS = ("first_name", "email", "phone", "phone2", "push_token")
"""Fields of a customer's card that no history may hold."""
_EQUAL = ("==", "!=")
_OF_THE_CUSTOMER = Agrees | Listed | WrittenTo | OfCampaign
"""Facts that compare no measure with a value."""


def check_value(of: Measure, op: Operator, value: Value) -> None:
    """Check that a measure can be compared with a value.

    Args:
        of: the measure.
        op: how.
        value: with what.

    Raises:
        TypeError: it cannot.
    """
    if op not in _EQUAL and value.kind not in ORDERED:
        raise TypeError(
            f"{of} {op} {value}: a {value.kind} is neither more nor less than another; compare by "
            "== or !=, or by .one_of(...)"
        )
    if isinstance(of, CountOf | TotalOf) and value.kind is not Kind.NUMBER:
        raise TypeError(f"{of} {op} {value}: it is a number, and {value} is a {value.kind}")
    if isinstance(of, CountOf) and (value.value < 0 or value.value != int(value.value)):  # type: ignore[operator]
        raise TypeError(f"{of}: it is counted in whole numbers, and {value} is none")


def field_of(event: type[Event], name: str) -> FieldOf:
    """Return a field of an event.

    Raises:
        TypeError: the class has no such field.
    """
    fields = {name: f for name, f in event.model_fields.items() if name not in ENVELOPE}
    if name not in fields:
        near = get_close_matches(name, fields, n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"it has {', '.join(fields) or 'none'}"
        raise TypeError(f'{event.event_name} has no field "{name}": {hint}')
    marks = fields[name].metadata + list(parts_of(fields[name].annotation))
    return FieldOf(
        name=name,
        default=_default(fields[name].default),
        capitals=all(any(isinstance(m, of) for m in marks) for of in (MoneyMark, AmountPart)),
        personal=name in personal_fields(event),
    )


def only_fields(fact: Fact, *, of: type[Event]) -> None:
    """Check that a fact speaks of the fields of one event alone, as ``where=`` does.

    Raises:
        TypeError: it asks about anything else.
    """
    for leaf in walking.leaves(fact):
        if not isinstance(getattr(leaf, "of", None), FieldOf):
            raise TypeError(
                f'{of.__name__}: where= is about fields of the event, as field("total") >= 20 is; '
                f'"{leaf}" is not: join it to the whole by &'
            )


def without_fields(fact: Fact, keyword: str) -> None:
    """Check that a fact speaks of a customer, not of one event.

    Args:
        fact: as it was given.
        keyword: that it was given to.

    Raises:
        TypeError: it needs an event.
    """
    for of in walking.measures(fact):
        if isinstance(of, FieldOf):
            raise TypeError(
                f'{keyword}: field("{of.name}") belongs into where=, or into enters_if=: there is '
                "no event at hand"
            )


def bound(fact: Fact, event: type[Event]) -> AnyFact:
    """Return a fact whose fields are those of an event.

    Args:
        fact: with fields of an event that is not named yet.
        event: the class.

    Raises:
        TypeError: the class has no such field, or a value is of another kind than the field.
    """

    def change(leaf: Leaf) -> AnyFact:
        if isinstance(leaf, _OF_THE_CUSTOMER) or not isinstance(leaf.of, FieldOf):
            return leaf
        kept = field_of(event, leaf.of.name)
        for kind in _kinds_meant(leaf):
            _check_kind(event, kept, kind)
        return leaf.model_copy(update={"of": kept})

    return walking.changed(fact, change)


def bound_to_each(fact: Fact, events: Iterable[type[Event]]) -> AnyFact:
    """Return a fact whose fields are those of events, any of which may be at hand.

    Raises:
        TypeError: as `bound`, for the first event that lacks a field.
    """
    found = [bound(fact, event) for event in events]
    return found[0]


def checked_total(event: type[Event], of: TotalOf) -> TotalOf:
    """Check that a sum makes sense.

    Args:
        event: the class.
        of: the sum.

    Raises:
        TypeError: the field is not a number, or is an amount of any currency.
    """
    _check_kind(event, of.field, Kind.NUMBER)
    marks = parts_of(event.model_fields[of.field.name].annotation)
    if any(isinstance(mark, MoneyMark) for mark in marks) and "currency" in event.model_fields:
        said = of.where.parts if isinstance(of.where, AllOf) else (of.where,)
        if not any(map(_names_currency, said)):
            raise TypeError(
                f"{of}: amounts of several currencies have no sum: add "
                'where=field("currency") == "EUR"'
            )
    return of


def check_yes_or_no(fact: Fact) -> None:
    """Check that a question can be asked without anything personal in a history.

    Raises:
        TypeError: it names a value of a personal field.
    """
    for leaf in walking.leaves(fact):
        if isinstance(leaf, _OF_THE_CUSTOMER):
            continue
        for name in personal_in(leaf.of):
            if not (isinstance(leaf, Known) and isinstance(leaf.of, TraitOf)):
                raise TypeError(
                    f"{leaf}: {name} is personal, and a history would keep what is asked about "
                    "it: ask whether it .is_known, or put the condition into enters_if= or "
                    "stays_if="
                )


def check_value_asked(of: Measure) -> None:
    """Check that the value of a measure can be given to a history.

    Raises:
        TypeError: it may be personal.
    """
    names = list(personal_in(of))
    if names:
        raise TypeError(f"{names[0]} is personal: no history may hold it, so it cannot be asked")
    if isinstance(of, TraitOf) and of.personal:
        name = '", "'.join(of.path)
        raise TypeError(
            f'trait("{name}") may be personal: ask about it, as in trait("{name}") == "pro", or '
            f'declare it as trait("{name}", personal=False)'
        )
    if isinstance(of, FieldOf):
        raise TypeError(f'field("{of.name}") belongs into where=: there is no event at hand')


def personal_in(of: Measure) -> Iterator[str]:
    """Yield the names of the personal fields that a measure looks at."""
    if isinstance(of, TraitOf) and card_field(of.path[0]) in PERSONAL_TRAITS:
        yield str(of)
    for field in walking.fields(of):
        if field.personal:
            yield field.name


def _names_currency(leaf: object) -> bool:
    return isinstance(leaf, Compare) and leaf.op == "==" and str(leaf.of) == "currency"


def _kinds_meant(leaf: Leaf) -> list[Kind]:
    match leaf:
        case Compare(value=value):
            return [value.kind]
        case OneOf(values=values):
            return [values[0].kind]
        case Contains():
            return [Kind.TEXT]
    return []


def _check_kind(event: type[Event], field: FieldOf, kind: Kind) -> None:
    kinds = _kinds(event, field.name)
    if kinds and kind not in kinds:
        raise TypeError(
            f"{field.name} of {event.event_name} is a {' or a '.join(sorted(kinds))}: it is "
            f"compared with such a value, not with a {kind}"
        )


def _kinds(event: type[Event], name: str) -> set[Kind]:
    """Return the kinds of a field's values; none if its class leaves them open."""
    found: set[Kind] = set()
    for part in parts_of(event.model_fields[name].annotation):
        if not isinstance(part, type):
            if part is Any:
                return set()
            continue
        kind = _kind(part)
        if kind is not None:
            found.add(kind)
    return found


def _kind(part: type) -> Kind | None:
    if part is AwareDatetime or issubclass(part, datetime):
        return Kind.MOMENT
    if issubclass(part, Enum):
        return Kind.TEXT if all(isinstance(member.value, str) for member in part) else None
    for of, kind in (
        (bool, Kind.YES_NO),
        (int, Kind.NUMBER),
        (float, Kind.NUMBER),
        (Decimal, Kind.NUMBER),
        (str, Kind.TEXT),
        (date, Kind.DAY),
    ):
        if issubclass(part, of):
            return kind
    return None


def _default(value: object) -> Value | None:
    if isinstance(value, bool | int | float | Decimal | str | Enum) and value != "":
        return given(value)
    return None
