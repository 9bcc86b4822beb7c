"""Messages as the keys of what is kept of them."""

from sojourn import EMAIL, SMS, Message, hours


class Says:
    """Declares messages."""

    reminder = Message(EMAIL, useful_for=hours(24))
    warm = reminder.variant()


def test_a_message_that_gets_its_name_late_is_found_by_its_name() -> None:
    message = Message(EMAIL, useful_for=hours(24))
    nameless = hash(message)
    message.__set_name__(Says, "reminder")
    assert hash(message) != nameless
    assert {message: "with its name"}[Says.reminder] == "with its name"


def test_messages_that_say_the_same_are_one_key_and_others_are_not() -> None:
    assert hash(Says.reminder.of("cart")) == hash(Says.reminder.of("cart"))
    others = {Says.reminder, Says.warm, Says.reminder.of("cart"), Message(SMS, useful_for=hours(1))}
    assert len(others) == 4
