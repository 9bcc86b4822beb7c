"""Feeds as blogs write them, and as nobody should: RSS, Atom, JSON Feed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sojourn.campaigns.feed_reading import LONGEST_TEXT, LONGEST_TITLE, read_feed
from sojourn.domain.errors import FeedFault
from sojourn.domain.feed import Article
from sojourn.domain.links import link_host
from tests.support.feeds import json_feed

AT = "https://blog.example/feed.xml"

RSS2 = """<?xml version="1.0" encoding="ISO-8859-1"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
     xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/">
<channel>
<title>The blog</title>
<link>https://blog.example/</link>
<item>
  <title>Café &amp; crème: &lt;em&gt;ours&lt;/em&gt;</title>
  <link>https://blog.example/cafe</link>
  <guid isPermaLink="false">post-7</guid>
  <pubDate>Thu, 05 Mar 2026 10:00:00 +0100</pubDate>
  <description><![CDATA[<p>One&nbsp;cup<br>a day.</p><script>alert(1)</script>
<p>Or t<b>w</b>o.</p>]]></description>
  <content:encoded><![CDATA[<p>The whole.</p>]]></content:encoded>
  <enclosure url="/cup.jpg" length="1" type="image/jpeg"/>
</item>
<item>
  <title>By its guid</title>
  <guid>https://blog.example/guid</guid>
  <dc:date>2026-03-04T09:00:00Z</dc:date>
  <content:encoded>The whole.</content:encoded>
  <media:content url="https://cdn.example/m.png" medium="image"/>
</item>
<item><title>Leads nowhere</title><link>javascript:alert(1)</link></item>
</channel>
</rss>""".encode("latin-1")

ATOM = b"""\xef\xbb\xbf
<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://blog.example/en/">
  <title>The blog</title>
  <entry>
    <id>tag:blog.example,2026:1</id>
    <title type="html">Tents &amp;amp; &lt;b&gt;more&lt;/b&gt;</title>
    <link rel="self" href="https://blog.example/self"/>
    <link href="tents"/>
    <link rel="enclosure" type="image/png" href="tent.png"/>
    <updated>2026-03-06T00:00:00Z</updated>
    <published>2026-03-05T09:00:00+01:00</published>
    <summary>Plain &lt;words&gt;</summary>
  </entry>
  <entry>
    <id>2</id>
    <title>No &lt;b&gt; here</title>
    <link rel="alternate" type="application/pdf" href="a.pdf"/>
    <link rel="alternate" type="text/html" href="https://other.example/2"/>
    <updated>2026-03-01T00:00:00Z</updated>
    <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One</p><p>two</p></div></content>
  </entry>
