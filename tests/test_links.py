import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadToken
from domain.links import (
    CODE_ALPHABET,
    Renew,
    Unsubscribe,
    offer_code,
    read_renew,
    read_unsubscribe,
    renew_token,
    unsubscribe_token,
    web_url,
)
from domain.messages import Channel

SECRET = "kept in a drawer"
WISH = Unsubscribe("c_1", Channel.EMAIL, "cart")
text = st.text(st.characters(exclude_categories=["Cs"]))


@given(customer=text, channel=st.sampled_from(Channel), topic=text)
def test_an_unsubscribe_token_says_what_was_put_in(
    customer: str, channel: Channel, topic: str
) -> None:
    wish = Unsubscribe(customer, channel, topic)
    token = unsubscribe_token(SECRET, wish)
    assert re.fullmatch(r"[\w.-]+", token, re.ASCII), "goes into a URL and a header as it is"
    assert read_unsubscribe(SECRET, token) == wish


@given(customer=text, subscription=text)
def test_a_renewal_token_says_what_was_put_in(customer: str, subscription: str) -> None:
    wish = Renew(customer, subscription)
    assert read_renew(SECRET, renew_token(SECRET, wish)) == wish


def test_a_token_is_the_same_each_time_it_is_made() -> None:
    assert unsubscribe_token(SECRET, WISH) == unsubscribe_token(SECRET, WISH)


@pytest.mark.parametrize(
    "token",
    [
        "",
        ".",
        "gibberish",
        "ą",
        "\ud800",
        unsubscribe_token("another key", WISH),
        unsubscribe_token(SECRET, WISH)[1:],
        unsubscribe_token(SECRET, WISH)[:-2],
        renew_token(SECRET, Renew("c_1", "sub_9")),
    ],
)
def test_a_token_not_made_here_is_refused_in_one_clear_line(token: str) -> None:
    with pytest.raises(BadToken, match=r"^this unsubscribe link is damaged or was not made here$"):
        read_unsubscribe(SECRET, token)


def test_a_token_of_one_kind_is_none_of_the_other() -> None:
    with pytest.raises(BadToken, match="this renew link"):
        read_renew(SECRET, unsubscribe_token(SECRET, WISH))


def test_nothing_in_a_token_can_be_changed() -> None:
    token = unsubscribe_token(SECRET, WISH)
    said = token.rpartition(".")[0]
    for place in range(len(said)):
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(BadToken):
            read_unsubscribe(SECRET, token[:place] + other + token[place + 1 :])


def test_white_space_around_a_token_is_forgiven() -> None:
    assert read_unsubscribe(SECRET, f" {unsubscribe_token(SECRET, WISH)}\r\n") == WISH


def test_signing_needs_a_key() -> None:
    with pytest.raises(ValueError, match="secret"):
        unsubscribe_token("", WISH)
    with pytest.raises(ValueError, match="secret"):
        offer_code("", "m", "BACK10")


def test_an_offer_code_is_easy_to_read_and_to_type() -> None:
    for n in range(200):
        code = offer_code(SECRET, f"message/{n}", "BACK10")
        assert re.fullmatch(rf"BACK10-[{CODE_ALPHABET}]{{8}}", code)
    assert not set("01OILU") & set(CODE_ALPHABET)


def test_an_offer_code_is_as_much_the_messages_own_as_its_name() -> None:
    code = offer_code(SECRET, "message/1", "BACK10")
    assert offer_code(SECRET, "message/1", "BACK10") == code
    others = {
        offer_code(SECRET, "message/2", "BACK10"),
        offer_code("another key", "message/1", "BACK10"),
        "BACK10-" + offer_code(SECRET, "message/1", "BACK20").partition("-")[2],
    }
    assert len(others) == 3
    assert code not in others
    assert len({offer_code(SECRET, f"message/{n}", "X") for n in range(5000)}) == 5000


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://cdn.example/a.jpg?w=2&h=3", "https://cdn.example/a.jpg?w=2&h=3"),
        ("http://cdn.example/a.jpg", "http://cdn.example/a.jpg"),
        ("/products/mug", "https://shop.example/products/mug"),
        ("products/mug", "https://shop.example/products/mug"),
        ("//cdn.example/a.jpg", "https://cdn.example/a.jpg"),
        ("javascript:alert(1)", ""),
        (" JavaScript:alert(1)", ""),
        ("java\nscript:alert(1)", ""),
        ("data:text/html,<script>", ""),
        ("file:///etc/passwd", ""),
        ("http:///nowhere", ""),
        ("http://[oops", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_only_web_addresses_stand_in_a_message(url: str | None, expected: str) -> None:
    assert web_url(url, "https://shop.example/") == expected
