"""Facts: questions about a customer, in a small language, with one meaning and two evaluators.

`language` is what authors write, `nodes` the plain values that it becomes, `checking` what is wrong
with them, `judging` the answer with its explanation, `events` the meaning of a count or a last.
`store.facts` looks up what one customer's answer needs, and selects the customers a fact holds for.
"""

from sojourn.domain.facts.anniversaries import asked_on
from sojourn.domain.facts.answers import (
    UNSURE,
    Answers,
    Range,
    lists_of,
    needs_consents,
    needs_events,
    of_events,
    trait_of,
    writers_of,
)
from sojourn.domain.facts.checking import (
    bound_to_each,
    check_value_asked,
    check_yes_or_no,
    without_fields,
)
from sojourn.domain.facts.events import Happened, look_up
from sojourn.domain.facts.finding import Finding
from sojourn.domain.facts.judging import agrees, judge
from sojourn.domain.facts.language import (
    Operand,
    anniversary,
    consents,
    count,
    did,
    field,
    first,
    last,
    listed,
    total,
    trait,
    written_to,
)
from sojourn.domain.facts.nodes import (
    Fact,
    Measure,
    OfEvents,
    TimeOf,
    read_fact,
    read_measure,
    written,
    written_measure,
)
from sojourn.domain.facts.of_campaigns import clicked, did_not_react, reached_goal, received

__all__ = [
    "UNSURE",
    "Answers",
    "Fact",
    "Finding",
    "Happened",
    "Measure",
    "OfEvents",
    "Operand",
    "Range",
    "TimeOf",
    "agrees",
    "anniversary",
    "asked_on",
    "bound_to_each",
    "check_value_asked",
    "check_yes_or_no",
    "clicked",
    "consents",
    "count",
    "did",
    "did_not_react",
    "field",
    "first",
    "judge",
    "last",
    "listed",
    "lists_of",
    "look_up",
    "needs_consents",
    "needs_events",
    "of_events",
    "reached_goal",
    "read_fact",
    "read_measure",
    "received",
    "total",
    "trait",
    "trait_of",
    "without_fields",
    "writers_of",
    "written",
    "written_measure",
    "written_to",
]
