"""Tracking: which links of an e-mail lead elsewhere, and that nothing else in it changes."""

import itertools
import re
from dataclasses import replace
from html import escape
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sojourn.domain.content import Content
from sojourn.domain.errors import BadSetting
from sojourn.domain.links import Click, Open, Unsubscribe, read_click, read_open, read_unsubscribe
from sojourn.domain.messages import Channel, MessageClass
from sojourn.domain.reports import reference
from sojourn.rendering.context import Sender
from sojourn.rendering.destinations import Links
from sojourn.rendering.render import Renderer
from sojourn.rendering.tracking import Tracking, with_bare_links, with_links, with_picture
from sojourn.settings import Opens, load_settings
from tests.unit.rendering.test_templates import (
    ADA,
    LANGUAGES,
    MESSAGES,
    RENDERER,
    SECRET,
    SHOP,
    TEMPLATES,
    about,
)

REFERENCE = reference("run/e_1/1-step/email")
PUBLIC = "https://mail.shop.example"


def rendered(
    journey: str = "abandoned-cart",
    template: str = "reminder",
    channel: Channel = Channel.EMAIL,
    settings: dict[str, Any] | None = None,
    **changes: Any,
) -> Content:
    renderer = RENDERER
    if settings:
        renderer = Renderer(SHOP.model_copy(update=settings), SECRET, [TEMPLATES])
    return renderer.render(about(journey, template, **{"reference": REFERENCE, **changes}), channel)


def hrefs(html: str) -> list[str]:
    return re.findall(r'<a href="([^"]*)"', html)


def read_back(said: str, *, html: bool) -> str:
    """The document with its tracked links led back to where they lead."""

    def back(found: re.Match[str]) -> str:
        click = read_click(SECRET, found[1])
        assert click.reference == REFERENCE
        # as css-inline writes an attribute: quotes of the other kind stay
        url = click.url.replace("&", "&amp;").replace('"', "&quot;")
        return url if html else click.url

    return re.sub(rf"{PUBLIC}/c/([\w.-]+)", back, said, flags=re.ASCII)


# ---- e-mails ---------------------------------------------------------------------------------


def test_links_to_the_shop_go_by_the_gateway_and_name_the_message() -> None:
    content = rendered()
    tracked = [url for url in hrefs(content.html) if url.startswith(f"{PUBLIC}/c/")]
    led = [read_click(SECRET, url.rpartition("/")[2]) for url in tracked]
    assert Click(REFERENCE, "https://shop.example/cart?cart_id=cart%207") in led
    assert Click(REFERENCE, "https://shop.example/lamp") in led, "a link that an event brought"
    assert not [url for url in hrefs(content.html) if url.startswith("https://shop.example")]
    bare = re.findall(rf"{PUBLIC}/c/(\S+)", content.text)
    assert Click(REFERENCE, "https://shop.example/cart?cart_id=cart%207") in [
        read_click(SECRET, token) for token in bare
    ]
    assert "https://shop.example" not in content.text


def _marks(lang: str, message_class: MessageClass) -> list[pytest.MarkDecorator]:
    """A footer alone differs by class, and words by language: `make test` tries English."""
    if lang == "en":
        return []
    return [pytest.mark.more if message_class is MessageClass.PROMOTIONAL else pytest.mark.long]


@pytest.mark.parametrize(
    ("lang", "message_class"),
    [
        pytest.param(
            lang,
            one,
            marks=_marks(lang, one),
        )
        for lang, one in itertools.product(LANGUAGES, MessageClass)
    ],
)
def test_tracking_changes_links_alone_in_every_template(
    lang: str, message_class: MessageClass
) -> None:
    for journey, template, channel in MESSAGES:
        options: dict[str, Any] = {
            "customer": replace(ADA, locale=lang),
            "message_class": message_class,
        }
        plain = rendered(journey, template, channel, {"track_clicks": False}, **options)
        tracked = rendered(journey, template, channel, **options)
        if channel is Channel.EMAIL:
            assert tracked != plain
            assert len(tracked.html.encode()) < 102_000, "mailboxes cut off at 102 kB"
            tracked = replace(
                tracked,
                html=read_back(tracked.html, html=True),
                text=read_back(tracked.text, html=False),
            )
        assert tracked == plain


