"""The judgement on a fact: pure, from what was looked up to an answer that explains itself.

The logic is Kleene's. An unknown part stays unknown, unless the other side decides by itself: `&`
with a part that fails fails, `|` with a part that holds holds, and `~` of unknown is unknown.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from sojourn.domain.consent import Consents
from sojourn.domain.customer import Customer
from sojourn.domain.facts.anniversaries import day_asked, is_kept, read_date
from sojourn.domain.facts.answers import OF_NOTHING, UNSURE, Answers, Range, enough
from sojourn.domain.facts.checking import PERSONAL_TRAITS
from sojourn.domain.facts.finding import Finding
from sojourn.domain.facts.kept import Kept
from sojourn.domain.facts.nodes import (
    Ago,
    Agrees,
    AllOf,
    Anniversary,
    AnyOf,
    Compare,
    Contains,
    CountOf,
    Fact,
    FieldOf,
    Known,
    Listed,
    Measure,
    Not,
    OfCampaign,
    OfEvents,
    OneOf,
    Otherwise,
    TimeOf,
    TotalOf,
    TraitOf,
    WrittenTo,
)
from sojourn.domain.facts.values import (
    MISSING,
    OPERATORS,
    Kind,
    Value,
    kind_of,
    read,
    shown,
    shown_number,
)
from sojourn.domain.facts.walking import leaves
from sojourn.domain.facts.words import LONG, TIMES, span
from sojourn.domain.messages import Channel
from sojourn.domain.traits import card_field

_WANTED = {"<": "less than ", "<=": "at most ", ">": "more than ", ">=": "at least ", "!=": "not "}
_IN_TIME = {"<": "before ", "<=": "until ", ">": "after ", ">=": "from ", "!=": "not "}
ALL, ANY = "all of", "one of"
_BECAME: Mapping[str, Mapping[bool | None, str]] = {
    "received": {True: "received", False: "not received", None: "in doubt whether received"},
    "clicked": {True: "clicked", False: "not clicked", None: "clicks by its channel are not known"},
    "reached": {True: "goal reached", False: "goal not reached"},
}
_ANY_TIME, _ANYBODY = datetime.min.replace(tzinfo=UTC), Customer("")
_CONSENT = {True: "given", False: "refused", None: "never asked"}


def judge(fact: Fact, answers: Answers) -> Finding:
    """Judge a fact about one customer.

    Args:
        fact: about the customer of the answers.
        answers: everything that it looks up.

    Returns:
        The finding. Of an erased customer everything is unknown.
    """
    if answers.customer.erased:
        return Finding(None, "the customer is erased")
    if answers.happened is not None:
        rests_on, nothing = _of_nothing(fact)
        if nothing is not None and rests_on.isdisjoint(answers.happened):
            return nothing
    return _judged(fact, answers)


def of_nothing(fact: Fact) -> Finding | None:
    """Return the finding on a fact about a customer who has done nothing that it asks about.

    Args:
        fact: about a customer who is not erased.

    Returns:
        The finding; None: the fact does not rest on events alone.
    """
    _, nothing = _of_nothing(fact)
    return nothing


def agrees(
    consents: Consents, channel: Channel, topic: str, *, needs_own_yes: bool = False
) -> bool | None:
    """Tell whether a customer agrees to promotional messages; None: neither yes nor no was said.

    It is true if and only if the gate lets such a message pass (`Consents.refusal`).

    Args:
        consents: the customer's words.
        channel: by this channel.
        topic: on this topic; empty: on any that is not refused.
        needs_own_yes: consent to the channel does not suffice for the topic.

    Returns:
        The answer.
    """
    if topic:
        if {(channel, topic), (None, topic)} & (consents.refused | consents.expired.keys()):
            return False
        if (channel, topic) in consents.agreed:
            return True
    whole = consents.by_channel.get(channel)
    if topic and needs_own_yes and whole and (None, topic) not in consents.agreed:
        return None
    return whole


def _judged(fact: Fact, answers: Answers) -> Finding:
    return _WAYS[type(fact)](fact, answers)


def _all_of(fact: AllOf, answers: Answers) -> Finding:
    found = _judged_parts(fact, answers)
    said = [part.holds for part in found]
    return Finding(False if False in said else None if None in said else True, ALL, found)


def _any_of(fact: AnyOf, answers: Answers) -> Finding:
    found = _judged_parts(fact, answers)
    said = [part.holds for part in found]
    return Finding(True if True in said else None if None in said else False, ANY, found)


def _judged_parts(fact: AllOf | AnyOf, answers: Answers) -> tuple[Finding, ...]:
    happened = answers.happened
    if happened is None:
        return tuple([_judged(part, answers) for part in fact.parts])
    return tuple(
        [
            nothing
            if nothing is not None and rests_on.isdisjoint(happened)
            else _judged(part, answers)
            for part, rests_on, nothing in _parts(fact)
        ]
    )


@Kept
def _parts(fact: AllOf | AnyOf) -> tuple[tuple[Fact, frozenset[str], Finding | None], ...]:
    """Return the parts of a fact, each with what `_of_nothing` returns for it."""
    return tuple([(part, *_of_nothing(part)) for part in fact.parts])


@Kept
def _of_nothing(fact: Fact) -> tuple[frozenset[str], Finding | None]:
    """Return the finding on a fact that rests on events alone, where none of them has happened.

    It is the same for everybody, and at any time. Most customers have done few of the things that a
    fact asks about.

    Returns:
        The wire names of the events, and the finding; None: it does not rest on events alone.
    """
    asked = [getattr(leaf, "of", None) for leaf in leaves(fact)]
    of_events = [of for of in asked if isinstance(of, OfEvents)]
    rests_on = frozenset(of.event for of in of_events)
    if len(of_events) < len(asked):
        return rests_on, None
    nothing = {of: OF_NOTHING[type(of)] for of in of_events}
    return rests_on, _judged(fact, Answers(now=_ANY_TIME, customer=_ANYBODY, events=nothing))


def _not(fact: Not, answers: Answers) -> Finding:
    return _contrary(_judged(fact.part, answers))


def _otherwise(fact: Otherwise, answers: Answers) -> Finding:
    inner = _judged(fact.part, answers)
    return _supposed(inner, answer=fact.answer) if inner.holds is None else inner


def _contrary(inner: Finding) -> Finding:
    holds = None if inner.holds is None else not inner.holds
    if inner.parts:
        return Finding(holds, "not", (inner,))
    return Finding(holds, lambda: f"not wanted: {inner.text}")


def _supposed(inner: Finding, *, answer: bool) -> Finding:
    taken = f"(unknown, which counts as {'yes' if answer else 'no'})"
    return Finding(answer, lambda: f"{inner.because} {taken}")


def _compared(fact: Compare, answers: Answers) -> Finding:
    match fact.of:
        case CountOf():
            return _counted(fact, answers)
        case TotalOf():
            return _summed(fact, answers)
    return _single(fact, answers)


def _known(fact: Known, answers: Answers) -> Finding:
    holds = _is_known(fact.of, answers)
    return Finding(holds, lambda: f"{fact.of}: {'known' if holds else 'not known'}")


def _of_customer(fact: Agrees | Listed | WrittenTo | OfCampaign, answers: Answers) -> Finding:
    match fact:
        case Agrees(channel=channel, topic=topic):
            own = topic in answers.own
            agreed = agrees(answers.consents, channel, topic, needs_own_yes=own)
            on = f" on {topic}" if topic else ""
            return Finding(agreed, lambda: f"consent to {channel}{on}: {_CONSENT[agreed]}")
        case Listed(name=name):
            holds = name in answers.lists
            return Finding(holds, f"list {name}: {'on it' if holds else 'not on it'}")
        case WrittenTo(by=by, within=within):
            holds = fact in answers.written_to
            silent = "wrote" if holds else "was silent"
            return Finding(holds, lambda: f"{by} in {span(within)}: {silent}")
        case OfCampaign(asks=asks, campaign=campaign):
            became = answers.campaigns[fact]
            return Finding(became, f"{campaign}: {_BECAME[asks][became]}")


def _single(fact: Compare | OneOf | Contains, answers: Answers) -> Finding:
    of = fact.of
    raw = _raw(of, answers)
    if raw is MISSING:
        return Finding(None, f"{of}: not known")
    seen = "not shown" if _is_personal(of) else shown(raw)
    if isinstance(fact, Contains):
        wanted = f'wanted "{fact.text}" in it'
        if not isinstance(raw, str | list):
            return Finding(None, f"{of}: {seen}, a {kind_of(raw)} where a text or list is meant")
        return Finding(fact.text in raw, f"{of}: {seen}, {wanted}")
    values = fact.values if isinstance(fact, OneOf) else (fact.value,)
    kind = values[0].kind
    value = _read(of, raw, kind)
    if value is None:
        return Finding(None, f"{of}: {seen}, a {kind_of(raw)} where a {kind} is meant")
    if isinstance(value, float) and not _is_personal(of):
        seen = shown_number(value)  # an amount is kept as text
    if isinstance(fact, OneOf):
        wanted = " or ".join(map(str, values))
        return Finding(value in [v.typed for v in values], f"{of}: {seen}, wanted {wanted}")
    holds = OPERATORS[fact.op](value, fact.value.typed)
    return Finding(holds, _wanted(str(of), seen, fact.op, fact.value))


def _read(of: Measure, raw: object, kind: Kind) -> bool | float | str | datetime | None:
    if _is_of_card(of) and kind is not Kind.TEXT:
        return None  # whatever it looks like
    value = read(raw, kind, of_event=isinstance(of, FieldOf))
    if isinstance(of, FieldOf) and of.capitals and isinstance(value, str):
        return value.upper()
    return value


def _wanted(of: str, seen: str, op: str, value: Value) -> str:
    if op == ">=" and value.kind is Kind.NUMBER:
        return f"{of}: {seen} of {value}"
    words = _IN_TIME if value.kind in (Kind.DAY, Kind.MOMENT) else _WANTED
    return f"{of}: {seen}, wanted {words.get(op, '')}{value}"


def _counted(fact: Compare, answers: Answers) -> Finding:
    assert isinstance(fact.of, CountOf)
    found: Range = answers.events[fact.of]
    number = int(fact.value.value)
    compare = OPERATORS[fact.op]
    by_low, by_high = compare(found.low, number), compare(found.high, number)
    between = fact.op in ("==", "!=") and found.low < number < found.high
    holds = None if between or by_low != by_high else by_low
    return Finding(holds, lambda: _told_of_count(fact, found, number))


def _told_of_count(fact: Compare, found: Range, number: int) -> str:
    seen = f"{found.low}" if found.low == found.high else f"{found.low}, perhaps {found.high},"
    if fact.op == ">=":
        return f"{fact.of}: {seen} of {number}"
    if found.low >= (enough(fact) or 0):
        seen = f"{found.low} or more"
    return f"{fact.of}: {seen.rstrip(',')}, wanted {TIMES[fact.op]} {number}"


def _summed(fact: Compare, answers: Answers) -> Finding:
    assert isinstance(fact.of, TotalOf)
    found = answers.events[fact.of]
    if found is UNSURE:
        return Finding(None, f"{fact.of}: not certain, because an event does not tell it")
    holds = OPERATORS[fact.op](found, fact.value.typed)
    return Finding(holds, lambda: _wanted(str(fact.of), shown_number(found), fact.op, fact.value))


def _ago(fact: Ago, answers: Answers) -> Finding:
    found: Any = answers.events[fact.of]
    if found is None:
        return Finding(None, lambda: f"{fact.of}: never")
    if found is UNSURE:
        return Finding(None, f"{fact.of}: not certain, because an event does not tell its fields")
    age = answers.now - found
    holds = OPERATORS[fact.op](age, fact.span)
    return Finding(
        holds, lambda: f"{fact.of}: {span(age)} ago, wanted {LONG[fact.op]} {span(fact.span)} ago"
    )


def _come_round(fact: Anniversary, answers: Answers) -> Finding:
    """Judge an anniversary. The date itself is not shown: a birthday is nobody's business."""
    of, day = fact.of, day_asked(fact, answers.now)
    found: str | None
    if isinstance(of, TimeOf):
        then: Any = answers.events[of]
        if then is UNSURE:
            return Finding(None, f"{of}: not certain, because an event does not tell its fields")
        found = then.astimezone(UTC).date().isoformat() if then else None
        missing = "never"
    else:
        raw = _raw(of, answers)
        found = read_date(raw) if not _is_of_card(of) else None
        missing = "not known" if raw is MISSING else "no date"
    if found is None:
        return Finding(None, f"{of}: {missing}")
    holds = is_kept(found, day, fact.leap)
    return Finding(holds, f"{of}: {'kept' if holds else 'not kept'} on {day}")


