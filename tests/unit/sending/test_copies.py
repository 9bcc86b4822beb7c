"""Copies of a campaign's message: a test says of itself that it is one, and where it may go."""

import pytest

from sojourn.domain.content import Content
from sojourn.domain.errors import BadInput
from sojourn.domain.messages import Channel
from sojourn.domain.places import Place, place_of
from sojourn.sending.copies import HEADER, Purpose, marked

MAIL = Content(
    Channel.EMAIL, "spring/message.email.it", "it", subject="Primavera",
    html='<html><body class="x"><p>Ciao</p></body></html>', text="Ciao",
    headers={"List-Unsubscribe": "<x>"},
)  # fmt: skip


def test_a_test_says_so_in_the_language_of_the_mail() -> None:
    told = marked(MAIL, Purpose.TEST)
    assert told.subject == "[Prova] Primavera"
    assert told.text.startswith("Questa è una prova.")
    assert told.html.startswith('<html><body class="x"><div')
    assert "Questa è una prova." in told.html
    assert told.headers == {"List-Unsubscribe": "<x>", HEADER: "test"}


def test_a_seed_is_the_message_as_it_is_but_for_a_header() -> None:
    told = marked(MAIL, Purpose.SEED)
    assert (told.subject, told.html, told.text) == (MAIL.subject, MAIL.html, MAIL.text)
    assert told.headers[HEADER] == "seed"


def test_other_channels_say_so_where_there_is_room() -> None:
    text = marked(Content(Channel.SMS, "t", "pl", text="x" * 155, segments=1), Purpose.TEST)
    assert (text.text[:7], text.segments) == ("[Test] ", 2)
    push = marked(Content(Channel.PUSH, "t", "de", title="Frühling"), Purpose.TEST)
    assert push.title == "[Test] Frühling"
    approved = Content(Channel.WHATSAPP, "t", "en", approved="spring_offer")
    assert marked(approved, Purpose.TEST) == approved


def test_an_address_tells_the_channel() -> None:
    both = (Channel.EMAIL, Channel.WHATSAPP)
    assert place_of("me@shop.example", both) == Place(Channel.EMAIL, "me@shop.example")
    assert place_of("+39 320 1234567", both) == Place(Channel.WHATSAPP, "+393201234567")
    assert place_of("push:abc", (Channel.PUSH,)) == Place(Channel.PUSH, "abc")
    with pytest.raises(BadInput, match="the message goes by email: sms is none"):
        place_of("+393201234567", (Channel.EMAIL,))
    with pytest.raises(BadInput, match="is not an address"):
        place_of("me", both)
