"""The language in which an author writes facts: `trait`, `did`, `last`, `count`, `consents`, ...

Facts written here become plain values (`nodes`) at once. A mistake is a TypeError where it is
written, when the project is loaded.
"""

from datetime import timedelta
from typing import Any, ClassVar, Generic, NoReturn, TypeVar

from sojourn.domain.events.base import Event
from sojourn.domain.facts.checking import (
    bound,
    check_value,
    checked_total,
    field_of,
    only_fields,
)
from sojourn.domain.facts.nodes import (
    Ago,
    Agrees,
    Anniversary,
    Compare,
    Contains,
    CountOf,
    Fact,
    FieldOf,
    Known,
    Listed,
    Measure,
    OneOf,
    Operator,
    TimeOf,
    TotalOf,
    TraitOf,
    WrittenTo,
)
from sojourn.domain.facts.values import given
from sojourn.domain.list_name import is_list_name
from sojourn.domain.messages import Channel

T = TypeVar("T")


class Operand(Generic[T]):
    """Something about a customer that can be compared, which makes a `Fact`."""

    __hash__: ClassVar[None]  # type: ignore[assignment]  # it has no equality of its own

    def __init__(self, of: Any) -> None:
        self.of: Measure = of

    def __eq__(self, other: object) -> Fact:  # type: ignore[override]
        return self._compared("==", other)

    def __ne__(self, other: object) -> Fact:  # type: ignore[override]
        return self._compared("!=", other)

    def __lt__(self, other: object) -> Fact:
        return self._compared("<", other)

    def __le__(self, other: object) -> Fact:
        return self._compared("<=", other)

    def __gt__(self, other: object) -> Fact:
        return self._compared(">", other)

    def __ge__(self, other: object) -> Fact:
        return self._compared(">=", other)

    @property
    def is_known(self) -> Fact:
        """The fact that there is a value. It holds or fails, and is never unknown."""
        return Known(of=self.of)

    def __bool__(self) -> NoReturn:
        raise TypeError(f"{self.of} is not a fact yet: compare it, or ask whether it .is_known")

    def __and__(self, other: object) -> NoReturn:
        raise TypeError(
            f"{self.of} is not a fact yet: put each comparison into parentheses, as in "
            '(trait("plan") == "pro") & (trait("country") == "PL")'
        )

    __or__ = __rand__ = __ror__ = __and__

    def __repr__(self) -> str:
        return f"<{self.of}>"

    def _compared(self, op: Operator, other: object) -> Fact:
        value = given(other)
        check_value(self.of, op, value)
        return Compare(of=self.of, op=op, value=value)


class Single(Operand[T]):
    """A trait, or a field of an event."""

    def one_of(self, *values: object) -> Fact:
        """Return the fact that it is one of several values, all of one kind.

        Raises:
            TypeError: there are none, or of several kinds.
        """
        found = tuple(given(value) for value in values)
        if not found or len({value.kind for value in found}) > 1:
            raise TypeError(f"{self.of}: one_of takes values of one kind")
        for value in found:
            check_value(self.of, "==", value)
        return OneOf(of=self.of, values=found)

    def contains(self, text: str) -> Fact:
        """Return the fact that a text has another one in it, or a list has it as an element.

        Raises:
            TypeError: it is not a text.
        """
        if not isinstance(text, str):
            raise TypeError(f"{self.of}: contains takes a text")
        return Contains(of=self.of, text=str(given(text).value))


class Time(Operand[timedelta]):
    """The time since the last event, or since the first."""

    def _compared(self, op: Operator, other: object) -> Fact:
        if not isinstance(other, timedelta):
            raise TypeError(f"{self.of}: compare the time since it with a span, such as days(60)")
        assert isinstance(self.of, TimeOf)
        return Ago(of=self.of, op=op, span=other)


def trait(*path: str, personal: bool = True) -> Single[str | float | bool]:
    """Return a trait of the customer, as identify calls tell it.

    ::

        trait("plan") == "pro"
        trait("address", "country").one_of("PL", "IT")

    Args:
        path: its name; further names lead into a trait that is a group of values.
        personal: False declares that a history may hold its value, so that `Journey.ask` returns
            it.

    Raises:
        TypeError: there is no name, or one has a quotation mark or a backslash in it.
    """
    if not path or not all(isinstance(n, str) and n and not set(n) & set('"\\\0') for n in path):
        raise TypeError('trait("plan") takes the name of a trait, without quotation marks in it')
    return Single(TraitOf(path=path, personal=personal))


def field(name: str) -> Single[str | float | bool]:
    """Return a field of the event at hand: in ``where=``, and in ``enters_if=``.

    Args:
        name: of the field, as its class has it.
    """
    return Single(FieldOf(name=name))


def did(
    event: type[Event],
    *,
    at_least: int = 1,
    within: timedelta | None = None,
    where: Fact | None = None,
) -> Fact:
    """Return the fact that the customer did something.

    ::

        did(OrderCompleted, at_least=2, within=days(90), where=field("total") >= 20)

    Args:
        event: its class.
        at_least: the fewest times.
        within: in the time before now; None: ever.
        where: a fact about the fields of each.

    Returns:
        The fact: it is unknown only while it depends on events of which ``where`` is unknown.

    Raises:
        TypeError: the class has no such field, a value is of another kind, or a number makes no
            sense.
    """
    if isinstance(at_least, bool) or not isinstance(at_least, int) or at_least < 1:
        raise TypeError(f"did({_called(event)}): at_least= takes 1 or more")
    return count(event, within=within, where=where) >= at_least