def _is_of_card(of: Measure) -> bool:
    return isinstance(of, TraitOf) and card_field(of.path[0]) is not None


def _is_known(of: Measure, answers: Answers) -> bool:
    match of:
        case TraitOf() | FieldOf():
            return _raw(of, answers) is not MISSING
        case TimeOf() | TotalOf():
            return answers.events[of] not in (None, UNSURE)
        case CountOf():
            return True
    raise AssertionError(f"no such measure: {type(of)}")


def _raw(of: Measure, answers: Answers) -> object:
    if isinstance(of, TraitOf):
        return answers.trait(of)
    assert isinstance(of, FieldOf)
    raw = answers.fields.get(of.name)
    if raw is None:
        return MISSING if of.default is None else of.default.value
    return raw


def _is_personal(of: Measure) -> bool:
    if isinstance(of, TraitOf):
        return card_field(of.path[0]) in PERSONAL_TRAITS
    return isinstance(of, FieldOf) and of.personal


_WAYS: Mapping[type[Fact], Callable[[Any, Answers], Finding]] = MappingProxyType(
    {
        AllOf: _all_of,
        AnyOf: _any_of,
        Not: _not,
        Otherwise: _otherwise,
        **dict.fromkeys((Agrees, Listed, WrittenTo, OfCampaign), _of_customer),
        **dict.fromkeys((OneOf, Contains), _single),
        Compare: _compared,
        Ago: _ago,
        Anniversary: _come_round,
        Known: _known,
    }
)
"""The judge of each kind of fact."""
