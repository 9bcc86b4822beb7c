"""The pages that customers see: one small document each, in their language.

They need no script, no cookie and nothing from elsewhere, and their headers enforce that.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jinja2
from starlette.responses import HTMLResponse

from sojourn.domain.topics import Topics
from sojourn.rendering.folders import LAST_RESORT, Folders
from sojourn.rendering.formatting import Formats, formatting_locale
from sojourn.rendering.languages import fallbacks
from sojourn.settings import Settings

PRIVATE = {
    "Cache-Control": "no-store",
    # the URL holds a token, which no other site may learn
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
"""Headers of every answer to a token."""

_MOST_LANGUAGES = 20
_LONGEST_HEADER = 1000
# no two parts of a pattern may match the same character: the engine would try every split
_TAG = re.compile(r"([a-z]{1,8})(?:-[a-z\d-]+)?", re.ASCII)
_WEIGHT = re.compile(r"[01](?:\.\d{0,3})?", re.ASCII)


class Pages:
    """The pages of one shop.

    Args:
        settings: the shop's name and address, and the installation's language.
        templates: a project's folders, whose ``pages/`` are searched before the engine's own.
        languages: the languages that the project declares.
        topics: the project's topics, with their names.
    """

    def __init__(
        self,
        settings: Settings,
        templates: Iterable[Path] = (),
        languages: Iterable[str] = (),
        topics: Topics | None = None,
    ) -> None:
        self._topics = topics or Topics()
        self._shop = {"name": settings.shop_name, "url": settings.shop_url}
        self._timezone = settings.timezone
        self._stand_ins = (settings.locale, *languages, LAST_RESORT)
        self._folders = Folders(templates)
        self._environment = jinja2.Environment(
            loader=self._folders.loader("pages"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        style = self._folders.find("pages/style.css")
        assert style, "the engine has one"
        self._style = style.read_text()
        known = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._headers = {
            **PRIVATE,
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{known}'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            "Vary": "Accept-Language",
        }

    def answer(
        self, page: str, *, status: int = 200, locale: str = "", accepted: str = "", **names: Any
    ) -> HTMLResponse:
        """Render a page, and answer with it.

        Args:
            page: its name: ``unsubscribe``.
            status: the HTTP status.
            locale: the customer's locale; may be empty.
            accepted: the header ``Accept-Language``; may be empty.
            names: the page's variables: the topic, the channel and the like.

        Returns:
            The answer, in the first language that has the page.
        """
        lang = self.language(page, locale=locale, accepted=accepted)
        html = self._environment.get_template(f"{page}.{lang}.html").render(
            **names,
            lang=lang,
            shop=self._shop,
            style=self._style,
            name_of=self.names(lang),
            formats=Formats(formatting_locale(lang, [locale] if locale else []), self._timezone),
        )
        return HTMLResponse(html, status, {**self._headers, "Content-Language": lang})

    def language(self, page: str, *, locale: str = "", accepted: str = "") -> str:
        """Return the first language that has a page.

        Args:
            page: its name.
            locale: the customer's locale; may be empty.
            accepted: the header ``Accept-Language``; may be empty.

        Returns:
            The language's tag.
        """
        tried = fallbacks((locale, *accepted_languages(accepted), *self._stand_ins))
        return next(tag for tag in tried if self._folders.find(f"pages/{page}.{tag}.html"))

    def version(self, page: str, lang: str) -> str:
        """Return the version of a page's words, which changes whenever its file does."""
        path = self._folders.find(f"pages/{page}.{lang}.html")
        assert path, "a language of `language`"
        return f"{page}.{lang} {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"

    def names(self, lang: str) -> dict[str, dict[str, str]]:
        """Return names of topics and channels: the project's, else the engine's, else ids.

        A project's ``topics.toml`` takes precedence over its ``names.en.html``.

        Args:
            lang: the page's language.

        Returns:
            ``topic``, ``about`` (a sentence on a topic) and ``channel``, each by id.
        """
        tags = fallbacks((lang, *self._stand_ins))
        tried = [f"names.{tag}.html" for tag in tags]
        names: dict[str, dict[str, str]] = {"topic": {}, "channel": {}}
        for found in ([f"engine/{name}" for name in tried], tried):
            module = vars(self._environment.select_template(found).module)
            names["topic"] |= module.get("topics", {})
            names["channel"] |= module.get("channels", {})
        names["topic"] |= {name: topic.name_in(tags) for name, topic in self._topics.items()}
        names["about"] = {name: topic.about_in(tags) for name, topic in self._topics.items()}
        return names


def accepted_languages(header: str) -> list[str]:
    """Return the languages of ``Accept-Language``, best first; invalid parts are left out.

    The work is linear in the header's length, since anybody may send one.
    """
    weighed: list[tuple[float, str]] = []
    for entry in header[:_LONGEST_HEADER].lower().split(",", _MOST_LANGUAGES)[:_MOST_LANGUAGES]:
        tag, semicolon, parameter = entry.partition(";")
        weight = _weight(parameter) if semicolon else 1.0
        if weight and (found := _TAG.fullmatch(tag.strip())):
            weighed.append((weight, found[1]))
    return [name for _, name in sorted(weighed, key=lambda one: one[0], reverse=True)]


def _weight(parameter: str) -> float:
    """Return the weight in ``q=0.5``; 0 if it cannot be read."""
    name, _, value = parameter.partition("=")
    found = _WEIGHT.fullmatch(value.strip())
    return float(found[0]) if name.strip() == "q" and found else 0.0
