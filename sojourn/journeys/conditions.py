"""The conditions of a journey, as its class keywords give them: who enters, and who stays."""

from dataclasses import replace

from sojourn.domain.abuse import Limits
from sojourn.domain.again import Again
from sojourn.domain.events import fleeting
from sojourn.domain.facts import Fact, bound_to_each, without_fields
from sojourn.journeys.terms import Terms


def checked_conditions(terms: Terms, called: str) -> Terms:
    """Return the terms of a journey, whose conditions know the events that they speak of.

    Args:
        terms: of the journey.
        called: the name of its class.

    Returns:
        The terms.

    Raises:
        TypeError: a condition is not a fact, or names a field that an event lacks; ``again=`` or
            ``limits=`` is not a rule.
    """
    _check_entry(terms, called)
    for keyword, fact in (("enters_if", terms.enters_if), ("stays_if", terms.stays_if)):
        if fact is not None and not isinstance(fact, Fact):
            raise TypeError(
                f"{called}: {keyword}= takes a fact, such as did(OrderCompleted), and {fact!r} is "
                "none"
            )
    if terms.stays_if is not None:
        without_fields(terms.stays_if, f"{called}: stays_if=")
    if terms.enters_if is None or not terms.starts_on:
        return terms
    try:
        return replace(terms, enters_if=bound_to_each(terms.enters_if, terms.begun_by))
    except TypeError as error:
        raise TypeError(f"{called}: enters_if=: {error}") from None


def _check_entry(terms: Terms, called: str) -> None:
    if not isinstance(terms.again, Again):
        raise TypeError(
            f"{called}: again= takes ALWAYS, ONCE or a rule such as after(days=30), and "
            f"{terms.again!r} is none"
        )
    if terms.again.of_key and not terms.key:
        raise TypeError(f"{called}: again= counts by key, and the journey has none: add key=")
    if terms.limits is not None and not isinstance(terms.limits, Limits):
        raise TypeError(
            f"{called}: limits= takes Limits(customer=5, per=hours(1)), and {terms.limits!r} is "
            "none"
        )
    if terms.limits is not None:
        _check_counted(terms, called)
    both = [event for event in terms.goal if event in terms.starts_on]
    if both and terms.selects:
        raise TypeError(
            f"{called}: {both[0].__name__} is the goal and begins the next run within the one that "
            "it ends: enters_if=, again=, at_most= and limits= cannot keep it out; say stays_if= "
            "instead"
        )
    most = terms.at_most
    if most is None:
        return
    if type(most) is not int or most < 1:
        raise TypeError(f"{called}: at_most= takes a number of open runs from 1 on, not {most!r}")
    if not terms.key:
        raise TypeError(
            f"{called}: without key= a customer has one open run at most: leave at_most= out"
        )


def _check_counted(terms: Terms, called: str) -> None:
    """Check that limits find what they count by: one that never counts would protect nobody."""
    if terms.limits is None or terms.limits.network is None:
        return
    for event in terms.starts_on:
        if "ip" not in fleeting.counted_of(event):
            raise TypeError(
                f"{called}: limits= counts by network, and {event.__name__} has no field "
                '"ip: Counted = None" to tell it: add the field, or leave network= out'
            )
