"""The journal of a run that continues as new in the middle of its steps."""

import pytest

from sojourn.domain.messages import Performed
from sojourn.journeys.journal import Journal
from sojourn.journeys.leaving import StepsChanged


def test_a_journal_of_other_steps_stops_the_run_and_teaches_patched() -> None:
    journal = Journal()
    journal.resume([Performed(verb="quiet_for"), Performed(verb="send nudge"), Performed()])
    assert journal.next("quiet_for").verb == "quiet_for"
    with pytest.raises(StepsChanged, match=r"self\.patched") as told:
        journal.next("send reminder")
    assert "send reminder" in str(told.value)
    assert "send nudge" in str(told.value)
    journal.next("send nudge")
    journal.next("sleep")  # written before entries had names
    assert journal.is_used_up