def count(
    event: type[Event], *, within: timedelta | None = None, where: Fact | None = None
) -> Operand[int]:
    """Return the number of times that the customer did something.

    Args:
        event: its class.
        within: in the time before now; None: ever.
        where: a fact about the fields of each.

    Returns:
        The number, to be compared or asked for.

    Raises:
        TypeError: as `did`.
    """
    return Operand(
        CountOf(event=_named(event), within=_within(event, within), where=_where(event, where))
    )


def last(event: type[Event], *, where: Fact | None = None) -> Time:
    """Return the time since the last event: ``last(OrderCompleted) > days(60)``.

    It is unknown if the customer never did it.

    Args:
        event: its class.
        where: a fact about its fields.

    Raises:
        TypeError: as `did`.
    """
    return Time(TimeOf(which="last", event=_named(event), where=_where(event, where)))


def first(event: type[Event], *, where: Fact | None = None) -> Time:
    """Return the time since the first event; as `last` otherwise.

    Args:
        event: its class.
        where: a fact about its fields.

    Raises:
        TypeError: as `did`.
    """
    return Time(TimeOf(which="first", event=_named(event), where=_where(event, where)))


def anniversary(of: Single[Any] | Time, *, leap: str = "02-28") -> Fact:
    """Return the fact that day and month of a date have come round, in a later year.

    ::

        anniversary(trait("birthday"))
        anniversary(first(OrderCompleted))

    A campaign that recurs each day asks about the day of its occurrence; elsewhere it is today in
    UTC. The trait is a date, ``1990-03-14``, or one without its year, ``03-14`` or ``--03-14``; the
    day of an event is that in UTC. For a value that is not a date it is unknown.

    Args:
        of: a trait, or the first or last event.
        leap: the day on which 29 February is kept in years that have none: ``"02-28"`` or
            ``"03-01"``.

    Raises:
        TypeError: it has no date, or there is no such day to keep it on.
    """
    if not isinstance(of, Operand) or not isinstance(of.of, TraitOf | TimeOf):
        raise TypeError(
            f'anniversary takes trait("birthday") or first(OrderCompleted), and {of!r} is neither'
        )
    if leap not in ("02-28", "03-01"):
        raise TypeError(
            f'anniversary(leap={leap!r}): 29 February is kept on "02-28" or "03-01" in years '
            "that have none"
        )
    return Anniversary(of=of.of, leap=leap)


def total(
    event: type[Event],
    name: str,
    *,
    within: timedelta | None = None,
    where: Fact | None = None,
) -> Operand[float]:
    """Return the sum of a number over events: ``total(OrderCompleted, "total", ...) >= 100``.

    Amounts of several currencies have no sum, so ``where`` names the currency where there is one.

    Args:
        event: its class.
        name: of the field.
        within: in the time before now; None: ever.
        where: a fact about the fields of each.

    Returns:
        The sum; 0 if there is no such event, and unknown if one of them lacks the field.

    Raises:
        TypeError: as `did`; or the field is not a number, or the currency is not named.
    """
    kept = _where(event, where)
    found = field_of(event, name)
    check_value(found, ">=", given(0))
    of = TotalOf(event=_named(event), field=found, within=_within(event, within), where=kept)
    return Operand(checked_total(event, of))


def consents(channel: Channel, topic: str = "") -> Fact:
    """Return the fact that the customer agrees to promotional messages.

    It holds if the gate would let such a message pass: a topic of the project that needs a yes of
    its own needs one here. It is unknown while the customer has said neither yes nor no.

    Args:
        channel: by this channel.
        topic: on this topic; empty: on any that is not refused.

    Raises:
        TypeError: there is no such channel.
    """
    if not isinstance(channel, Channel):
        raise TypeError(f"consents takes a channel, such as EMAIL, and {channel!r} is none")
    return Agrees(channel=channel, topic=topic)


def listed(name: str) -> Fact:
    """Return the fact that the customer is on a list, as `sojourn audience import` makes it.

    It holds or fails, and is never unknown; a list that nobody has imported yet has nobody on it.

    Args:
        name: of the list, in small letters: "trade-fair".

    Raises:
        TypeError: it is not such a name.
    """
    if not isinstance(name, str) or not is_list_name(name):
        raise TypeError(
            f'listed takes the name of a list, such as "trade-fair", and {name!r} is none'
        )
    return Listed(name=name)


def written_to(by: str, *, within: timedelta) -> Fact:
    """Return the fact that a journey or campaign wrote to the customer, or is about to.

    It looks at the ledger: a message that was sent, may have been sent, or is held counts; one that
    was skipped or refused does not. It holds or fails, and is never unknown.

    Args:
        by: the name of a journey or campaign of the project: "win-back".
        within: in the time before now.

    Raises:
        TypeError: it is not such a name, or not a span.
    """
    if not isinstance(by, str) or not is_list_name(by):
        raise TypeError(f'written_to takes the name of a journey, such as "win-back", not {by!r}')
    if not isinstance(within, timedelta) or within <= timedelta(0):
        raise TypeError(f'written_to("{by}"): within= takes a span, such as days(90)')
    return WrittenTo(by=by, within=within)


def _called(event: object) -> str:
    return getattr(event, "__name__", str(event))


def _named(event: object) -> str:
    if not (isinstance(event, type) and issubclass(event, Event) and event.event_name):
        raise TypeError(f"{_called(event)} is not a class of events, such as OrderCompleted")
    return event.event_name


def _within(event: object, within: timedelta | None) -> timedelta | None:
    if within is not None and not (isinstance(within, timedelta) and within > timedelta(0)):
        raise TypeError(f"{_called(event)}: within= takes a span, such as days(90)")
    return within


def _where(event: type[Event], where: Fact | None) -> Fact | None:
    if where is None:
        return None
    _named(event)
    if not isinstance(where, Fact):
        raise TypeError(f'{_called(event)}: where= takes a fact, such as field("total") >= 20')
    only_fields(where, of=event)
    return bound(where, event)