</feed>"""

RDF = b"""<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel rdf:about="https://blog.example/"/>
<item rdf:about="https://blog.example/1"><title>Old style</title>
<link>https://blog.example/1</link><description>Still read.</description>
<dc:date>2026-03-05</dc:date></item></rdf:RDF>"""


def utc(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


def test_a_feed_of_rss_2_is_read() -> None:
    found = read_feed(RSS2, AT)
    assert found.articles == (
        Article(
            "post-7", "Café & crème: ours", "https://blog.example/cafe",
            "One cup a day. Or two.", "https://blog.example/cup.jpg", utc(5, 9),
        ),
        Article(
            "https://blog.example/guid", "By its guid", "https://blog.example/guid", "The whole.",
            "https://cdn.example/m.png", utc(4, 9),
        ),
    )  # fmt: skip
    assert found.left_out == 1, "javascript: is no place to go"


def test_a_feed_of_atom_is_read() -> None:
    assert read_feed(ATOM, "https://cdn.example/atom").articles == (
        Article(
            "tag:blog.example,2026:1", "Tents & more", "https://blog.example/en/tents",
            "Plain <words>", "https://blog.example/en/tent.png", utc(5, 8),
        ),
        Article("2", "No <b> here", "https://other.example/2", "One two", "", utc(1)),
    )  # fmt: skip


def test_a_feed_of_rss_1_is_read() -> None:
    assert read_feed(RDF, AT).articles == (
        Article(
            "https://blog.example/1", "Old style", "https://blog.example/1", "Still read.", "",
            utc(5),
        ),
    )  # fmt: skip


def test_a_json_feed_is_read() -> None:
    body = json_feed(
        {
            "id": 7, "url": "/seven", "title": "Tents & <more>", "content_html": "<p>a</p><p>b</p>",
            "image": "https://cdn.example/7.png", "date_published": "2026-03-05T09:00:00+01:00",
        },
        {"id": "8", "external_url": "https://other.example/8", "content_text": "No title, 1 < 2"},
        {"id": "9", "title": "No address"},
        {"id": ["x"], "url": "https://blog.example/10", "title": 10, "date_published": "soon"},
    )  # fmt: skip
    assert read_feed(body, AT).articles == (
        Article(
            "7", "Tents & <more>", "https://blog.example/seven", "a b", "https://cdn.example/7.png",
            utc(5, 8),
        ),
        Article("8", "No title, 1 < 2", "https://other.example/8"),
        Article("https://blog.example/10", "10", "https://blog.example/10"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "neither JSON nor well-formed XML"),
        (b"<!doctype html><html><body><p>Be back soon<br></body></html>", "well-formed XML"),
        (b"<html xmlns='http://www.w3.org/1999/xhtml'/>", "neither RSS nor Atom"),
        (RSS2[:-20], "well-formed XML from line"),
        (b"<rss><channel><item><title>&nbsp;</title></item></channel></rss>", "well-formed XML"),
        (b"{", "not JSON that can be read"),
        (b"{" * 100_000, "not JSON that can be read"),
        (b'{"version": "1.0", "items": []}', "no JSON Feed"),
        (json_feed().replace(b"[]", b"{}"), "without items"),
    ],
)
def test_what_is_no_feed_is_refused_and_nothing_of_it_is_quoted(body: bytes, why: str) -> None:
    with pytest.raises(FeedFault, match=why) as refused:
        read_feed(body, "https://blog.example/feed?token=hush")
    assert "hush" not in str(refused.value)
    assert "Be back" not in str(refused.value)


def test_entities_are_neither_expanded_nor_fetched() -> None:
    item = "<item><link>https://blog.example/1</link><title>a &f; c</title></item>"
    document = f"<!DOCTYPE rss [%s]><rss><channel>{item}</channel></rss>"
    for told in ('<!ENTITY f SYSTEM "file:///etc/passwd">', '<!ENTITY f "all of it">'):
        (one,) = read_feed((document % told).encode(), AT).articles
        assert one.title == "a c"
    doubled = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<!ENTITY l0 "lol">{doubled}<!ENTITY f "&l11;">'
    with pytest.raises(FeedFault, match="well-formed XML"):
        read_feed((document % bomb).encode(), AT)


def test_texts_are_cut_between_words_and_names_are_bounded() -> None:
    body = json_feed(
        {"id": "i" * 999, "url": "/1", "title": "word " * 99, "summary": "\u202eword\n\0 " * 99}
    )
    (one,) = read_feed(body, AT).articles
    assert one.title.endswith("word…")
    assert len(one.title) <= LONGEST_TITLE
    assert set(one.text) <= set("word …")
    assert len(one.text) <= LONGEST_TEXT
    assert len(one.id) == 64


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=5,
    ),
    st.text(),
)
def test_whatever_a_feed_says_what_comes_out_can_stand_in_a_message(said: object, url: str) -> None:
    fields = ("id", "title", "summary", "content_html", "image", "date_published")
    body = json_feed(
        {**dict.fromkeys(fields, said), "url": url}, {"id": "1", "url": "/", "title": url}
    )
    for one in read_feed(body, AT).articles:
        assert link_host(one.url)
        assert not one.image_url or link_host(one.image_url)
        assert one.title
        for text in (one.id, one.title, one.text):
            assert text == " ".join(text.split())
            assert text.isprintable() or all(c.isprintable() or ord(c) > 0x9F for c in text)
