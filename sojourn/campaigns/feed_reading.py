"""From the bytes of a feed to its articles: RSS 2.0 and 1.0, Atom, JSON Feed.

The bytes are a stranger's. The result is plain text in one line, of bounded length, and
addresses that a browser takes for places on the web; templates escape it as any other value.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from lxml import etree
from lxml import html as markup

from sojourn.domain.errors import FeedFault
from sojourn.domain.feed import Article
from sojourn.domain.links import link_host, web_url
from sojourn.rendering.words import clean

LONGEST_TITLE = 150
LONGEST_TEXT = 280
LONGEST_NAME = 200
"""Characters of an article's id; a longer one becomes a digest."""
_ATOM = "{http://www.w3.org/2005/Atom}"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_RSS1 = "{http://purl.org/rss/1.0/}"
_DC_DATE = "{http://purl.org/dc/elements/1.1/}date"
_CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
_MEDIA = "{http://search.yahoo.com/mrss/}"
_JSON_FEED = "https://jsonfeed.org/version/"
_SILENT = ("head", "script", "style", "template", "noscript", "iframe", "object", "svg")
_INLINE = frozenset(
    (
        *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "del", "em", "font", "i", "ins", "kbd"),
        *("mark", "q", "s", "small", "span", "strong", "sub", "sup", "time", "tt", "u", "var"),
        "wbr",
    )
)
_SPACES = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*")


@dataclass(frozen=True)
class ReadFeed:
    """The contents of a feed.

    Args:
        articles: in the feed's order.
        left_out: entries without a name, a title or an address on the web.
    """

    articles: tuple[Article, ...]
    left_out: int = 0


def read_feed(data: bytes, address: str) -> ReadFeed:
    """Read a feed.

    Args:
        data: its bytes.
        address: where it is; relative addresses in it are relative to that.

    Returns:
        Its articles.

    Raises:
        FeedFault: it is none, or is damaged.
    """
    body = data[_SPACES.match(data).end() :]  # type: ignore[union-attr]
    entries = list(_of_json(body) if body.startswith(b"{") else _of_xml(body, address))
    found = [one for entry in entries if (one := _safe(entry, address)) is not None]
    return ReadFeed(tuple(found), len(entries) - len(found))


def _safe(entry: Article, address: str) -> Article | None:
    """Return an article with what can stand in a message; None if too little is left."""
    url = web_url(entry.url, address)
    title = _cut(clean(entry.title), LONGEST_TITLE)
    text = _cut(clean(entry.text), LONGEST_TEXT)
    id_ = clean(entry.id) or url
    if not link_host(url) or not (title or text):
        return None
    if len(id_) > LONGEST_NAME:
        id_ = hashlib.sha256(id_.encode()).hexdigest()
    image = web_url(entry.image_url, address)
    return replace(
        entry,
        id=id_,
        url=url,
        title=title or text,
        text=text if title else "",
        image_url=image if link_host(image) else "",
    )


