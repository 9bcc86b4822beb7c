"""docs/facts.md: its code runs, and does what the page says."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sojourn import days
from sojourn.domain.customer import Customer
from sojourn.domain.facts import Answers, Fact, Finding, Happened, judge, look_up
from sojourn.journeys.journey import Journey
from tests.support.markdown import ROOT, blocks

PAGE = ROOT / "docs" / "facts.md"
NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """Run the code of the page from its first line to its last."""
    names: dict[str, Any] = {"__name__": __name__}
    for block in blocks(PAGE):
        if block.language == "python":
            source = "\n" * (block.line - 1) + block.code  # so that a failure names its line
            exec(compile(source, PAGE, "exec"), names)
    return names


def found(fact: Fact, *happened: Happened, **traits: Any) -> Finding:
    customer = Customer("c", known=True, attributes=traits)
    return judge(fact, look_up(fact, Answers(NOON, customer), happened))


def order(days_ago: int) -> Happened:
    return Happened("Order Completed", NOON - days(days_ago), {"total": "30"})


def test_the_ways_to_let_an_unknown_plan_pass_are_the_same(page: dict[str, Any]) -> None:
    for traits, holds in (({}, True), ({"plan": "free"}, True), ({"plan": "pro"}, False)):
        for name in ("not_pro_or_not_told", "the_same"):
            assert found(page[name], **traits).holds is holds
    assert found(page["not_pro"]).holds is None


def test_the_explanation_on_the_page_is_what_a_finding_says(page: dict[str, Any]) -> None:
    from sojourn import did, last
    from sojourn.events import OrderCompleted, ProductAdded

    shown = next(block.code for block in blocks(PAGE) if block.code.startswith("no: all of"))
    fact = page["pro"] & did(OrderCompleted, at_least=2, within=days(90))
    told = found(fact & (last(ProductAdded) > days(1)), order(3), plan="pro")
    assert "\n".join(told.lines()) == shown.strip()


def test_the_journey_on_the_page_is_one(page: dict[str, Any]) -> None:
    journey = page["CheckoutHelp"]
    assert issubclass(journey, Journey)
    assert [message.step for message in journey.messages] == ["help", "help-regular"]
    assert str(journey.terms.enters_if) == ("value >= 20 and not (Order Completed in 7 days)")


def test_the_facts_on_the_page_answer(page: dict[str, Any]) -> None:
    assert found(page["regular"], order(3), order(80)).holds is True
    assert found(page["regular"], order(3), order(95)).holds is False
    assert found(page["big_spender"], order(3)).holds is False
    assert found(page["asleep"], order(80)).holds is True
    assert found(page["may_be_told"]).holds is None
    assert found(page["winback"], order(80), plan="pro").because == (
        "consent to email on offers: never asked"
    )
