"""A message may have hours of its own; they are checked where they are written."""

import pytest

from sojourn import AUTHENTICATION, EMAIL, SMS, TRANSACTIONAL, Message, MessageClass, days
from sojourn.domain.contradictions import contradiction
from sojourn.domain.rules import Rules
from sojourn.domain.rules_file import read_rules


def test_a_variant_has_the_hours_of_its_message() -> None:
    message = Message(EMAIL, useful_for=days(1), step="a", within="mon-fri 09:00-18:00")
    assert message.variant("b").within == "mon-fri 09:00-18:00"
    assert message.of("cart").within == "mon-fri 09:00-18:00"


def test_hours_that_cannot_be_read_are_refused() -> None:
    with pytest.raises(ValueError, match='within= cannot read "9 to 5"'):
        Message(EMAIL, useful_for=days(1), within="9 to 5")


@pytest.mark.parametrize("kind", [TRANSACTIONAL, AUTHENTICATION])
def test_a_message_that_is_never_held_has_no_hours(kind: MessageClass) -> None:
    with pytest.raises(TypeError, match=f"{kind} messages are never held"):
        Message(EMAIL, useful_for=days(1), within="09:00-18:00", message_class=kind)


def test_hours_and_policy_may_contradict_each_other() -> None:
    rules = read_rules('quiet_hours = "21:00-09:00"\n', None)
    assert contradiction(rules, (SMS,), "mon-fri 22:00-23:00") == (
        "nothing could ever leave by sms: quiet hours 21:00-09:00, "
        'open mon-fri 22:00-23:00 only of "the message": take one back'
    )
    assert contradiction(rules, (SMS,), "mon-fri 20:00-23:00") == ""
    assert contradiction(Rules(), (SMS,), "mon-fri 22:00-23:00") == ""
