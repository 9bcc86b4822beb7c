"""Questions of a run, as its history holds them and as this process hands them on."""

from datetime import UTC, datetime

import pytest

from sojourn import count, did, trait
from sojourn.domain.calls import Question
from sojourn.domain.facts import read_fact
from sojourn.events import OrderCompleted
from sojourn.journeys.asking import question, summary

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)
BOUGHT = did(OrderCompleted, at_least=2)


def test_a_history_holds_a_question_without_what_its_author_wrote() -> None:
    asked = [question(BOUGHT, run="r", customer_id=who, now=NOON) for who in ("c1", "c2")]
    assert [one.customer_id for one in asked] == ["c1", "c2"]
    assert all(one.about is BOUGHT for one in asked)
    assert asked[0].fact is not asked[1].fact
    written = asked[0].model_dump_json()
    assert "about" not in written
    read = Question.model_validate_json(written)
    assert read.about is None
    assert read.fact is not None
    assert read_fact(read.fact) == BOUGHT


def test_a_question_that_may_not_be_asked_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(TypeError, match="email is personal"):
            question(trait("email") == "ada@shop.example", run="r", customer_id="c", now=NOON)


def test_each_question_has_its_own_words() -> None:
    assert summary(BOUGHT) == "ask: Order Completed at least 2 times"
    assert summary(count(OrderCompleted)) == "ask: Order Completed"
    assert summary(BOUGHT) == "ask: Order Completed at least 2 times"
