import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.errors import BadToken
from sojourn.domain.links import (
    CODE_ALPHABET,
    LONGEST_LINK,
    Click,
    Open,
    Renew,
    Unsubscribe,
    click_token,
    link_host,
    link_hosts,
    offer_code,
    open_token,
    read_click,
    read_open,
    read_renew,
    read_unsubscribe,
    renew_token,
    unsubscribe_token,
    web_url,
)
from sojourn.domain.messages import Channel

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


@given(customer=text, reference=text)
def test_an_unsubscribe_token_may_name_its_message(customer: str, reference: str) -> None:
    wish = Unsubscribe(customer, Channel.EMAIL, "cart", reference)
    assert read_unsubscribe(SECRET, unsubscribe_token(SECRET, wish)) == wish


def test_an_unsubscribe_link_of_an_old_email_still_works() -> None:
    # made with this key, before links named their message
    old = "WyJjXzEiLCJlbWFpbCIsImNhcnQiXQ.nirQCzGMTq5T9ZZxwb7fFircYUAdCItIPrqUXcWdCLo"
    assert read_unsubscribe(SECRET, old) == WISH


@given(reference=text, url=text)
def test_a_click_token_says_what_was_put_in(reference: str, url: str) -> None:
    token = click_token(SECRET, Click(reference, url))
    assert re.fullmatch(r"[\w.-]+", token, re.ASCII), "needs no escaping in an attribute"
    assert read_click(SECRET, token) == Click(reference, url)
    assert read_open(SECRET, open_token(SECRET, Open(reference))) == Open(reference)


@given(st.text())
def test_a_random_token_is_refused(token: str) -> None:
    for read in (read_click, read_open, read_unsubscribe, read_renew):
        with pytest.raises(BadToken):
            read(SECRET, token)


@given(customer=text, subscription=text, until=st.integers(0, 10**10))
def test_a_renewal_token_says_what_was_put_in(customer: str, subscription: str, until: int) -> None:
    wish = Renew(customer, subscription, until)
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


def test_a_token_of_one_kind_is_refused_as_another() -> None:
    with pytest.raises(BadToken, match="this renew link"):
        read_renew(SECRET, unsubscribe_token(SECRET, WISH))
    with pytest.raises(BadToken, match="this open link"):
        read_open(SECRET, click_token(SECRET, Click("r", "https://shop.example/")))
    with pytest.raises(BadToken, match="this click link"):
        read_click(SECRET, renew_token(SECRET, Renew("r", "https://shop.example/")))


def test_a_changed_token_is_refused() -> None:
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
def test_a_message_links_only_to_web_addresses(url: str | None, expected: str) -> None:
    assert web_url(url, "https://shop.example/") == expected


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://shop.example", "shop.example"),
        ("http://SHOP.example:8080/a", "shop.example"),
        ("https://shop.example?a=@evil.example", "shop.example"),
        ("https://shop.example#@evil.example", "shop.example"),
        ("https://shop.example/żółta", "shop.example"),
        ("https://ada@shop.example/", ""),
        ("https://evil.example\\@shop.example/", ""),
        ("https://evil.example\t@shop.example/", ""),
        ("https://shop.example/\nLocation:x", ""),
        ("https://boo\u212as.example/", ""),
        ("https://shop.example/\ud800", ""),
        ("https://shop.example:port/", ""),
        ("https://shop.example:123456/", ""),
        ("https:///shop.example", ""),
        ("https:shop.example", ""),
        ("//shop.example", ""),
        ("javascript://shop.example/%0Aalert(1)", ""),
        ("https://shop.example/" + "x" * (LONGEST_LINK - 21), "shop.example"),
        ("https://shop.example/" + "x" * (LONGEST_LINK - 20), ""),
        ("", ""),
    ],
)
def test_a_host_is_told_only_where_there_is_no_doubt(url: str, host: str) -> None:
    assert link_host(url) == host


def test_a_shop_without_a_plain_host_tracks_no_links() -> None:
    assert link_hosts("https://żółw.example") == frozenset()
    assert link_hosts("https://Shop.example/it/", ("blog.example",)) == {
        "shop.example", "blog.example",
    }  # fmt: skip


@given(st.text("htps:/\\@.?#[]evil shop\t%", max_size=30).map("https://".__add__))
def test_a_host_that_is_told_is_the_one_that_pythons_parser_sees(url: str) -> None:
    host = link_host(url)
    assert not host or urlsplit(url).hostname == host
