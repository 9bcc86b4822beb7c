"""Limits of single steps: those that an author may write, and those that are refused."""

from datetime import timedelta

import pytest

from sojourn import (
    EMAIL,
    GIVE_WAY,
    TRANSACTIONAL,
    WAIT,
    AtCap,
    Journey,
    Message,
    at_most,
    days,
    hours,
)
from sojourn.domain.limits import AtMost
from sojourn.domain.precedence import Precedence
from sojourn.events import ProductAdded
from sojourn.journeys.precedence import named_in_vain
from workflows.abandoned_cart import AbandonedCart


def test_a_limit_counts_over_whole_days() -> None:
    assert at_most(1, per=days(30)) == AtMost(number=1, days=30)
    assert at_most(2, per=days(7), key="product_id") == AtMost(number=2, days=7, key="product_id")
    assert tuple(AtCap) == (WAIT, GIVE_WAY)


@pytest.mark.parametrize("per", [hours(6), hours(36), timedelta(0), days(-1), days(367)])
def test_a_limit_over_other_spans_is_refused(per: timedelta) -> None:
    with pytest.raises(ValueError, match="whole days, up to 366"):
        at_most(1, per=per)


def test_a_limit_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one message"):
        at_most(0, per=days(1))


def test_a_message_that_is_never_held_has_no_limit() -> None:
    with pytest.raises(TypeError, match="a transactional message is never held by a cap"):
        Message(
            EMAIL,
            useful_for=days(1),
            message_class=TRANSACTIONAL,
            at_most=at_most(1, per=days(1)),
        )
    with pytest.raises(TypeError, match="never held by a cap"):
        Message(EMAIL, useful_for=days(1), message_class=TRANSACTIONAL, at_cap=WAIT)


@pytest.mark.parametrize("key", ["colour", "name"])
def test_a_limit_counts_by_a_field_that_runs_are_told_of(key: str) -> None:
    with pytest.raises(TypeError, match=f'reminder: ProductAdded has no field "{key}" to count'):

        class Reminders(Journey, name="reminders", starts_on=ProductAdded):
            reminder = Message(EMAIL, useful_for=days(1), at_most=at_most(1, per=days(1), key=key))

            async def steps(self) -> None:
                await self.send(self.reminder)


def test_a_precedence_that_names_nothing_is_told_with_the_nearest_name() -> None:
    known = [AbandonedCart]
    assert named_in_vain(Precedence(("abandoned-cart", "abandoned-cart/nudge")), known) == ""
    assert named_in_vain(Precedence(("abandoned-cart/nugde",)), known) == (
        'precedence: order: there is no journey and no message "abandoned-cart/nugde": '
        'did you mean "abandoned-cart/nudge"?'
    )
    assert "correct it or take it back" in named_in_vain(Precedence(("zzz",)), known)
