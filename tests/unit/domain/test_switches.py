"""A switch concerns a journey, a topic or everything."""

from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain.switches import Scope, Switch, first

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)


def switch(scope: Scope, name: str = "", hours: int = 0) -> Switch:
    return Switch(scope, name, NOON + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("one", "concerned"),
    [
        (switch(Scope.ALL), True),
        (switch(Scope.JOURNEY, "abandoned-cart"), True),
        (switch(Scope.JOURNEY, "onboarding"), False),
        (switch(Scope.JOURNEY, "cart"), False),
        (switch(Scope.TOPIC, "cart"), True),
        (switch(Scope.TOPIC, "abandoned-cart"), False),
        (switch(Scope.TOPIC, "news"), False),
    ],
)
def test_a_switch_concerns_its_journey_its_topic_or_everything(
    one: Switch, *, concerned: bool
) -> None:
    found = first([one], journey="abandoned-cart", topics=["cart"])
    assert found == (one if concerned else None)


def test_of_several_switches_the_oldest_counts() -> None:
    late, early = switch(Scope.ALL, hours=2), switch(Scope.TOPIC, "cart", hours=1)
    other = switch(Scope.TOPIC, "news")
    assert first([late, early, other], journey="j", topics=["cart"]) == early
    assert first([], journey="j", topics=["cart"]) is None
