"""`Feed`: the articles of a newsletter, and where they are read."""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from sojourn.domain.errors import BadSetting

ANY = ""
"""The language of a feed that is for all languages."""
MONTH = timedelta(days=30)
MOST = 20
"""Articles of one message, at most."""
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*", re.ASCII)


@dataclass(frozen=True)
class Article:
    """An article of a feed, as templates see it: plain text, and addresses on the web.

    Args:
        id: as the feed names it; an article whose id an occurrence has had is not new.
        title: in one line.
        url: of its page.
        text: how it begins, or what it is about, in one line; may be empty.
        image_url: its picture; may be empty.
        published_at: as the feed dates it; None: it does not.
    """

    id: str
    title: str
    url: str
    text: str = ""
    image_url: str = ""
    published_at: datetime | None = None


@dataclass(frozen=True)
class Articles:
    """The articles of one message, for each language that has a feed of its own.

    Args:
        by_language: newest first; those of `ANY` are for languages without a feed of their own.
    """

    by_language: Mapping[str, tuple[Article, ...]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return any(self.by_language.values())

    def of(self, language: str) -> tuple[Article, ...]:
        """Return the articles for a language; where it has no feed, those of the first one.

        Args:
            language: of the message's words: ``pt-BR`` reads the feed of ``pt``.
        """
        for tag in (language, language.partition("-")[0], ANY, next(iter(self.by_language), ANY)):
            if tag in self.by_language:
                return self.by_language[tag]
        return ()


@dataclass(frozen=True)
class Feed:
    """A feed whose new articles a campaign tells of: RSS, Atom or JSON Feed.

    ::

        Feed("https://shop.example/blog/feed.xml", at_most=5)
        Feed({"en": "https://shop.example/en/feed", "it": "https://shop.example/it/feed"})
        Feed("SHOP_FEED_URL")

    Args:
        url: its address, ``https`` or ``http``; or the name of the environment variable that has
            it; or one of the two for each language, the first also for those that are not named.
        at_most: articles of one message.
        not_older_than: the age up to which an article is new; one without a date is.

    Raises:
        TypeError: an argument makes no sense; one line names it.
    """

    url: str | Mapping[str, str]
    at_most: int = 5
    not_older_than: timedelta = MONTH

    def __post_init__(self) -> None:
        """Check what was given."""
        given = self.url if isinstance(self.url, Mapping) else {ANY: self.url}
        if not given or not all(isinstance(one, str) and one for one in given.values()):
            raise TypeError(
                'Feed: url= takes an address, or one for each language: {"en": "https://..."}'
            )
        if isinstance(self.url, Mapping):
            if not all(isinstance(one, str) and one for one in self.url):
                raise TypeError('Feed: url= names languages as the project does: "en"')
            object.__setattr__(self, "url", dict(self.url))
        for one in given.values():
            if not _VARIABLE.fullmatch(one) and (fault := fault_of(one)):
                raise TypeError(
                    f"Feed: url= {fault}, or is the name of an environment variable that has it"
                )
        if type(self.at_most) is not int or not 0 < self.at_most <= MOST:
            raise TypeError(f"Feed: at_most= is a number of articles, 1 to {MOST}")
        if not isinstance(self.not_older_than, timedelta) or self.not_older_than <= timedelta(0):
            raise TypeError("Feed: not_older_than= is a span: days(30)")

    @property
    def written(self) -> Mapping[str, str]:
        """The addresses by language, as they are written: a variable by its name."""
        return self.url if isinstance(self.url, Mapping) else {ANY: self.url}

    def told(self) -> dict[str, Any]:
        """Return what it says as plain values: an approval is bound to them."""
        return {
            "url": dict(self.written),
            "at_most": self.at_most,
            "not_older_than": self.not_older_than.total_seconds(),
        }

    def fresh(
        self, found: Sequence[Article], had: Collection[str], now: datetime
    ) -> tuple[Article, ...]:
        """Return the articles that nobody was told of yet, newest first.

        Args:
            found: the articles of one address, in the feed's order.
            had: ids that an earlier occurrence has told of.
            now: the moment at which ages are taken.

        Returns:
            The articles, `at_most` of them. Those beyond stay new for a later message.
        """
        since = now - self.not_older_than
        by_id: dict[str, Article] = {}
        for one in found:
            if one.id not in had and _is_since(one, since):
                by_id.setdefault(one.id, one)
        new = list(by_id.values())
        if all(one.published_at for one in new):
            new.sort(key=lambda one: one.published_at or since, reverse=True)
        return tuple(new[: self.at_most])

    def addresses(self, environment: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the addresses by language.

        Args:
            environment: holds the variables that are named; None: the process's.

        Returns:
            The addresses.

        Raises:
            BadSetting: a variable is not set, or has no address.
        """
        known = os.environ if environment is None else environment
        return {language: _address(one, known) for language, one in self.written.items()}


def fault_of(url: str) -> str:
    """Return what is wrong with the address of a feed; an empty text if nothing is.

    The text does not quote the address, which may hold a secret.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is not an address"
    if not all(letter.isprintable() and not letter.isspace() for letter in url) or port == 0:
        return "is not an address"
    if parts.scheme not in ("https", "http") or not host:
        return "is an address that begins with https:// or http://"
    return ""


def _is_since(one: Article, since: datetime) -> bool:
    return one.published_at is None or one.published_at >= since


def _address(written: str, environment: Mapping[str, str]) -> str:
    if not _VARIABLE.fullmatch(written):
        return written
    given = environment.get(written, "").strip()
    if not given:
        raise BadSetting(
            f"{written} is not set: it has the address of the feed that a campaign reads; "
            f"set it for the workers and here: {written}=https://shop.example/blog/feed.xml"
        )
    if fault := fault_of(given):
        raise BadSetting(f"{written} {fault}: it has the address of the feed that a campaign reads")
    return given
