"""The pages that customers see: one small document each, in their language.

They need no script, no cookie and nothing from elsewhere, and their headers hold them to it.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

import jinja2
from starlette.responses import HTMLResponse

from sojourn.settings import Settings

TEMPLATES = Path(__file__).resolve().parents[2] / "rendering" / "templates" / "pages"
LANGUAGES = ("en", "it", "pl")
PRIVATE = {
    "Cache-Control": "no-store",
    # the address holds a token, which is nobody else's business
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "noindex",
}
"""Headers of whatever a token leads to."""

_MOST_LANGUAGES = 20
_ACCEPTED = re.compile(r"\s*([a-z]{1,8})(?:-[a-z\d-]+)?\s*(?:;\s*q\s*=\s*([01](?:\.\d*)?))?\s*")


class Pages:
    """Renders them.

    Args:
        settings: the shop's name and address, and the language of last resort but one.
    """

    def __init__(self, settings: Settings) -> None:
        self._shop = {"name": settings.shop_name, "url": settings.shop_url}
        self._locale = settings.locale
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._style = (TEMPLATES / "style.css").read_text()
        known = base64.b64encode(hashlib.sha256(self._style.encode()).digest()).decode()
        self._headers = {
            **PRIVATE,
            "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{known}'; "
            "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            "Vary": "Accept-Language",
        }

    def answer(
        self, page: str, *, status: int = 200, locale: str = "", accepted: str = "", **names: str
    ) -> HTMLResponse:
        """A page as HTTP.

        Args:
            page: its name: ``unsubscribe``.
            status: of HTTP.
            locale: the customer's own; may be empty.
            accepted: the header ``Accept-Language``; may be empty.
            names: what the page speaks of.
        """
        lang = language_of((locale, *accepted_languages(accepted), self._locale))
        html = self._environment.get_template(f"{page}.{lang}.html").render(
            **names, lang=lang, shop=self._shop, style=self._style, name_of=self._names(lang)
        )
        return HTMLResponse(html, status, {**self._headers, "Content-Language": lang})

    def _names(self, lang: str) -> dict[str, dict[str, str]]:
        """What topics and channels are called; what has no name is called as it is."""
        module = self._environment.get_template(f"names.{lang}.html").module
        return {"topic": vars(module)["topics"], "channel": vars(module)["channels"]}


def language_of(locales: Iterable[str]) -> str:
    """The first of these that there are pages in; English if there is none."""
    for locale in locales:
        found = re.match(r"[a-z]+", locale.strip().lower())
        if found and found[0] in LANGUAGES:
            return found[0]
    return LANGUAGES[0]


def accepted_languages(header: str) -> list[str]:
    """The languages of ``Accept-Language``, best first; what is none is passed over."""
    weighed: list[tuple[float, str]] = []
    for entry in header.lower().split(",")[:_MOST_LANGUAGES]:
        found = _ACCEPTED.fullmatch(entry)
        if found:
            weighed.append((float(found[2] or 1), found[1]))
    return [
        name for weight, name in sorted(weighed, key=lambda one: one[0], reverse=True) if weight
    ]