def test_a_preview_measures_nothing() -> None:
    content = rendered(reference="", settings={"track_opens": Opens.ON})
    assert f"{PUBLIC}/c/" not in content.html + content.text
    assert f"{PUBLIC}/o/" not in content.html


def test_links_of_other_hosts_stay_unless_they_are_named() -> None:
    parts = {"html": '<a href="https://blog.example/x">', "text": "https://blog.example/x"}
    context = about("abandoned-cart", "reminder", reference=REFERENCE)
    assert Tracking(SHOP, SECRET).of_email(parts, context) == parts
    named = SHOP.model_copy(update={"link_hosts": ("blog.example",)})
    led = Tracking(named, SECRET).of_email(parts, context)
    assert "blog.example" not in led["html"] + led["text"]


@pytest.mark.parametrize(
    "url",
    [
        "mailto:hello@shop.example",
        "tel:+441171234567",
        "#top",
        "",
        "/cart",
        "//shop.example/cart",
        "javascript:alert(1)",
        "https://shop.example@evil.example/",
        "https://shop.example/" + "x" * 2000,
        "https://mail.shop.example/u/TOKEN",
        "https://cdn.shop.example/a.pdf",
    ],
)
def test_a_link_that_is_not_the_shops_stays(url: str) -> None:
    parts = {"html": f'<p><a href="{escape(url)}">x</a></p>', "text": f"see {url} there"}
    context = about("abandoned-cart", "reminder", reference=REFERENCE)
    assert Tracking(SHOP, SECRET).of_email(parts, context) == parts


@pytest.mark.parametrize("page", ["u", "c", "o", "preferences"])
def test_the_gateways_own_pages_stay_where_it_lives_on_the_shops_host(page: str) -> None:
    settings = SHOP.model_copy(update={"public_url": "https://shop.example/"})
    parts = {"html": f'<a href="https://shop.example/{page}/TOKEN">', "text": ""}
    context = about("abandoned-cart", "reminder", reference=REFERENCE)
    assert Tracking(settings, SECRET).of_email(parts, context) == parts


def test_hosts_are_named_by_their_names_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_LINK_HOSTS", "WWW.shop.example , blog.example,")
    monkeypatch.setenv("SOJOURN_TRACK_CLICKS", "off")
    monkeypatch.setenv("SOJOURN_TRACK_OPENS", "on")
    settings = load_settings()
    assert settings.link_hosts == ("www.shop.example", "blog.example")
    assert (settings.track_clicks, settings.track_opens) == (False, Opens.ON)
    for wrong in ("https://blog.example", "blog.example/x", "*.example", ".example", "a b", "a:80"):
        monkeypatch.setenv("SOJOURN_LINK_HOSTS", wrong)
        with pytest.raises(BadSetting, match=r"SOJOURN_LINK_HOSTS=.*: write names of hosts"):
            load_settings()


# ---- the way out -----------------------------------------------------------------------------


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_promotional_email_has_the_header_and_the_link_to_unsubscribe(lang: str) -> None:
    emails = [m for m in MESSAGES if m[2] is Channel.EMAIL]
    assert len(emails) >= 10
    for journey, template, channel in emails:
        content = rendered(journey, template, channel, customer=replace(ADA, locale=lang))
        assert content.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        web, mail = content.headers["List-Unsubscribe"].split(", ")
        link = web.strip("<>")
        assert read_unsubscribe(SECRET, link.removeprefix(f"{PUBLIC}/u/")) == Unsubscribe(
            "c_1", Channel.EMAIL, "cart", REFERENCE
        )
        assert mail.startswith("<mailto:hello@shop.example?subject=unsubscribe%20")
        assert f'<a href="{link}"' in content.html
        assert f" {link}\n" in content.text


