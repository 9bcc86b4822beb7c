from datetime import timedelta
from typing import Any

import pytest

from sojourn import Limits, hours
from sojourn.domain.abuse import network_of


@pytest.mark.parametrize(
    ("given", "network"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        (" 203.0.113.7 ", "203.0.113.7/32"),
        ("203.0.113.7/24", "203.0.113.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8::/32", "2001:db8::/32"),
        ("::ffff:203.0.113.7", "203.0.113.7/32"),
        ("somewhere", None),
        ("", None),
    ],
)
def test_a_visitor_counts_for_a_network(given: str, network: str | None) -> None:
    assert network_of(given) == network


@pytest.mark.parametrize(
    "wrong",
    [{}, {"customer": 0}, {"network": True}, {"address": 2.5}, {"customer": 1, "per": hours(25)}],
)
def test_limits_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="Limits"):
        Limits(**wrong)


def test_limits_say_what_they_allow() -> None:
    told = str(Limits(customer=5, address=3, per=timedelta(minutes=90)))
    assert told == "5 for a customer, 3 for an address in 90 minutes"
