"""The verb `ask`: which questions the steps of a run may ask, and how answers are read.

A history keeps the answer, in plain sight and for good. So it is a yes or no, a number, a span, or
a text that its author has declared not to be personal.
"""

from datetime import datetime, timedelta
from typing import Any

from sojourn.domain.calls import Question
from sojourn.domain.facts import (
    Fact,
    Measure,
    Operand,
    TimeOf,
    check_value_asked,
    check_yes_or_no,
    without_fields,
    written,
    written_measure,
)
from sojourn.domain.facts.kept import Kept

LONGEST_SUMMARY = 200
"""Characters of a question that an operator sees in Temporal's UI."""


def question(about: object, *, run: str, customer_id: str, now: datetime) -> Question:
    """Return a question as a local activity takes it.

    Args:
        about: a fact, or the value of `count`, `last`, `total` or a declared `trait`.
        run: workflow id of the run that asks.
        customer_id: whose run it is.
        now: by the journey's clock.

    Returns:
        The question.

    Raises:
        TypeError: it is not a question, or its answer may be personal.
    """
    asked: dict[str, Any] = {}
    if isinstance(about, Fact):
        asked |= {"fact": {**_written(about)}, "about": about}
    elif isinstance(about, Operand):
        check_value_asked(about.of)
        asked["measure"] = written_measure(about.of)
    else:
        raise TypeError(f"ask takes a fact or a value of a customer, and {about!r} is neither")
    return Question.made(run=run, customer_id=customer_id, now=now, **asked)


def read_answer(about: Fact | Operand[Any], answer: Any) -> Any:
    """Return an answer as the steps get it.

    Args:
        about: what was asked.
        answer: as JSON; None: it is unknown.

    Returns:
        The answer: the time since an event is a span.
    """
    if answer is not None and isinstance(about, Operand) and isinstance(about.of, TimeOf):
        return timedelta(seconds=answer)
    return answer


def summary(about: Fact | Operand[Any]) -> str:
    """Return the question as an operator reads it."""
    return _summary(about if isinstance(about, Fact) else about.of)


@Kept
def _summary(asked: Fact | Measure) -> str:
    said = f"ask: {asked}"
    return said if len(said) <= LONGEST_SUMMARY else f"{said[: LONGEST_SUMMARY - 3]}..."


@Kept
def _written(about: Fact) -> dict[str, Any]:
    """Return a question as JSON values, if it may be asked."""
    without_fields(about, "ask")
    check_yes_or_no(about)
    return written(about)
