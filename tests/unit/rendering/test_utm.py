"""`utm_` parameters: on the shop's links alone, never over others, and nothing else changes."""

from html import unescape
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.domain.links import LONGEST_LINK
from sojourn.domain.messages import Channel
from sojourn.rendering.context import RenderContext
from sojourn.rendering.tracking import Tracking
from sojourn.rendering.utm import Utm
from tests.unit.rendering.test_templates import SECRET, SHOP, about
from tests.unit.rendering.test_tracking import hrefs, read_back, rendered

ALL = "utm_source=sojourn&utm_medium=email&utm_campaign=abandoned-cart&utm_content=first.warm"
MARKED = SHOP.model_copy(update={"utm": True, "track_clicks": False})


def context(**changes: Any) -> RenderContext:
    return about("abandoned-cart", "reminder", **{"step": "first", "variant": "warm", **changes})


def marked(url: str) -> str:
    return Utm(context(), Channel.EMAIL).of(url)


@pytest.mark.parametrize(
    ("url", "led"),
    [
        ("https://shop.example", f"https://shop.example?{ALL}"),
        ("https://shop.example/a?b=1", f"https://shop.example/a?b=1&{ALL}"),
        ("https://shop.example/a?b=1&", f"https://shop.example/a?b=1&{ALL}"),
        ("https://shop.example/a?", f"https://shop.example/a?{ALL}"),
        ("https://shop.example/a#there?x=1", f"https://shop.example/a?{ALL}#there?x=1"),
        (
            "https://shop.example/%C5%BC?q=a+b%20c&r=ż",
            f"https://shop.example/%C5%BC?q=a+b%20c&r=ż&{ALL}",
        ),
    ],
)
def test_the_parameters_come_before_the_fragment_and_all_else_stays(url: str, led: str) -> None:
    assert marked(url) == led


@pytest.mark.parametrize(
    "query",
    [
        "utm_source=x",
        "a=1&UTM_Campaign=",
        "utm%5Fsource=x",
        "sig=1",
        "a=1&X-Amz-Signature=2",
        "token=3",
    ],
)
def test_a_link_that_has_parameters_or_is_signed_stays(query: str) -> None:
    url = f"https://shop.example/a?{query}#there"
    assert marked(url) == url


def test_a_link_that_would_become_too_long_stays() -> None:
    url = "https://shop.example/" + "a" * (LONGEST_LINK - 60)
    assert marked(url) == url


def test_a_message_without_a_step_or_a_variant_is_named_by_its_template() -> None:
    bare = Utm(context(step="", variant=""), Channel.EMAIL).of("https://shop.example")
    assert bare.endswith("utm_campaign=abandoned-cart&utm_content=reminder")


@given(
    query=st.lists(st.tuples(st.text("abż &=+%#?", max_size=6), st.text(max_size=6)), max_size=4),
    fragment=st.text("ab#?&=", max_size=8),
)
def test_nothing_of_an_address_is_lost(query: list[tuple[str, str]], fragment: str) -> None:
    before = f"https://shop.example/a?{urlencode(query)}#{fragment}"
    after = marked(before)
    assert urlsplit(after).fragment == urlsplit(before).fragment
    said = parse_qsl(urlsplit(after).query, keep_blank_values=True)
    assert said[:-4] == parse_qsl(urlsplit(before).query, keep_blank_values=True)
    assert marked(after) == after


def test_links_to_the_shop_alone_are_marked_in_both_parts() -> None:
    own = [
        f"{SHOP.public_url}/{page}/token"
        for page in ("u", "preferences", "r", "s", "appointment", "m")
    ]
    lines = ["https://shop.example/a?b=1&c=2", "https://other.example/", *own]
    parts = {
        "html": "".join(f'<a href="{one}">x</a>' for one in lines).replace("&", "&amp;"),
        "text": "\n".join(lines),
    }
    hosts = MARKED.model_copy(update={"link_hosts": ("mail.shop.example",)})
    said = Tracking(hosts, SECRET).of_email(parts, context())
    led = [f"https://shop.example/a?b=1&c=2&{ALL}", *lines[1:]]
    assert [unescape(url) for url in hrefs(said["html"])] == led
    assert "&amp;utm_medium" in said["html"]
    assert said["text"].split("\n") == led


def test_a_tracked_link_leads_to_the_marked_address() -> None:
    said = rendered(settings={"utm": True}, step="first", variant="warm")
    assert "utm_campaign=abandoned-cart&utm_content=first.warm" in read_back(said.text, html=False)
    assert "utm_" not in read_back(rendered().text, html=False), "off until it is asked for"
