"""The journal of a run that continues as new in the middle of its steps."""

from datetime import UTC, datetime, timedelta

import pytest

from sojourn.domain.messages import Performed, Receipt, Status
from sojourn.journeys.journal import Done, Journal
from sojourn.journeys.leaving import StepsChanged

NOON = datetime(2024, 1, 8, 12, tzinfo=UTC)


def test_a_journal_of_other_steps_stops_the_run_and_teaches_patched() -> None:
    journal = Journal()
    journal.resume([Performed(verb="quiet_for"), Performed(verb="send nudge"), Performed()])
    assert journal.next("quiet_for") == Done()
    with pytest.raises(StepsChanged, match=r"self\.patched") as told:
        journal.next("send reminder")
    assert "send reminder" in str(told.value)
    assert "send nudge" in str(told.value)
    journal.next("send nudge")
    journal.next("sleep")  # written before entries had names
    assert journal.is_used_up


def test_entries_go_to_the_next_execution_with_their_verbs() -> None:
    journal = Journal()
    journal.resume([Performed(verb="quiet_for", due=NOON)])
    journal.next("quiet_for")
    journal.plan = journal.put("send nudge", Done(due=NOON, value=Receipt(status=Status.SENT)))
    assert journal.is_used_up
    journal.fell_due(NOON - timedelta(days=1))
    quiet, nudge = journal.entries
    assert (quiet.verb, quiet.due) == ("quiet_for", NOON)
    assert (nudge.verb, nudge.due) == ("send nudge", NOON - timedelta(days=1))
    assert nudge.value == {"status": "sent"}
    assert (journal.times("send nudge"), journal.times("send reminder")) == (1, 0)
    journal.clear()
    assert journal.times("send nudge") == 0
    assert journal.is_blank
