"""A reply becomes an event with its intent, which alone reaches a run."""

from datetime import UTC, datetime

import pytest

from sojourn import Channel, Intent
from sojourn.channels.replies import reply_reports
from sojourn.dispatch.reports import event_of
from sojourn.domain.reports import Kind
from sojourn.events import MessageReplied
from sojourn.store.reports import Told

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)


def replied(text: str, locale: str = "") -> MessageReplied | None:
    """Return the event of a reply as a provider brings it; None if it is no Message Replied."""
    for report in reply_reports(
        text, event_id="e", at=AT, channel=Channel.SMS, address="+393201234567"
    ):
        if report.kind is not Kind.REPLIED:
            continue
        told = Told(
            provider="twilio",
            report=report,
            customer_id="c",
            journey="how-was-it",
            workflow_id="how-was-it:c:o",
            step="question",
            channel=Channel.SMS,
            topic="how-was-it",
            locale=locale,
        )
        event = event_of(told)
        assert isinstance(event, MessageReplied)
        return event
    return None


@pytest.mark.parametrize(
    ("text", "locale", "intent", "number"),
    [
        ("Sì, grazie", "it-IT", "yes", None),
        ("no", "en", "no", None),
        ("no", "pl-PL", "other", None),
        ("9/10", "", "number", 9),
        ("HELP", "", "help", None),
        ("where is my order", "", "order", None),
        ("Stop. I never signed up", "", "stop", None),
    ],
)
def test_a_run_hears_the_intent_and_not_the_words(
    text: str, locale: str, intent: str, number: int | None
) -> None:
    event = replied(text, locale)
    assert event is not None
    assert (event.intent, event.number, event.text) == (Intent(intent), number, text)
    public = event.public()
    assert public["intent"] == intent
    assert "text" not in public


def test_a_bare_stop_is_no_reply() -> None:
    assert replied("STOP") is None
