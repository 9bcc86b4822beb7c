"""Scripts are drawn from the values that fields of events may take."""

from dataclasses import replace

import pytest

from sojourn.events import AppointmentBooked, Event, InvoiceIssued, InvoiceUpdated
from sojourn.journeys.registry import Journeys
from sojourn.testkit.fuzzing.drawing import MOMENTS, Subject
from sojourn.testkit.fuzzing.script import Ahead
from tests.support.project import WHOLE


@pytest.mark.parametrize(
    ("event", "name"),
    [(AppointmentBooked, "starts_at"), (InvoiceIssued, "due_at"), (InvoiceUpdated, "due_at")],
)
def test_a_moment_of_an_event_is_drawn_by_how_far_ahead_it_lies(
    event: type[Event], name: str
) -> None:
    subject = Subject.of(replace(WHOLE, journeys=Journeys([WHOLE.journeys["payment-due"]])))
    assert subject.values(event)[name] == [Ahead(span) for span in MOMENTS]
