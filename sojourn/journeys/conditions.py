"""The conditions of a journey, as its class keywords give them: `enters_if` and `stays_if`."""

from dataclasses import replace

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
        TypeError: a condition is no fact, or speaks of a field that an event has not.
    """
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
        return replace(terms, enters_if=bound_to_each(terms.enters_if, terms.starts_on))
    except TypeError as error:
        raise TypeError(f"{called}: enters_if=: {error}") from None
