"""Tracking of an e-mail: links to the shop lead through the gateway, a picture reports an open.

Only the addresses of links change in the document. Every other byte reaches the mailbox as the
template has it. The tokens in the addresses are those of `sojourn.domain.links`.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from html import escape

from sojourn.domain.links import Click, Open, click_token, link_host, link_hosts, open_token
from sojourn.domain.messages import Channel, MessageClass
from sojourn.rendering.context import RenderContext
from sojourn.rendering.hrefs import hrefs
from sojourn.rendering.utm import Utm
from sojourn.settings import Settings

Leads = Callable[[str], str | None]
"""Return the address that replaces a link's; None: the link stays."""

OWN_PAGES = ("u", "c", "o", "m", "preferences", "confirm")
"""Pages of the gateway itself. Visits to them are not counted."""

SIGNED_PAGES = tuple(f"{page}/" for page in (*OWN_PAGES, "r", "s", "appointment"))
"""Pages of the gateway itself whose addresses are signed."""

_BARE_LINK = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_ENDS_A_SENTENCE = frozenset(".,;:!?'…»”’")
_CLOSING = {")": "(", "]": "[", "}": "{"}


class Tracking:
    """Adds tracking to e-mails, as far as the installation wants it.

    Args:
        settings: what to track and to mark, and the shop's hosts.
        secret_key: signs the links.
    """

    def __init__(self, settings: Settings, secret_key: str) -> None:
        self._clicks = settings.track_clicks
        self._utm = settings.utm
        self._opens = settings.track_opens
        self._secret = secret_key
        self._public_url = settings.public_url.rstrip("/")
        self._hosts = link_hosts(settings.shop_url, settings.link_hosts)
        self._own = tuple(f"{self._public_url}/{page}/" for page in OWN_PAGES)
        self._signed = tuple(f"{self._public_url}/{page}" for page in SIGNED_PAGES)

    def of_email(self, parts: Mapping[str, str], context: RenderContext) -> dict[str, str]:
        """Return the parts of an e-mail, ``html`` and ``text`` with tracking.

        A message without a reference, such as a preview, is not tracked.
        """
        html, text = parts["html"], parts["text"]
        utm = Utm(context, Channel.EMAIL) if self._utm else None
        reference = context.reference if self._clicks else ""
        if utm or reference:
            leads = cache(partial(self._leads, utm, reference))
            html = with_links(html, lambda url: _escaped(leads(url)))
            text = with_bare_links(text, leads)
        # a customer who waits for a code opens it anyway
        asked_for = context.message_class is MessageClass.AUTHENTICATION
        measured = self._opens.measures(context.opens)
        if context.reference and measured and not asked_for:
            html = with_picture(html, f"{self._public_url}/o/{self._opened(context.reference)}")
        return {**parts, "html": html, "text": text}

    def _leads(self, utm: Utm | None, reference: str, url: str) -> str | None:
        """Return where a link leads instead: marked, and through the gateway; None: it stays."""
        marked = self._marked(utm, url) if utm else None
        led = self._led(reference, marked or url) if reference else None
        return led or marked

    def _led(self, reference: str, url: str) -> str | None:
        if link_host(url) not in self._hosts or url.startswith(self._own):
            return None
        return f"{self._public_url}/c/{click_token(self._secret, Click(reference, url))}"

    def _marked(self, utm: Utm, url: str) -> str | None:
        if link_host(url) not in self._hosts or url.startswith(self._signed):
            return None
        marked = utm.of(url)
        return None if marked == url else marked

    def _opened(self, reference: str) -> str:
        return open_token(self._secret, Open(reference))


def with_links(html: str, leads: Leads) -> str:
    """Return a document whose links lead elsewhere; nothing else in it changes.

    Args:
        html: the document.
        leads: gets each link's address as a browser reads it. Its answer goes between the quotes as
            it is, so it must need no escaping.
    """
    whole, done = [], 0
    for start, end, url in hrefs(html):
        led = leads(url)
        if led is not None:
            whole += [html[done:start], led]
            done = end
    return "".join([*whole, html[done:]])


def with_bare_links(text: str, leads: Leads) -> str:
    """Return a text whose links lead elsewhere, without the punctuation that ends a sentence.

    Args:
        text: the text.
        leads: as for `with_links`.
    """

    def put(found: re.Match[str]) -> str:
        url = _without_end(found[0])
        led = leads(url)
        return found[0] if led is None else led + found[0][len(url) :]

    return _BARE_LINK.sub(put, text)


def with_picture(html: str, url: str) -> str:
    """Return a document with a picture of one dot at its end; ``url`` must need no escaping."""
    picture = f'<img src="{url}" width="1" height="1" alt="" style="display:block;border:0">'
    body, end, after = html.rpartition("</body>")
    return f"{body}{picture}{end}{after}" if end else f"{html}{picture}"


def without_picture(html: str, begins: str) -> str:
    """Return a document without the picture that `with_picture` puts in.

    Args:
        html: the document.
        begins: the beginning of the picture's address.
    """
    return re.sub(rf'<img src="{re.escape(begins)}[^"]*"[^>]*>', "", html)


def _escaped(url: str | None) -> str | None:
    return None if url is None else escape(url)


def _without_end(url: str) -> str:
    while True:
        last = url[-1]
        opening = _CLOSING.get(last)
        if last not in _ENDS_A_SENTENCE and (
            opening is None or url.count(last) <= url.count(opening)
        ):
            return url
        url = url[:-1]
