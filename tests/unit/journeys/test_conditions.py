"""Class keywords `enters_if` and `stays_if`, and the questions that `ask` takes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sojourn import EMAIL, Journey, Message, count, did, field, hours, last, trait
from sojourn.domain.facts import Fact, read_fact
from sojourn.events import CartViewed, OrderCompleted, ProductAdded, SignedUp
from sojourn.journeys.asking import LONGEST_SUMMARY, question, read_answer, summary
from sojourn.journeys.registry import Journeys

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)


def journey(
    name: str = "of-this-test", of: type[Journey] = Journey, **keywords: Any
) -> type[Journey]:
    async def steps(self: Journey) -> None:
        """Send nothing."""

    body = {"steps": steps, "reminder": Message(EMAIL, useful_for=hours(1))}
    made: type[Journey] = type("Made", (of,), body, name=name, **keywords)
    return made


def test_a_condition_knows_the_fields_of_the_event_that_starts() -> None:
    made = journey(starts_on=OrderCompleted, enters_if=field("total") >= 20)
    assert str(made.terms.enters_if) == "total >= 20"
    assert made.terms.stays_if is None


def test_a_base_class_hands_its_conditions_on() -> None:
    base = journey(name="", stays_if=trait("plan") == "pro", enters_if=field("total") >= 20)
    made = journey(of=base, starts_on=OrderCompleted)
    assert str(made.terms.stays_if) == 'plan == "pro"'
    assert str(made.terms.enters_if) == "total >= 20"
    assert dict(Journeys([made]).stays_if) == {"of-this-test": made.terms.stays_if}


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"stays_if": True}, "Made: stays_if= takes a fact"),
        ({"enters_if": trait("plan")}, "Made: enters_if= takes a fact"),
        ({"stays_if": field("total") >= 20}, "Made: stays_if=: field"),
        ({"enters_if": field("totl") >= 20}, 'Made: enters_if=: .* no field "totl"'),
        ({"enters_if": field("total") == "20"}, "Made: enters_if=: .* is a number"),
        (
            {"enters_if": field("total") >= 20, "starts_on": (OrderCompleted, CartViewed)},
            'Cart Viewed has no field "total"',
        ),
    ],
)
def test_a_wrong_condition_is_named_when_the_class_is_made(
    keywords: dict[str, Any], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        journey(**{"starts_on": OrderCompleted, **keywords})


def test_journeys_without_a_condition_cost_the_gate_no_look_up() -> None:
    assert dict(Journeys([journey(starts_on=ProductAdded)]).stays_if) == {}


def asked(about: object) -> Any:
    return question(about, run="r", customer_id="c", now=NOON)


def test_a_question_crosses_temporal_as_json() -> None:
    fact = did(OrderCompleted, at_least=2)
    sent = asked(fact).model_dump(mode="json")
    assert read_fact(sent["fact"]) == fact
    assert asked(count(OrderCompleted)).measure["event"] == "Order Completed"


@pytest.mark.parametrize(
    ("about", "says"),
    [
        (True, "takes a fact"),
        (field("total") >= 20, "no event at hand"),
        (field("total"), "no event at hand"),
        (trait("email") == "ada@shop.example", "email is personal"),
        (trait("firstName").one_of("Ada", "Bo"), "firstName is personal"),
        (did(SignedUp, where=field("plan") == "pro"), "plan is personal"),
        (trait("email"), "email is personal"),
        (count(SignedUp, where=field("plan") == "pro"), "plan is personal"),
        (trait("plan"), "personal=False"),
    ],
)
def test_nothing_personal_is_asked(about: object, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        asked(about)


def test_an_answer_is_what_the_steps_compare_with() -> None:
    assert read_answer(last(OrderCompleted), 90.5) == timedelta(seconds=90.5)
    assert read_answer(last(OrderCompleted), None) is None
    assert read_answer(count(OrderCompleted), 3) == 3


def test_a_summary_is_short_enough_for_temporal() -> None:
    fact: Fact = trait("plan") == "p"
    for letter in "abcdefghijklmnopqrstuvwxyz":
        fact |= trait("plan") == letter * 10
    assert len(summary(fact)) == LONGEST_SUMMARY
    assert summary(last(OrderCompleted)) == "ask: last Order Completed"