def test_the_link_in_an_sms_is_as_short_as_it_was() -> None:
    context = about("abandoned-cart", "nudge", reference=REFERENCE)
    sender = Sender.of(SHOP, SECRET)
    short = Links(sender, replace(context, reference=""), Channel.SMS).unsubscribe
    assert Links(sender, context, Channel.SMS).unsubscribe == short
    assert Links(sender, context, Channel.EMAIL).unsubscribe != short


# ---- opens -----------------------------------------------------------------------------------


@pytest.mark.parametrize("message_class", MessageClass)
def test_the_picture_that_tells_of_opens_is_there_only_on_demand(
    message_class: MessageClass,
) -> None:
    assert f"{PUBLIC}/o/" not in rendered(message_class=message_class).html
    html = rendered(message_class=message_class, settings={"track_opens": Opens.ON}).html
    found = re.findall(rf'<img src="{PUBLIC}/o/([\w.-]+)" width="1"[^>]*></body>', html)
    if message_class is MessageClass.AUTHENTICATION:
        assert found == []
    else:
        assert [read_open(SECRET, token) for token in found] == [Open(REFERENCE)]


@pytest.mark.parametrize("said", [True, False, None])
@pytest.mark.parametrize("mode", Opens)
def test_the_picture_keeps_to_the_customers_word_on_being_measured(
    mode: Opens,
    said: bool | None,
) -> None:
    html = rendered(opens=said, settings={"track_opens": mode}).html
    expected = {
        Opens.OFF: False, Opens.CONSENT: said is True, Opens.ON: said is not False,
    }  # fmt: skip
    assert (f"{PUBLIC}/o/" in html) is expected[mode]


@pytest.mark.parametrize(
    ("written", "mode"),
    [("off", "off"), ("", "off"), ("0", "off"), ("False", "off"), ("Consent", "consent"),
     ("on", "on"), ("true", "on"), ("1", "on")],
)  # fmt: skip
def test_the_setting_is_read_as_it_was_written_before_there_was_consent(
    monkeypatch: pytest.MonkeyPatch, written: str, mode: str
) -> None:
    monkeypatch.setenv("SOJOURN_TRACK_OPENS", written)
    assert load_settings().track_opens is Opens(mode)


def test_a_setting_that_is_none_of_the_three_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOJOURN_TRACK_OPENS", "maybe")
    with pytest.raises(BadSetting, match=r"SOJOURN_TRACK_OPENS=maybe: .*'off', 'consent' or 'on'"):
        load_settings()


def test_a_document_without_an_end_gets_the_picture_at_its_end() -> None:
    assert with_picture("<p>x", "u").startswith('<p>x<img src="u"')


# ---- any document ----------------------------------------------------------------------------

# no lone surrogates: css-inline gives whole characters
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=12)
prose = words.map(lambda text: escape(text, quote=False))
urls = st.one_of(
    words, words.map(lambda tail: f"https://shop.example/{tail}"), st.just("mailto:a@b.example")
)
others = st.lists(
    st.tuples(st.sampled_from(["class", "title", "data-href", "style"]), words), max_size=2
).map(lambda found: "".join(f' {name}="{escape(value)}"' for name, value in found))


@st.composite
def anchors(draw: st.DrawFn) -> tuple[str, str, str]:
    url = draw(urls)
    before, after = draw(others), draw(others)
    name = draw(st.sampled_from(["a", "A"]))
    href = draw(st.sampled_from(["href", "HREF", "href ", "\nhref"]))
    return f"<{name}{before} {href}=", url, f"{after}>{draw(prose)}</{name}>"


