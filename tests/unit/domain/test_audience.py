"""Audiences: named questions about customers, and one clear error for each mistake."""

from typing import Any

import pytest

from sojourn import Audience, did, field, listed, trait
from sojourn.domain.audience import Audiences
from sojourn.domain.errors import SameName, UnknownName
from sojourn.events import OrderCompleted

PRO = trait("plan") == "pro"


@pytest.mark.parametrize(
    "name", ["", "Pro", "pro plan", "pro_plan", "-pro", "pro--plan", "x" * 101, 5]
)
def test_a_name_is_of_small_letters_digits_and_hyphens(name: Any) -> None:
    with pytest.raises(TypeError, match="small letters, digits and hyphens"):
        Audience(name, PRO)


@pytest.mark.parametrize("who", [None, True, trait("plan"), "plan == pro"])
def test_it_takes_a_fact(who: Any) -> None:
    with pytest.raises(TypeError, match=r"Audience\(\"pro\"\): who= takes a fact"):
        Audience("pro", who)


def test_it_has_no_event_at_hand() -> None:
    with pytest.raises(TypeError, match=r'Audience\("big"\): field\("total"\) belongs into where='):
        Audience("big", field("total") >= 20)


@pytest.mark.parametrize("name", ["Fair", "a list", "", 3])
def test_a_list_has_such_a_name_too(name: Any) -> None:
    with pytest.raises(TypeError, match="listed takes the name of a list"):
        listed(name)


def test_a_list_reads_aloud_and_joins() -> None:
    fact = listed("fair") & ~did(OrderCompleted)
    assert str(fact) == "on the list fair and not (Order Completed)"


def test_another_question_has_another_digest_and_the_same_the_same() -> None:
    assert Audience("a", PRO).digest == Audience("b", trait("plan") == "pro").digest
    assert Audience("a", PRO).digest != Audience("a", trait("plan") == "free").digest


def test_two_audiences_of_one_name_are_refused() -> None:
    with pytest.raises(SameName):
        Audiences([Audience("pro", PRO), Audience("pro", PRO)])


def test_an_unknown_audience_offers_the_nearest() -> None:
    with pytest.raises(UnknownName, match='no audience "prp": did you mean "pro"'):
        Audiences([Audience("pro", PRO)]).named("prp")
    with pytest.raises(UnknownName, match="a project has its audiences in audiences/"):
        Audiences().named("pro")
