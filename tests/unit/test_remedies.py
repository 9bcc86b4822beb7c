"""Remedies: each reason says what would have changed it."""

import pytest

from sojourn.domain.messages import Channel, Reason
from sojourn.insight.remedies import Facts, Matter, remedy
from tests.support.project import PROJECT


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_remedy(reason: Reason) -> None:
    facts = Facts("c1", "Europe/Rome", PROJECT.journeys)
    for journey in ("abandoned-cart", "gone"):
        words = remedy(Matter(reason, journey, "reminder", "cart", (Channel.EMAIL,)), facts)
        assert words, reason
        assert "None" not in words.replace("says None", "")