def _cut(text: str, longest: int) -> str:
    """Cut a text between two words."""
    if len(text) <= longest:
        return text
    kept = text[: longest - 1]
    at_word, space, _ = kept.rpartition(" ")
    return (at_word if space and len(at_word) > longest // 2 else kept).rstrip(" ,;:.-") + "…"


# ---- JSON Feed: https://www.jsonfeed.org/version/1.1/ -------------------------------------------


def _of_json(body: bytes) -> Iterator[Article]:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        raise FeedFault("is not JSON that can be read") from None
    version = told.get("version") if isinstance(told, dict) else None
    if not isinstance(version, str) or not version.startswith(_JSON_FEED):
        raise FeedFault("is JSON, and no JSON Feed: its version is not that of one")
    items = told.get("items")
    if not isinstance(items, list):
        raise FeedFault("is a JSON Feed without items")
    for item in items:
        yield _of_item(item if isinstance(item, dict) else {})


def _of_item(item: Mapping[str, Any]) -> Article:
    def said(*names: str) -> str:
        return next((str(item[n]) for n in names if isinstance(item.get(n), str | int)), "")

    return Article(
        id=said("id"),
        title=said("title"),
        url=said("url", "external_url"),
        text=said("summary", "content_text") or _words(said("content_html")),
        image_url=said("image", "banner_image"),
        published_at=_moment(said("date_published", "date_modified")),
    )


# ---- RSS and Atom -------------------------------------------------------------------------------


def _of_xml(body: bytes, address: str) -> Iterator[Article]:
    # entities are left as they are: one that is made of others could become a gigabyte
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        root = etree.fromstring(body, parser, base_url=address)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f" from line {line} on" if line else ""
        raise FeedFault(f"is neither JSON nor well-formed XML{where}") from None
    if root.tag == f"{_ATOM}feed":
        return map(_of_atom, root.iterchildren(f"{_ATOM}entry"))
    if root.tag == "rss":
        return map(_of_rss, root.iterfind("channel/item"))
    if root.tag == f"{_RDF}RDF":
        return map(_of_rdf, root.iterchildren(f"{_RSS1}item"))
    raise FeedFault("is XML, and neither RSS nor Atom")


def _of_atom(entry: etree._Element) -> Article:
    """Read an entry: https://www.rfc-editor.org/rfc/rfc4287."""
    links = [
        (one.get("rel", "alternate"), one)
        for one in entry.iterchildren(f"{_ATOM}link")
        if one.get("href")
    ]
    pages = [one for rel, one in links if rel == "alternate"]
    pages.sort(key=lambda one: one.get("type", "text/html") != "text/html")
    pictures = [one for rel, one in links if rel == "enclosure" and _is_picture(one.get("type"))]
    return Article(
        id=_text(entry, f"{_ATOM}id"),
        title=_construct(entry, f"{_ATOM}title"),
        url=_href(pages),
        text=_construct(entry, f"{_ATOM}summary") or _construct(entry, f"{_ATOM}content"),
        image_url=_href(pictures) or _media(entry),
        published_at=_moment(_text(entry, f"{_ATOM}published") or _text(entry, f"{_ATOM}updated")),
    )


def _of_rss(item: etree._Element) -> Article:
    """Read an item: https://www.rssboard.org/rss-specification."""
    link, guid = _text(item, "link"), item.find("guid")
    id_ = _text(item, "guid")
    if not link and guid is not None and guid.get("isPermaLink", "true") != "false":
        link = id_
    pictures = [one for one in item.iterchildren("enclosure") if _is_picture(one.get("type"))]
    return Article(
        id=id_,
        title=_words(_text(item, "title")),
        url=link,
        text=_words(_text(item, "description") or _text(item, _CONTENT)),
        image_url=next((one.get("url", "") for one in pictures), "") or _media(item),
        published_at=_moment(_text(item, "pubDate") or _text(item, _DC_DATE)),
    )


def _of_rdf(item: etree._Element) -> Article:
    """Read an item of RSS 1.0: https://web.resource.org/rss/1.0/spec."""
    return Article(
        id=item.get(f"{_RDF}about", ""),
        title=_words(_text(item, f"{_RSS1}title")),
        url=_text(item, f"{_RSS1}link"),
        text=_words(_text(item, f"{_RSS1}description") or _text(item, _CONTENT)),
        published_at=_moment(_text(item, _DC_DATE)),
    )


def _text(parent: etree._Element, tag: str) -> str:
    found = parent.find(tag)
    return "" if found is None else "".join(_own_text(found)).strip()


def _own_text(element: etree._Element) -> Iterator[str]:
    """Yield the text of an element and those in it; comments and entities are none."""
    yield element.text or ""
    for child in element:
        if isinstance(child.tag, str):
            yield from _own_text(child)
        yield child.tail or ""


def _construct(entry: etree._Element, tag: str) -> str:
    """Return a text of Atom, which says of itself whether it is HTML."""
    found = entry.find(tag)
    if found is None:
        return ""
    kind = found.get("type", "text")
    if kind == "xhtml":
        return _words("".join(etree.tostring(one, encoding="unicode") for one in found))
    said = "".join(_own_text(found))
    return said if kind in ("text", "text/plain") else _words(said)


def _href(links: list[etree._Element]) -> str:
    return next((web_url(one.get("href"), one.base or "") for one in links), "")


def _media(entry: etree._Element) -> str:
    """Return the picture that Media RSS names: https://www.rssboard.org/media-rss."""
    for one in entry.iter(f"{_MEDIA}content", f"{_MEDIA}thumbnail"):
        is_picture = one.tag == f"{_MEDIA}thumbnail" or one.get("medium") == "image"
        if one.get("url") and (is_picture or _is_picture(one.get("type"))):
            return str(one.get("url"))
    return ""


def _is_picture(media_type: str | None) -> bool:
    return (media_type or "").startswith("image/")


def _words(text: str) -> str:
    """Return what a reader sees of a piece of HTML, as one text."""
    if "<" not in text and "&" not in text:
        return text
    try:
        root = markup.fragment_fromstring(text.replace("\0", ""), create_parent="div")
    except (etree.ParserError, ValueError):
        return ""
    etree.strip_elements(root, *_SILENT, with_tail=False)
    etree.strip_elements(root, etree.Comment, etree.ProcessingInstruction, with_tail=False)
    for one in root.iter(etree.Element):
        if one.tag not in _INLINE:
            one.text, one.tail = f" {one.text or ''}", f" {one.tail or ''}"
    return str(root.text_content())


def _moment(told: str) -> datetime | None:
    """Read a moment as RFC 822 or ISO 8601 has it; one without a zone is in UTC."""
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(told.strip())
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            continue
    return None
