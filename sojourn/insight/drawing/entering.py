"""Entry: which of the events that could start a run may do so, and the rule in words."""

from sojourn.domain.customer import Customer
from sojourn.domain.events import Event
from sojourn.domain.facts import Answers, Fact, judge
from sojourn.domain.facts.nodes import AllOf, AnyOf, FieldOf, Not, Otherwise
from sojourn.domain.facts.walking import leaves
from sojourn.journeys.terms import Terms


def may_enter(fact: Fact | None, event: Event) -> bool:
    """Tell whether an event may start a run, by its fields: all else may be as it needs to be.

    Args:
        fact: the journey's ``enters_if``; None: there is none.
        event: the event.
    """
    if fact is None:
        return True
    known = Answers(event.occurred_at, Customer(event.customer_id), fields=event.properties())
    return _holds(fact, known) is not False


def _holds(fact: Fact, known: Answers) -> bool | None:
    match fact:
        case AllOf(parts=parts):
            said = [_holds(part, known) for part in parts]
            return False if False in said else None if None in said else True
        case AnyOf(parts=parts):
            said = [_holds(part, known) for part in parts]
            return True if True in said else None if None in said else False
        case Not(part=part):
            holds = _holds(part, known)
            return None if holds is None else not holds
        case Otherwise(part=part, answer=answer):
            holds = _holds(part, known)
            by_fields = all(_is_of_event(leaf) for leaf in leaves(part))
            return answer if holds is None and by_fields else holds
    return judge(fact, known).holds if _is_of_event(fact) else None


def _is_of_event(leaf: object) -> bool:
    return isinstance(getattr(leaf, "of", None), FieldOf)


def rules_of(terms: Terms) -> list[str]:
    """Return what is judged before a run starts, a line each; none, if every event starts one."""
    found: list[str] = []
    if terms.enters_if is not None:
        found.append(str(terms.enters_if))
    if not terms.again.is_open:
        found.append(str(terms.again))
    if terms.at_most is not None:
        found.append(f"at most {terms.at_most} open at a time")
    if terms.limits is not None:
        found.append(f"at most {terms.limits}")
    return found
