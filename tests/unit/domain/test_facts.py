"""The language of facts: what is written, what it answers, how it explains itself."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from sojourn import (
    EMAIL,
    anniversary,
    clicked,
    consents,
    count,
    days,
    did,
    did_not_react,
    field,
    first,
    hours,
    last,
    reached_goal,
    received,
    total,
    trait,
    written_to,
)
from sojourn.domain.consent import Consents
from sojourn.domain.customer import Customer
from sojourn.domain.facts import (
    Answers,
    Fact,
    Finding,
    Happened,
    asked_on,
    check_value_asked,
    check_yes_or_no,
    judge,
    look_up,
    read_fact,
    written,
)
from sojourn.domain.facts.of_campaigns import followed, still
from sojourn.events import OrderCompleted, ProductAdded, SignedUp

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)


def answer(
    fact: Fact,
    *happened: Happened,
    said: Consents | None = None,
    erased: bool = False,
    **traits: Any,
) -> Finding:
    card = {name: traits.pop(name) for name in ("email", "locale") if name in traits}
    customer = Customer("c1", known=True, erased=erased, attributes=traits, **card)
    return judge(fact, look_up(fact, Answers(NOON, customer, said or Consents({})), happened))


def order(days_ago: float, **fields: Any) -> Happened:
    return Happened("Order Completed", NOON - days(days_ago), {"order_id": "o", **fields})


PRO = trait("plan") == "pro"


@pytest.mark.parametrize(
    ("fact", "traits", "holds", "text"),
    [
        (PRO, {"plan": "pro"}, True, 'plan: "pro", wanted "pro"'),
        (PRO, {"plan": "free"}, False, 'plan: "free", wanted "pro"'),
        (PRO, {}, None, "plan: not known"),
        (PRO, {"plan": None}, None, "plan: not known"),
        (PRO, {"plan": 3}, None, "plan: 3, a number where a text is meant"),
        (~PRO, {}, None, "not wanted: plan: not known"),
        (trait("plan") != "pro", {}, None, "plan: not known"),
        (trait("age") >= 18, {"age": 17}, False, "age: 17 of 18"),
        (trait("age") < 18, {"age": "17"}, None, 'age: "17", a text where a number is meant'),
        (trait("vip") == True, {"vip": True}, True, "vip: yes, wanted yes"),  # noqa: E712
        (
            trait("born") < date(2000, 1, 1),
            {"born": "1985-04-23"},
            True,
            'born: "1985-04-23", wanted before 2000-01-01',
        ),
        (
            trait("ends") <= NOON,
            {"ends": "2024-01-08T13:00:00+01:00"},
            True,
            'ends: "2024-01-08T13:00:00+01:00", wanted until 2024-01-08T12:00:00Z',
        ),
        (trait("ends") <= NOON, {"ends": "2024-01-08"}, None, None),
        (trait("plan").one_of("pro", "team"), {"plan": "team"}, True, None),
        (trait("tags").contains("vip"), {"tags": ["new", "vip"]}, True, None),
        (trait("tags").contains("vip"), {"tags": "a vip"}, True, None),
        (trait("tags").contains("vip"), {"tags": 3}, None, None),
        (trait("address", "country") == "PL", {"address": {"country": "PL"}}, True, None),
        (trait("plan").is_known, {}, False, "plan: not known"),
        (~trait("plan").is_known, {}, True, "not wanted: plan: not known"),
        (PRO.or_if_unknown(True), {}, True, "plan: not known (unknown, which counts as yes)"),
        (~PRO.or_if_unknown(False), {}, True, None),
        (trait("email") == "ada@shop.example", {"email": "bo@shop.example"}, False, None),
    ],
)  # fmt: skip
def test_a_trait_answers(
    fact: Fact, traits: dict[str, Any], holds: bool | None, text: str | None
) -> None:
    found = answer(fact, **traits)
    assert found.holds is holds
    assert text is None or found.because == text


def test_a_personal_value_is_not_shown() -> None:
    found = answer(trait("email") == "ada@shop.example", email="bo@shop.example")
    assert "bo@" not in found.because


@pytest.mark.parametrize(
    ("fact", "holds", "text"),
    [
        (did(OrderCompleted), True, "Order Completed: 1 of 1"),
        (did(OrderCompleted, at_least=2), True, "Order Completed: 2 of 2"),
        (did(OrderCompleted, at_least=2, within=days(30)), False,
         "Order Completed in 30 days: 1 of 2"),
        (did(OrderCompleted, where=field("total") >= 20), True, None),
        (did(OrderCompleted, at_least=2, where=field("total") >= 20), None,
         "Order Completed with total >= 20: 1, perhaps 2, of 2"),
        (did(OrderCompleted, at_least=3, where=field("total") >= 20), False, None),
        (did(OrderCompleted, where=field("total") >= 100), None, None),
        (~did(OrderCompleted, where=field("total") >= 100), None, None),
        (count(OrderCompleted) == 2, True, "Order Completed: 2, wanted exactly 2"),
        (count(OrderCompleted) <= 1, False, "Order Completed: 2 or more, wanted at most 1"),
        (count(ProductAdded) == 0, True, "Product Added: 0, wanted exactly 0"),
        (last(OrderCompleted) > days(10), True,
         "last Order Completed: 12 days ago, wanted more than 10 days ago"),
        (first(OrderCompleted) > days(60), True, None),
        (last(ProductAdded) > days(60), None, "last Product Added: never"),
        (~(last(ProductAdded) > days(60)), None, None),
        (last(ProductAdded).is_known, False, None),
        (last(OrderCompleted, where=field("currency") == "EUR") < hours(1), False, None),
        (first(OrderCompleted, where=field("currency") == "EUR") < hours(1), None, None),
        (total(OrderCompleted, "total", where=field("currency") == "EUR") >= 20, None, None),
    ],
)  # fmt: skip
def test_events_give_an_answer(fact: Fact, holds: bool | None, text: str | None) -> None:
    found = answer(fact, order(12, total="25.50", currency="eur"), order(80), order(-1))
    assert found.holds is holds
    assert text is None or found.because == text


def test_sums_are_exact() -> None:
    orders = [order(n, total="0.1", currency="EUR") for n in range(3)]
    spent = total(OrderCompleted, "total", where=field("currency") == "EUR")
    assert answer(spent == 0.3, *orders).holds is True
    assert answer(spent == 0.3).because == (
        'total of all Order Completed with currency == "EUR": 0, wanted 0.3'
    )


def test_consents_give_an_answer() -> None:
    asked = consents(EMAIL, "offers")
    assert answer(asked).holds is None
    assert answer(asked, said=Consents({EMAIL: True})).holds is True
    assert answer(asked, said=Consents({EMAIL: False})).holds is False
    assert answer(asked, said=Consents({}, frozenset({(None, "offers")}))).holds is False
    assert answer(asked, said=Consents({EMAIL: True})).because == (
        "consent to email on offers: given"
    )


@pytest.mark.parametrize(
    ("said", "holds"),
    [
        (Consents({}), None),
        (Consents({EMAIL: True}), None),
        (Consents({EMAIL: False}), False),
        (Consents({EMAIL: True}, agreed=frozenset({(EMAIL, "offers")})), True),
        (Consents({EMAIL: False}, agreed=frozenset({(EMAIL, "offers")})), True),
        (Consents({EMAIL: True}, agreed=frozenset({(None, "offers")})), True),
        (Consents({EMAIL: False}, agreed=frozenset({(None, "offers")})), False),
        (Consents({EMAIL: True}, refused=frozenset({(EMAIL, "offers")})), False),
    ],
)
def test_consent_to_a_topic_that_needs_a_yes_of_its_own_is_what_the_gate_takes_for_one(
    said: Consents, holds: bool | None
) -> None:
    asked = consents(EMAIL, "offers")
    found = judge(asked, Answers(NOON, Customer("c1", known=True), said, own=("offers",)))
    assert found.holds is holds
    passes = said.refusal(EMAIL, "offers", needs_own_yes=True) is None
    assert (holds is True) is passes


def test_nothing_is_known_of_who_is_erased() -> None:
    for fact in (did(OrderCompleted), ~did(OrderCompleted), PRO.or_if_unknown(True)):
        found = answer(fact, erased=True)
        assert (found.holds, found.text) == (None, "the customer is erased")


@pytest.mark.parametrize("left", [True, False, None])
@pytest.mark.parametrize("right", [True, False, None])
def test_the_logic_is_kleenes(left: bool | None, right: bool | None) -> None:
    rank = {False: 0, None: 1, True: 2}
    traits: dict[str, Any] = {n: v for n, v in (("left", left), ("right", right)) if v is not None}
    a, b = (trait(name) == True for name in ("left", "right"))  # noqa: E712
    ends = sorted((left, right), key=lambda one: rank[one])
    assert answer(a & b, **traits).holds is ends[0]
    assert answer(a | b, **traits).holds is ends[1]
    assert answer(~(a & b), **traits).holds is answer(~a | ~b, **traits).holds


def test_a_finding_names_what_decided_and_shows_the_rest() -> None:
    fact = PRO & did(OrderCompleted, at_least=2) & (last(ProductAdded) < days(1))
    found = answer(fact, order(3), plan="pro")
    assert found.because == "Order Completed: 1 of 2"
    assert list(found.lines()) == [
        "no: all of",
        '  yes: plan: "pro", wanted "pro"',
        "  no: Order Completed: 1 of 2",
        "  unknown: last Product Added: never",
    ]


def test_a_fact_reads_aloud_and_can_be_written_as_json() -> None:
    fact = (PRO & did(OrderCompleted, at_least=2, within=days(90))) | ~consents(EMAIL, "offers")
    assert str(fact) == (
        '(plan == "pro" and Order Completed in 90 days at least 2 times)'
        " or not (agrees to email on offers)"
    )
    assert read_fact(written(fact)) == fact


MISTAKES: list[tuple[Callable[[], Any], str]] = [
    (lambda: PRO and PRO, r"by & \| ~"),  # type: ignore[unreachable]
    (lambda: not PRO, "await self.ask"),
    (lambda: 18 <= trait("age") < 65, "by & "),
    (lambda: bool(trait("plan")), "is_known"),
    (lambda: (trait("a") == 1) & trait("b"), "parentheses"),
    (lambda: PRO & True, "parentheses"),
    (lambda: trait("a") == 1 & trait("b"), "parentheses"),
    (lambda: trait("plan") > "free", "one_of"),
    (lambda: trait("plan") == None, "not a value"),  # noqa: E711
    (lambda: trait("plan") == datetime(2024, 1, 8), "time zone"),
    (lambda: trait("plan") == float("inf"), "too large"),
    (lambda: trait("plan") == "", "1 to 500"),
    (trait, "name of a trait"),
    (lambda: trait('a"b'), "quotation"),
    (lambda: trait("plan").one_of("pro", 1), "one kind"),
    (lambda: did(OrderCompleted, where=field("totl") >= 20), 'did you mean "total"'),
    (lambda: did(OrderCompleted, where=field("total") >= date(2024, 1, 8)), "is a number"),
    (lambda: did(OrderCompleted, where=field("total") == "20"), "is a number"),
    (lambda: did(OrderCompleted, where=PRO), "where="),
    (lambda: did(OrderCompleted, where=field("message_id") == "m"), "no field"),
    (lambda: did("Order Completed"), "not a class of events"),  # type: ignore[arg-type]
    (lambda: did(OrderCompleted, at_least=0), "1 or more"),
    (lambda: did(OrderCompleted, within=days(0)), "span"),
    (lambda: count(OrderCompleted) >= 1.5, "whole numbers"),
    (lambda: count(OrderCompleted) == "two", "is a number"),
    (lambda: last(OrderCompleted) > 60, r"days\(60\)"),
    (lambda: total(OrderCompleted, "total") > 100, "currencies"),
    (lambda: total(OrderCompleted, "cart_id"), "is a text"),
    (lambda: consents("email"), "EMAIL"),  # type: ignore[arg-type]
]


@pytest.mark.parametrize(("write", "says"), MISTAKES)
def test_a_mistake_is_named_where_it_is_written(write: Callable[[], Any], says: str) -> None:
    with pytest.raises(TypeError, match=says):
        write()


def test_personal_values_are_not_asked_for() -> None:
    with pytest.raises(TypeError, match="personal"):
        check_value_asked(trait("email", personal=False).of)
    with pytest.raises(TypeError, match="personal=False"):
        check_value_asked(trait("plan").of)
    check_value_asked(trait("plan", personal=False).of)
    check_value_asked(count(OrderCompleted).of)
    check_yes_or_no(PRO & trait("email").is_known)
    with pytest.raises(TypeError, match="email is personal"):
        check_yes_or_no(trait("email") == "ada@shop.example")
    with pytest.raises(TypeError, match="plan is personal"):
        check_yes_or_no(did(SignedUp, where=field("plan") == "pro"))


BORN = anniversary(trait("birthday"))


@pytest.mark.parametrize(
    ("birthday", "day", "holds"),
    [
        ("1990-01-08", "2024-01-08", True),
        ("1990-01-08", "2024-01-09", False),
        ("01-08", "2024-01-08", True),
        ("--01-08", "2024-01-08", True),
        ("1990-01-08T00:00:00Z", "2024-01-08", True),
        ("2024-01-08", "2024-01-08", False),
        ("2024-02-29", "2025-02-28", True),
        ("02-29", "2025-02-28", True),
        ("2024-02-29", "2025-03-01", False),
        ("2020-02-29", "2024-02-28", False),
        ("2020-02-29", "2024-02-29", True),
        ("8.1.1990", "2024-01-08", None),
        ("1990-02-30", "2024-02-28", None),
        (19900108, "2024-01-08", None),
        (None, "2024-01-08", None),
    ],
)
def test_an_anniversary_comes_round_once_a_year(
    birthday: object, day: str, holds: bool | None
) -> None:
    found = answer(asked_on(BORN, date.fromisoformat(day)), birthday=birthday)
    assert found.holds is holds
    assert "1990" not in found.text, "a birthday is not shown"


def test_29_february_is_kept_on_1_march_where_it_is_said_so() -> None:
    born = anniversary(trait("birthday"), leap="03-01")
    kept = {
        day: answer(asked_on(born, date.fromisoformat(day)), birthday="02-29").holds
        for day in ("2025-02-28", "2025-03-01", "2024-02-29", "2024-03-01")
    }
    assert list(kept.values()) == [False, True, True, False]


def test_without_a_day_an_anniversary_is_asked_about_today() -> None:
    assert answer(BORN, birthday="1990-01-08").holds
    first_order = anniversary(first(OrderCompleted))
    assert answer(first_order, order(365), order(20)).holds
    assert answer(first_order, order(364)).holds is False
    assert answer(first_order).text == "first Order Completed: never"


def test_mistakes_in_anniversaries_and_writers_are_named() -> None:
    with pytest.raises(TypeError, match="anniversary takes"):
        anniversary(field("total"))
    with pytest.raises(TypeError, match="29 February is kept"):
        anniversary(trait("birthday"), leap="03-02")
    with pytest.raises(TypeError, match="the name of a journey"):
        written_to("Win Back", within=days(90))
    with pytest.raises(TypeError, match="takes a span"):
        written_to("win-back", within=days(0))


@pytest.mark.parametrize("asked", ["Spring", "spring@", "@2026-12-07", "", 7])
def test_facts_of_campaigns_take_the_id_of_a_launch(asked: Any) -> None:
    for fact in (received, clicked, reached_goal, did_not_react):
        with pytest.raises(TypeError, match="takes the name of a campaign"):
            fact(asked)


def test_facts_of_campaigns_read_aloud() -> None:
    assert str(did_not_react("news@2026-12-07")) == (
        "received news@2026-12-07 and not (clicked in news@2026-12-07) "
        "and not (reached the goal of news@2026-12-07)"
    )


def test_what_must_hold_still_when_a_message_leaves_is_what_is_asked_of_campaigns() -> None:
    silent = did_not_react("spring")
    assert still(silent & (trait("plan") == "pro")) == silent
    assert still(received("spring") & (trait("plan") == "pro")) is None
    assert still(~clicked("spring") | (trait("plan") == "pro")) is None
    assert still(~clicked("spring")) == ~clicked("spring")
    assert followed(silent & ~received("news@2")) == ("news@2", "spring")
    assert followed(clicked("spring")) == ()