elsewhere = st.one_of(
    prose,
    words.map(lambda text: f'<!--<a href="https://shop.example/">{text.replace("-", "")}-->'),
    words.map(
        lambda text: f"<style>a::after {{ content: '<a href=\"{text.replace('<', '')}' }}</style>"
    ),
    urls.map(lambda url: f'<img src="{escape(url)}" alt="&lt;a href=&quot;x&quot;">'),
    urls.map(lambda url: f'<area data-href="{escape(url)}"><link href="{escape(url)}">'),
    st.just('<!doctype html>\n<html lang="en">\n<body>\n'),
)


@given(st.lists(st.tuples(elsewhere, anchors(), st.sampled_from("\"'")), max_size=6), elsewhere)
@example([("\n\n", ("<a href=", "https://shop.example/?a=1&b=\"2'&copy=3", ">x</a>"), '"')], "")
def test_tracking_changes_only_the_addresses_of_links(
    pieces: list[tuple[str, tuple[str, str, str], str]], end: str
) -> None:
    before = after = ""
    expected: list[str] = []
    seen: list[str] = []

    def lead(url: str) -> str:
        seen.append(url)
        return f"https://t.example/{len(seen)}"

    for between, (opening, url, closing), quote in pieces:
        before += f"{between}{opening}{quote}{escape(url)}{quote}{closing}"
        if url:
            expected.append(url)
            after += f"{between}{opening}{quote}https://t.example/{len(expected)}{quote}{closing}"
        else:
            after += f"{between}{opening}{quote}{quote}{closing}"
    assert with_links(before + end, lead) == after + end
    assert seen == expected
    assert with_links(before + end, lambda url: None) == before + end


@given(st.text("<>aAhref=\"' /!-\n&;:x.", max_size=60))
@example('<a href="x" href="y">')
@example("<a href=x>")
@example('<a href="x"')
@example('<a =href="x">')
def test_a_soup_of_tags_loses_no_byte(soup: str) -> None:
    assert with_links(soup, lambda url: None) == soup
    led = with_links(soup, lambda url: "LED")
    assert led.count("LED") <= soup.lower().count("href")
    # what is left out was the address of a link, and nothing else
    kept = led.split("LED")
    at = 0
    for part in kept:
        at = soup.index(part, at) + len(part)


def test_a_link_with_two_addresses_leads_to_the_first() -> None:
    assert with_links('<a href="x" href="y">', str.upper) == '<a href="X" href="y">'


def test_a_tag_that_can_be_read_in_two_ways_stays() -> None:
    for tag in ('<a href="x""=>', '<a href=="x"">'):
        assert with_links(tag, str.upper) == tag


# ---- bare links ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "led"),
    [
        ("See https://shop.example/a.", "See [https://shop.example/a]."),
        ("(https://shop.example/a)", "([https://shop.example/a])"),
        ("https://shop.example/a_(b)", "[https://shop.example/a_(b)]"),
        ("https://shop.example/a?b=1&c=2, and", "[https://shop.example/a?b=1&c=2], and"),
        ("<https://shop.example/a>", "<[https://shop.example/a]>"),
        ("“https://shop.example/a”!", "“[https://shop.example/a]”!"),
        ("HTTPS://shop.example/a…", "[HTTPS://shop.example/a]…"),
        ("https://...", "[https://]..."),
        ("shop.example/a", "shop.example/a"),
        ("https://a.example/?u=https://b.example/", "[https://a.example/?u=https://b.example/]"),
    ],
)
def test_a_bare_link_ends_where_a_reader_would_end_it(text: str, led: str) -> None:
    assert with_bare_links(text, lambda url: f"[{url}]") == led


@given(st.lists(st.text("ahtps:/.,()! \n\"'<>", max_size=30), max_size=5).map("https://".join))
def test_a_text_whose_links_stay_stays(text: str) -> None:
    assert with_bare_links(text, lambda url: None) == text
    assert with_bare_links(text, lambda url: url) == text
